"""Asks one reward model what interviews want to know about the rows of one benchmark, and looks up what it said."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from stages.core.progress import Progress
from stages.core.rows import SourceRow
from stages.eval.asking import Opinion, Opinions, ask_all
from stages.eval.benchmarks import Benchmark
from stages.eval.fields import Unfit
from stages.eval.interview import Interview
from stages.rewards.model import RewardModel

Rows = Callable[[], Iterator[SourceRow]]
"""Rows that can be read as often as is needed."""


class Interviewer:
    """A model, what it said so far, and the benchmark that the rows belong to."""

    def __init__(self, model: RewardModel, opinions: Opinions, benchmark: Benchmark) -> None:
        self.model: Final = model
        self.benchmark: Final = benchmark
        self._opinions = opinions

    def items(self, rows: Rows) -> Iterator[Any]:
        """The item of each row with its texts; None where a row is unreadable or unfit."""
        for row in rows():
            try:
                yield None if row.value is None else self.benchmark.read(row.value, row.file)
            except Unfit:
                yield None

    def hold(
        self, rows: Rows, interviews: Callable[[Any], Sequence[Interview]], total: int, what: str, progress: Progress
    ) -> None:
        """Ask about each of `total` rows what the interviews that concern its item want to know."""
        wanted = (
            [] if item is None else [ask for interview in interviews(item) for ask in interview.asks(item)]
            for item in self.items(rows)
        )
        progress.start(what, total)
        ask_all(self.model, self._opinions, wanted, progress.advance)
        progress.finish()

    def opinions(self, interview: Interview, item: Any) -> list[Opinion]:  # noqa: ANN401 - an item of the benchmark
        """What the model said when the interview was held."""
        return [self._opinions.find(ask) for ask in interview.asks(item)]
