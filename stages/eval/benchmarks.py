"""The benchmarks by name: which columns each reads, how a row becomes an item, and what is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from stages.core.rows import Row
from stages.eval import (
    attempts,
    avg_at_k,
    best_of_n,
    calibration_report,
    hacking,
    judgebench,
    llmbar,
    pairwise,
    pandalm,
    pass_at_k,
    policy_prompts,
    preference,
    principle_pairs,
    probed_rows,
    reasoning_potential,
    reward_bench_2,
    rm_bench,
    rubric,
    scored_rows,
    selection,
    sensitivity,
    verification,
)
from stages.eval.answers import Answer
from stages.eval.config import BenchmarkName, EvalConfig
from stages.eval.grade import grading_hash, read_grade
from stages.eval.measured import Figure, Measured
from stages.eval.principles import DEFAULT
from stages.eval.questions import Questions
from stages.eval.verdict import comparison_hash, read_verdict


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
    published figure is not in the rows. `repeats`: a row's id may occur again. `domain` says by which domain's
    principle a model judges an item; `main` is how the name of the figure begins that principles are chosen by, in the
    group of all units. `with_p_yes` keeps calibrated probabilities where they are measured. `note` is what a reader of
    the figures should know; `doubts(figures)` are sentences about figures that are not what is wanted. `questions` are
    those to a judge; `matched(items, others)` brings the items of another file into the units of the input.
    """

    needs: tuple[str, ...]
    stored: str
    read: Callable[[Row, str], Any]
    measure: Callable[[Sequence[Any], int], Measured]
    with_scores: Callable[[Any, tuple[float, ...]], Any] = lambda item, scores: item._replace(scores=scores)
    scored: Callable[[Any], bool] = lambda item: item.scores is not None
    missing: Callable[[Sequence[Any]], str | None] = lambda items: None
    with_p_yes: Callable[[Any, tuple[float | None, ...]], Any] = lambda item, p_yes: item
    domain: Callable[[Any], str] = lambda item: DEFAULT
    main: str = "accuracy"
    repeats: bool = False
    note: str | None = None
    doubts: Callable[[Sequence[Figure]], list[str]] = lambda figures: []
    questions: Questions | None = None
    matched: Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]] | None = None


def benchmark_of(config: EvalConfig) -> Benchmark:
    """The benchmark that the options name, measured as they say."""
    benchmark, ks, seed = BENCHMARKS[config.benchmark], config.ks, config.run.seed
    if config.benchmark == "pass-at-k":
        return replace(benchmark, measure=lambda items, smallest: pass_at_k.measure(items, ks))
    if config.benchmark == "avg-at-k":
        benchmark = replace(benchmark, measure=lambda items, smallest: avg_at_k.measure(items, ks))
        return benchmark if config.policy.policy is None else _sampled(benchmark)
    if config.judge.llm is not None:
        return _unjudged(benchmark)
    if config.benchmark == "verification":
        return replace(benchmark, measure=lambda items, smallest: verification.measure(items, seed))
    return benchmark


def _unjudged(benchmark: Benchmark) -> Benchmark:
    """The benchmark with rows that bring no verdict of their own, because a judge is asked."""
    assert benchmark.questions is not None
    stored = set(benchmark.questions.stored)

    def read(row: Row, file: str) -> Any:  # noqa: ANN401 - an item of the benchmark
        return benchmark.read({name: value for name, value in row.items() if name not in stored}, file)

    return replace(benchmark, read=read, needs=("prompt",))


def _sampled(benchmark: Benchmark) -> Benchmark:
    """The benchmark with rows that are prompts, because a policy is sampled."""
    return replace(benchmark, read=policy_prompts.read, repeats=False)


_ROWS: Final = ("prompt", "completion", "principle", "label")


def _scored_rows(measure: Callable[[Sequence[Any], int], Measured], note: str | None = None) -> Benchmark:
    return Benchmark(
        needs=_ROWS,
        stored="score",
        read=scored_rows.read,
        with_scores=scored_rows.with_scores,
        with_p_yes=lambda item, p_yes: item._replace(p_yes=p_yes[0]),
        measure=measure,
        repeats=True,
        note=note,
    )


