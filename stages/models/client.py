"""A language model in this process behind the same calls as the client of a server: journal, check, one repair, budget.

How text is generated is in generate.py, how calls are taken in batches in core/batched.py.
"""

from collections.abc import Callable, Sequence
from typing import Final

from stages.core.ask import Check, Finished, Problem, conclude, problem_of, repaired
from stages.core.batched import BatchedCalls
from stages.core.chat import ChatRequest, Outcome
from stages.core.journal import Journal
from stages.core.options import LlmOptions
from stages.core.wire import Answer
from stages.models.generate import Completion, LocalChat
from stages.models.load import model_name

_TOO_LONG: Final = "too_long"
"""The reason of a call whose prompt leaves no room for an answer; it is not repaired, which would make it longer."""


class LocalClient:
    """Asks the model that `options.llm` names as local:MODEL."""

    def __init__(self, options: LlmOptions, seed: int) -> None:
        assert options.llm is not None
        source = options.llm.removeprefix("local:")
        self.model: Final = model_name(source)
        self._chat = LocalChat(
            source, max_new_tokens=options.max_reply_tokens, temperature=options.temperature, seed=seed
        )
        self._max_reply_tokens = options.max_reply_tokens
        self._calls = BatchedCalls(options)

    def complete(
        self, requests: Sequence[ChatRequest], check: Check, journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """Answer all requests, equal ones once, and return their outcomes in order.

        `check` raises ValueError for an answer that is of no use; it is asked for once more with the complaint. What
        `journal` holds is not asked again, failures are. `advance` is told of requests finished. Raises Interrupted
        between two batches if the budget is reached; all journals in the journal's folder count towards it.
        """
        return self._calls.complete(requests, lambda batch: self._ask(batch, check), check, journal, advance)

    def facts(self) -> dict[str, object]:
        """What this client did so far, for a run's summary."""
        return self._calls.facts()

    def _ask(self, batch: Sequence[ChatRequest], check: Check) -> list[Finished]:
        first = self._chat.complete([request.messages for request in batch])
        problems = [self._problem(completion, check) for completion in first]
        repairs = {
            n: repaired(batch[n], first[n].text, problem)
            for n, problem in enumerate(problems)
            if problem is not None and problem.reason != _TOO_LONG
        }
        answers = self._chat.complete([request.messages for request in repairs.values()])
        second = dict(zip(repairs, answers, strict=True))
        return [self._conclude(batch[n], first[n], problems[n], second.get(n), check) for n in range(len(batch))]

    def _problem(self, completion: Completion, check: Check) -> Problem | None:
        if completion.finish_reason != "too_long":
            return problem_of(as_answer(completion), check)
        return Problem(
            _TOO_LONG,
            f"the prompt's {completion.prompt_tokens} tokens and the {self._max_reply_tokens} of --max-reply-tokens "
            "are more than the model's window",
        )

    def _conclude(
        self, request: ChatRequest, first: Completion, problem: Problem | None, second: Completion | None, check: Check
    ) -> Finished:
        if problem is None or second is None:
            answers = () if first.finish_reason == "too_long" else (as_answer(first),)
            return conclude(request, answers, problem, attempts=0)
        again = self._problem(second, check)
        if again is not None and again.reason == _TOO_LONG:
            told = Problem(problem.reason, f"{problem.error}; the request to repair it failed: {again.error}")
            return conclude(request, (as_answer(first),), told, attempts=0)
        return conclude(request, (as_answer(first), as_answer(second)), again, attempts=0)


def as_answer(completion: Completion) -> Answer:
    """A local answer in the form of a server's."""
    return Answer(
        text=completion.text,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        finish_reason="stop" if completion.finish_reason == "stop" else "length",
        refusal=None,
        estimated=False,
    )
