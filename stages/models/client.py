"""A language model in this process behind the same calls as the client of a server: journal, check, one repair.

How text is generated is in generate.py.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from stages.core.ask import Check, Finished, answer_of, conclude, problem_of, repaired
from stages.core.budget import Budget
from stages.core.chat import ChatRequest, Outcome
from stages.core.journal import Journal
from stages.core.options import LlmOptions
from stages.core.usage import Usage
from stages.core.wire import Answer
from stages.models.generate import Completion, LocalChat

_BATCH: Final = 64
"""Requests between two entries into the journal."""


class LocalClient:
    """Asks the model that `options.llm` names as local:MODEL."""

    def __init__(self, options: LlmOptions, seed: int) -> None:
        assert options.llm is not None
        self.model: Final = options.llm.removeprefix("local:")
        self._chat = LocalChat(
            self.model, max_new_tokens=options.max_reply_tokens, temperature=options.temperature, seed=seed
        )
        self._budget = Budget.of(options)
        self._usage = Usage()

    def complete(
        self, requests: Sequence[ChatRequest], check: Check, journal: Journal, advance: Callable[[int], None]
    ) -> list[Outcome]:
        """Answer all requests, equal ones once, and return their outcomes in order.

        `check` raises ValueError for an answer that is of no use; it is asked for once more with the complaint. What
        `journal` holds is not asked again. `advance` is told of requests finished.
        """
        wanted = {request.key: request for request in requests}
        outcomes: dict[str, Outcome] = {}
        for key in wanted:
            entry = journal.answered(key)
            if entry is not None:
                outcomes[key] = answer_of(entry)
        advance(len(outcomes))
        self._usage.from_journal += len(outcomes)
        missing = [request for key, request in wanted.items() if key not in outcomes]
        for batch in _batches(missing):
            for request, finished in zip(batch, self._ask(batch, check), strict=True):
                journal.add(finished.entry)
                outcomes[request.key] = finished.outcome
                self._usage.count(finished)
            journal.sync()
            advance(len(batch))
        return [outcomes[request.key] for request in requests]

    def facts(self) -> dict[str, object]:
        """What this client did so far, for a run's summary."""
        return self._usage.facts(self._budget)

    def _ask(self, batch: Sequence[ChatRequest], check: Check) -> list[Finished]:
        first = self._generate(batch)
        problems = [problem_of(answer, check) for answer in first]
        again = [n for n, problem in enumerate(problems) if problem is not None]
        requests = [repaired(batch[n], first[n].text, problem) for n in again if (problem := problems[n]) is not None]
        second = dict(zip(again, self._generate(requests), strict=True))
        finished = []
        for n, request in enumerate(batch):
            answers = (first[n],) if n not in second else (first[n], second[n])
            finished.append(conclude(request, answers, problem_of(answers[-1], check), attempts=0))
        return finished

    def _generate(self, requests: Sequence[ChatRequest]) -> list[Answer]:
        if not requests:
            return []
        return [_answer(completion) for completion in self._chat.complete([request.messages for request in requests])]


def _answer(completion: Completion) -> Answer:
    return Answer(
        text=completion.text,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        finish_reason="stop" if completion.finish_reason == "stop" else "length",
        refusal=None,
        estimated=False,
    )


def _batches(requests: Sequence[ChatRequest]) -> Iterator[Sequence[ChatRequest]]:
    return (requests[start : start + _BATCH] for start in range(0, len(requests), _BATCH))
