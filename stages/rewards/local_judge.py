"""A judge in this process: it writes reasoning and judgement, then one forward pass gives the odds of Yes and No.

How text is generated is in models/generate.py, how the two tokens are compared in models/next_token.py.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from stages.core.ask import Finished, conclude, problem_of
from stages.core.ask import Problem as Fault
from stages.core.batched import BatchedCalls
from stages.core.chat import ChatRequest, Message, Outcome, TokenLogprobs
from stages.core.errors import ConfigError
from stages.core.journal import Journal
from stages.core.rows import Problem
from stages.models.client import as_answer
from stages.models.generate import Completion, LocalChat
from stages.models.load import model_name
from stages.models.next_token import choice_log_probs
from stages.models.truncation import Conversation
from stages.rewards.fitting import fit_chat
from stages.rewards.judgement import NO_JUDGEMENT
from stages.rewards.judging import Chat, Form
from stages.rewards.local import placement
from stages.rewards.local_spot import Spot, find_spot
from stages.rewards.options import RewardOptions

_PROBE: Final = "principle-7f3a"


class LocalJudge:
    """The model `source`, a folder or a hub id; `form` must be one with reasoning.

    Raises ConfigError for a chat template that leaves out messages of the principle's role.
    """

    def __init__(self, source: str, options: RewardOptions, form: Form) -> None:
        assert form.reasons
        self.model: Final = model_name(source)
        self._form = form
        self._options = options
        device, dtype = placement(options)
        self._chat = LocalChat(
            source,
            max_new_tokens=options.max_reply_tokens,
            temperature=options.temperature,
            device=device,
            dtype=dtype,
            thinking=True,
        )
        self._calls = BatchedCalls(options.llm(f"local:{source}"))
        self._check_role(source)
        room = self._chat.most_prompt_tokens
        self._limit = options.max_length if room is None else min(options.max_length, room)

    def prepare(self, messages: Sequence[Message], response: str, principle: str) -> Chat | Problem:
        """The chat about one response and principle, cut to --max-length and to what leaves room for an answer."""
        return fit_chat(
            self._form.prompt,
            Conversation(messages, response),
            principle,
            limit=self._limit,
            count=lambda chat: len(self._chat.encode(chat)),
            remedy="raise --max-length or lower --max-reply-tokens",
        )

    def complete(
        self, requests: Sequence[ChatRequest], journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """The outcome of each request in order; raises Interrupted if the budget is reached."""
        return self._calls.complete(requests, self._ask, str, journal, advance, self._form.keep)

    def facts(self) -> dict[str, object]:
        """Calls, tokens, cost."""
        return self._calls.facts()

    def close(self) -> None:
        """Nothing is held that does not go by itself."""

    def _ask(self, requests: Sequence[ChatRequest]) -> list[Finished]:
        seeds = [request.seed or 0 for request in requests]
        completions = self._chat.complete([request.messages for request in requests], seeds)
        spots = [self._spot(completion) for completion in completions]
        choices = [spot.choice for spot in spots if isinstance(spot, Spot)]
        chances = iter(choice_log_probs(self._chat.loaded.model, choices, self._options.row_tokens))
        return [
            _finished(request, completion, _read(spot, next(chances)) if isinstance(spot, Spot) else spot)
            for request, completion, spot in zip(requests, completions, spots, strict=True)
        ]

    def _spot(self, completion: Completion) -> Spot | Fault:
        fault = problem_of(as_answer(completion), str)
        if fault is not None:
            return fault
        spot = find_spot(completion.prompt, completion.tokens, self._chat.loaded.tokenizer)
        return spot or Fault("bad_answer", NO_JUDGEMENT)

    def _check_role(self, source: str) -> None:
        prompt = self._form.prompt([Message("user", "Hi")], "Hello.", _PROBE)
        if _PROBE not in self._chat.loaded.tokenizer.decode(self._chat.encode(prompt)):
            raise ConfigError(
                f"The chat template of {source} leaves out messages of the role {prompt[-1].role!r}; "
                "use --principle-role user."
            )


def _read(spot: Spot, chances: tuple[float, float]) -> tuple[TokenLogprobs, ...] | Fault:
    if all(map(math.isfinite, chances)):
        return spot.tokens(*chances)
    return Fault("not_finite", "the probabilities of Yes and No are no numbers; the weights are damaged")


def _finished(request: ChatRequest, completion: Completion, result: tuple[TokenLogprobs, ...] | Fault) -> Finished:
    answer = as_answer(completion)
    if isinstance(result, Fault):
        return conclude(request, (answer,), result, attempts=0)
    return conclude(request, (answer._replace(logprobs=result),), None, attempts=0)
