"""Calls that this process answers itself, batch after batch: the journal, the budget and the counters around them.

What answers a batch is not known here; calls to a server are in llm.py.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from stages.core.ask import Check, Finished, Keep, remembered
from stages.core.budget import Budget, SpentOnDisk
from stages.core.chat import ChatRequest, Outcome
from stages.core.errors import Interrupted
from stages.core.journal import Journal
from stages.core.options import LlmOptions
from stages.core.usage import Usage

_BATCH: Final = 64
"""Requests between two entries into the journal."""


class BatchedCalls:
    """The calls of one run; the budget is that of `options`."""

    def __init__(self, options: LlmOptions) -> None:
        self._budget = Budget.of(options)
        self._on_disk = SpentOnDisk()
        self._usage = Usage()

    def complete(
        self,
        requests: Sequence[ChatRequest],
        ask: Callable[[Sequence[ChatRequest]], Sequence[Finished]],
        check: Check,
        journal: Journal,
        advance: Callable[[int], None],
        keep: Keep = tuple,
    ) -> list[Outcome]:
        """Have all requests answered by `ask`, equal ones once, and return their outcomes in order.

        What `journal` holds and still passes `check` and `keep` is not asked again, failures are. `advance` is told of
        requests finished. Raises Interrupted between two batches if the budget is reached; all journals in the
        journal's folder count towards it.
        """
        wanted = {request.key: request for request in requests}
        outcomes: dict[str, Outcome] = dict(remembered(wanted, check, journal, keep))
        advance(len(outcomes))
        self._usage.from_journal += len(outcomes)
        for batch in _batches([request for key, request in wanted.items() if key not in outcomes]):
            self._check_budget(journal)
            for request, finished in zip(batch, ask(batch), strict=True):
                journal.add(finished.entry)
                outcomes[request.key] = finished.outcome
                self._usage.count(finished)
            journal.sync()
            advance(len(batch))
        return [outcomes[request.key] for request in requests]

    def facts(self) -> dict[str, object]:
        """What was done so far, for a run's summary."""
        return self._usage.facts(self._budget)

    def _check_budget(self, journal: Journal) -> None:
        if (
            self._budget.limited
            and (over := self._budget.reached(self._on_disk.total(journal.path.parent))) is not None
        ):
            raise Interrupted(over)


def _batches(requests: Sequence[ChatRequest]) -> Iterator[Sequence[ChatRequest]]:
    return (requests[start : start + _BATCH] for start in range(0, len(requests), _BATCH))
