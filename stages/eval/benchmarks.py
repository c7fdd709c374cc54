"""The benchmarks by name: which columns each reads, how a row becomes an item, and what is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from stages.core.rows import Row
from stages.eval import (
    best_of_n,
    calibration_report,
    hacking,
    judgebench,
    llmbar,
    pandalm,
    preference,
    principle_pairs,
    reward_bench_2,
    rm_bench,
    scored_rows,
)
from stages.eval.answers import Answer
from stages.eval.config import BenchmarkName
from stages.eval.measured import Measured


class Item(Protocol):
    """A row, read: at least its answers, in the order in which `with_scores` takes their scores."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The responses that need scores; empty where the row brings a verdict instead."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark.

    `needs` are the columns that tell its layout. `read(row, file)` raises Unfit. `scored` says whether an item has what
    `measure(items, smallest group)` needs; `stored` names the column that would hold it. `missing` says what of the
    published figure is not in the rows. `repeats`: a row's id may occur again. `takes_scores`: --scores has a meaning.
    """

    needs: tuple[str, ...]
    stored: str
    read: Callable[[Row, str], Any]
    measure: Callable[[Sequence[Any], int], Measured]
    with_scores: Callable[[Any, tuple[float, ...]], Any] = lambda item, scores: item._replace(scores=scores)
    scored: Callable[[Any], bool] = lambda item: item.scores is not None
    missing: Callable[[Sequence[Any]], str | None] = lambda items: None
    repeats: bool = False
    takes_scores: bool = True


def _scored_rows(measure: Callable[[Sequence[Any], int], Measured], needs: tuple[str, ...]) -> Benchmark:
    return Benchmark(
        needs=needs,
        stored="score",
        read=scored_rows.read,
        with_scores=scored_rows.with_scores,
        measure=measure,
        repeats=True,
    )


_ROWS: Final = ("prompt", "completion", "principle", "label")

BENCHMARKS: Final[Mapping[BenchmarkName, Benchmark]] = {
    "rm-bench": Benchmark(
        needs=("prompt", "chosen", "rejected"),
        stored="score_chosen",
        read=rm_bench.read,
        measure=lambda items, smallest: rm_bench.measure(items),
        missing=rm_bench.missing,
    ),
    "judgebench": Benchmark(
        needs=("source", "question", "response_A", "response_B", "label"),
        stored="judgments",
        read=judgebench.read,
        measure=lambda items, smallest: judgebench.measure(items),
        with_scores=judgebench.with_scores,
        scored=lambda item: item.decisions is not None,
    ),
    "reward-bench-2": Benchmark(
        needs=("prompt", "subset", "chosen", "rejected"),
        stored="scores",
        read=reward_bench_2.read,
        measure=lambda items, smallest: reward_bench_2.measure(items),
        missing=reward_bench_2.missing,
    ),
    "llmbar": Benchmark(
        needs=("input", "output_1", "output_2", "label"),
        stored="scores",
        read=llmbar.read,
        measure=lambda items, smallest: llmbar.measure(items),
        repeats=True,
    ),
    "pandalm": Benchmark(
        needs=("idx", "annotator1", "response1", "response2"),
        stored="scores",
        read=pandalm.read,
        measure=lambda items, smallest: pandalm.measure(items),
    ),
    "alpaca": Benchmark(
        needs=("preference",),
        stored="preference",
        read=preference.read,
        measure=lambda items, smallest: preference.measure(items),
        takes_scores=False,
    ),
    "best-of-n": Benchmark(
        needs=(),
        stored="pred_score",
        read=best_of_n.read,
        measure=lambda items, smallest: best_of_n.measure(items),
        repeats=True,
    ),
    "principle-pairs": _scored_rows(principle_pairs.measure, _ROWS),
    "calibration": _scored_rows(calibration_report.measure, _ROWS),
    "hacking": _scored_rows(lambda items, smallest: hacking.measure(items), _ROWS),
}
