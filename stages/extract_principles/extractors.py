"""What reads the feedback: the built-in rules, a server, or a model in this process, behind one protocol.

An extractor answers each text with claims or with a problem. What becomes of claims is decided elsewhere.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from stages.core.chat import CallFailure, ChatRequest, Outcome
from stages.core.client import Client
from stages.core.journal import Journal
from stages.core.manifest import hidden
from stages.core.options import LlmOptions
from stages.core.rows import Problem
from stages.extract_principles import rules
from stages.extract_principles.mention import Claim
from stages.extract_principles.parse import parse_claims
from stages.extract_principles.prompt import request

JOURNALS: Final = "journal"
"""The folder, among our own files of the output, that holds the journals of calls."""


class Text(NamedTuple):
    """One annotator's feedback, and the conversation and response it is about, as plain text."""

    feedback: str
    conversation: str
    response: str


class Extractor(Protocol):
    """Reads texts and says which principles they mention."""

    name: str
    """What every row carries: what read the feedback."""

    def extract(self, texts: Sequence[Text], part: int, advance: Callable[[int], None]) -> list[list[Claim] | Problem]:
        """The claims of each text in order, or why there are none; `advance` is told of texts finished."""


class RulesExtractor:
    """The built-in rules: deterministic, no model, precision before recall."""

    name: str = f"rules@{rules.VERSION}"

    def extract(self, texts: Sequence[Text], part: int, advance: Callable[[int], None]) -> list[list[Claim] | Problem]:
        """Read every text with the rules, which never fail."""
        answers: list[list[Claim] | Problem] = []
        for text in texts:
            answers.append(rules.extract(text.feedback))
            advance(1)
        return answers


class ModelExtractor:
    """A language model: one call a text, remembered in the part's journal."""

    def __init__(self, client: Client, options: LlmOptions, *, seed: int, with_response: bool, root: Path) -> None:
        self.name = client.model
        self._client, self._options, self._seed = client, options, seed
        self._with_response = with_response
        self._journals = hidden(root, JOURNALS)

    def extract(self, texts: Sequence[Text], part: int, advance: Callable[[int], None]) -> list[list[Claim] | Problem]:
        """Ask for every text; a call that failed for good becomes a problem."""
        requests = [self._request(text) for text in texts]
        with Journal(self._journals / f"part-{part:05d}.jsonl") as journal:
            outcomes = self._client.complete(requests, parse_claims, journal, advance)
            journal.compact()
        return [_claims(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]

    def _request(self, text: Text) -> ChatRequest:
        return extraction_request(text, self._options, self.name, seed=self._seed, with_response=self._with_response)


def extraction_request(text: Text, options: LlmOptions, model: str, *, seed: int, with_response: bool) -> ChatRequest:
    """The request for one text: the feedback alone, or with the conversation and the response it is about."""
    return request(
        text.feedback,
        model=model,
        temperature=options.temperature,
        max_reply_tokens=options.max_reply_tokens,
        seed=seed,
        conversation=text.conversation if with_response else None,
        response=text.response if with_response else None,
    )


def _claims(request: ChatRequest, outcome: Outcome) -> list[Claim] | Problem:
    if isinstance(outcome, CallFailure):
        # the key leads from the rejected row to the raw answers in the journal
        return Problem(outcome.reason, "feedback", f"{outcome.error} (call {request.key[:16]} in the journal).")
    return parse_claims(outcome.text)
