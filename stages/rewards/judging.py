"""What a judging model must offer, and the two ways to read its answers: a judgement after reasoning, or one word.

Who answers is in server_judge.py and local_judge.py; what becomes of the odds in generative.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from stages.core.ask import Keep
from stages.core.chat import ChatRequest, Message, Outcome, TokenLogprobs
from stages.core.journal import Journal
from stages.core.rows import Problem
from stages.rewards.judge_prompt import entailment_messages, judge_messages
from stages.rewards.judgement import Odds, first_odds, first_token, judgement_odds, judgement_tokens

TOP_LOGPROBS: Final = 20
"""Tokens asked for in each place; most servers give no more."""

Prompt = Callable[[Sequence[Message], str, str], tuple[Message, ...]]
"""From a conversation, its response and a principle to the chat that is answered."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is asked, and how the log-probabilities of an answer are read.

    `keep` chooses what of them the journal holds; `odds` reads what was kept. `reasons`: the answer has reasoning
    before its judgement; otherwise it is one word.
    """

    prompt: Prompt
    keep: Keep
    odds: Callable[[Sequence[TokenLogprobs]], Odds]
    reasons: bool


def judgement_form(role: str) -> Form:
    """Reasoning, then a last line with the judgement; `role` is that of the message that holds the principle."""

    def prompt(messages: Sequence[Message], response: str, principle: str) -> tuple[Message, ...]:
        return judge_messages(messages, response, principle, role)

    return Form(prompt=prompt, keep=judgement_tokens, odds=judgement_odds, reasons=True)


ONE_WORD: Final = Form(prompt=entailment_messages, keep=first_token, odds=first_odds, reasons=False)
"""The chat of an entailment model, which answers Yes or No at once."""


class Chat(NamedTuple):
    """A chat to be answered; `truncated` says that a part of the conversation was left out of it."""

    messages: tuple[Message, ...]
    truncated: bool


class Judge(Protocol):
    """A model that answers chats with log-probabilities, behind a server or in this process."""

    @property
    def model(self) -> str:
        """The model's name."""

    def prepare(self, messages: Sequence[Message], response: str, principle: str) -> Chat | Problem:
        """The chat about one response and principle, or why it cannot be asked."""

    def complete(
        self, requests: Sequence[ChatRequest], journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """The outcome of each request in order, equal ones asked once; what the journal holds is not asked again."""

    def facts(self) -> dict[str, object]:
        """Calls, tokens and cost so far."""

    def close(self) -> None:
        """Give back what is held."""