def _attempts(measure: Callable[[Sequence[Any], int], Measured]) -> Benchmark:
    return Benchmark(
        needs=(),
        stored="correct",
        read=attempts.read,
        measure=measure,
        scored=lambda item: True,
        missing=attempts.uneven,
        repeats=True,
    )


BENCHMARKS: Final[Mapping[BenchmarkName, Benchmark]] = {
    "rm-bench": Benchmark(
        needs=("prompt", "chosen", "rejected"),
        stored="score_chosen",
        read=rm_bench.read,
        measure=lambda items, smallest: rm_bench.measure(items),
        missing=rm_bench.missing,
        domain=lambda item: item.domain,
    ),
    "judgebench": Benchmark(
        needs=("source", "question", "response_A", "response_B", "label"),
        stored="judgments",
        read=judgebench.read,
        measure=lambda items, smallest: judgebench.measure(items),
        with_scores=judgebench.with_scores,
        domain=lambda item: item.category,
        scored=lambda item: item.decisions is not None,
    ),
    "reward-bench-2": Benchmark(
        needs=("prompt", "subset", "chosen", "rejected"),
        stored="scores",
        read=reward_bench_2.read,
        measure=lambda items, smallest: reward_bench_2.measure(items),
        missing=reward_bench_2.missing,
        domain=lambda item: item.subset,
        main="score",
    ),
    "llmbar": Benchmark(
        needs=("input", "output_1", "output_2", "label"),
        stored="scores",
        read=llmbar.read,
        measure=lambda items, smallest: llmbar.measure(items),
        domain=lambda item: item.part,
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
    ),
    "best-of-n": Benchmark(
        needs=(),
        stored="pred_score",
        read=best_of_n.read,
        measure=lambda items, smallest: best_of_n.measure(items),
        main="rm@",
        repeats=True,
    ),
    "principle-pairs": _scored_rows(principle_pairs.measure, principle_pairs.NOTE),
    "calibration": _scored_rows(calibration_report.measure),
    "hacking": _scored_rows(lambda items, smallest: hacking.measure(items)),
    "sensitivity": Benchmark(
        needs=_ROWS,
        stored="score",
        read=probed_rows.read,
        measure=lambda items, smallest: sensitivity.measure(items),
        scored=lambda item: item.found is not None,
        doubts=sensitivity.doubts,
        repeats=True,
    ),
    "pass-at-k": _attempts(lambda items, smallest: pass_at_k.measure(items)),
    "reasoning-potential": _attempts(lambda items, smallest: reasoning_potential.measure(items)),
    "verification": Benchmark(
        needs=("problem_id", "test_results", "truth"),
        stored="truth",
        read=verification.read,
        measure=lambda items, smallest: verification.measure(items),
        scored=lambda item: True,
        missing=verification.missing,
        doubts=verification.doubts,
        main="precision",
    ),
    "avg-at-k": Benchmark(
        needs=(),
        stored="correct",
        read=avg_at_k.read,
        measure=lambda items, smallest: avg_at_k.measure(items),
        scored=lambda item: True,
        missing=avg_at_k.remark,
        main="avg@",
        repeats=True,
        matched=avg_at_k.matched,
    ),
    "pairwise": Benchmark(
        needs=(),
        stored="verdicts",
        read=pairwise.read,
        measure=lambda items, smallest: pairwise.measure(items),
        scored=lambda item: item.games is not None,
        main="win_rate",
        repeats=True,
        questions=Questions(
            chats=pairwise.chats,
            check=read_verdict,
            with_replies=pairwise.with_replies,
            wording=comparison_hash(),
            stored=("verdicts", "preference"),
        ),
    ),
    "rubric": Benchmark(
        needs=("prompt", "completion"),
        stored="grade",
        read=rubric.read,
        measure=lambda items, smallest: rubric.measure(items),
        scored=lambda item: item.grade is not None,
        main="grade",
        repeats=True,
        questions=Questions(
            chats=rubric.chats,
            check=read_grade,
            with_replies=rubric.with_replies,
            wording=grading_hash(),
            stored=("grade",),
        ),
    ),
    "selection": Benchmark(
        needs=("arm",),
        stored="correct",
        read=selection.read,
        measure=lambda items, smallest: selection.measure(items),
        scored=lambda item: True,
        missing=selection.missing,
        doubts=selection.doubts,
        main="correct",
        repeats=True,
        note=selection.NOTE,
    ),
}
