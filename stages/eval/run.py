"""Wires eval together; the only file of the stage that touches the disk, besides `sources.py`.

All rows are one part: figures are made of the whole input, and the folder holds one shard, the metrics.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from stages.core.errors import DataError
from stages.core.inputs import stem
from stages.core.job import Job, PartOutput, Stage, Transform
from stages.core.manifest import hidden, read_done
from stages.core.options import identity
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.rows import Rejected, SourceRow
from stages.core.runner import finish, left_to_do, planned, read_stats, reading, work
from stages.core.shards import part_path, read_shard
from stages.core.slices import ReadOptions
from stages.core.sources import Plan
from stages.core.steps import open_with_options
from stages.core.tables import DROPPED_ROWS, METRICS
from stages.core.whole import all_rows, as_one_part
from stages.eval.answers import without_texts
from stages.eval.benchmarks import Benchmark, benchmark_of
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.forecast import forecast
from stages.eval.measured import AGAINST, Figure, Measured, compare, to_figures
from stages.eval.opening import Sources, open_sources
from stages.eval.show import headline, show, summary_of

WRITES: Final = METRICS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration with what it names: the benchmark and one or two sources of scores."""

    config: EvalConfig
    benchmark: Benchmark
    sources: Sources


def run(config: EvalConfig, *, progress: Progress = quiet) -> Report:
    """Measure a benchmark into the output folder.

    Raises:
        RlbffError: see core/errors.py; what a model answered by then is stored, and the same call goes on from there.
    """
    benchmark = benchmark_of(config)
    root = config.out or Path(f"{stem(config.inputs[0])}.{WRITES.name}")
    unique = not benchmark.repeats
    with ExitStack() as stack:
        plan = stack.enter_context(planned(config.inputs, root, config.run, progress, unique_ids=unique))
        _check_columns(config, benchmark, plan)
        if config.run.dry_run:
            rows = all_rows(plan, reading(config.run, unique_ids=unique))
            return _dry_run(root, config, plan, forecast(config, benchmark, rows), progress)
        options = reading(config.run, unique_ids=unique)
        sources = stack.enter_context(open_sources(config, benchmark, options, hidden(root, "journal"), progress))
        settings = Settings(config=config, benchmark=benchmark, sources=sources)
        return _measure(settings, plan, options, root, progress)


def transform(settings: Settings, warn: Callable[[str], None], further: Sequence[Figure] = ()) -> Transform:
    """The work on the whole input: items, their scores, figures; `further` figures are written behind them."""
    config, benchmark = settings.config, settings.benchmark

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        ids: list[str] = []
        pairs: list[tuple[Any, Any]] = []
        rejected: list[Rejected] = []
        for row in rows:
            assert row.value is not None
            try:
                pairs.append(_scored(settings, row))
                ids.append(row.value["id"])
            except Unfit as error:
                rejected.append(Rejected(row, error.problem))
            advance(1)
        items = [item for item, _ in pairs]
        if not items:
            return PartOutput(rows=[], kept=0, dropped_rows=0, rejected=rejected)
        for remark in (benchmark.missing(items), *settings.sources.remarks()):
            if remark is not None:
                warn(remark)
        measured = benchmark.measure(items, config.min_group)
        figures = [*_figures(settings, measured, _others(settings, pairs)), *further]
        dropped = [{"id": ids[place], "dropped_by": rule} for place, rule in sorted(measured.dropped.items())]
        return PartOutput(
            rows=[{"stage": STAGE.name, "benchmark": config.benchmark, **figure._asdict()} for figure in figures],
            kept=len(items) - len(dropped),
            dropped_rows=len(dropped),
            rejected=rejected,
            dropped=dropped,
            stats=settings.sources.facts() or None,
        )

    return work_on


def _open(settings: Settings, root: Path) -> Transform:
    return transform(settings, lambda text: None)


STAGE: Final = Stage(name="eval", version=1, writes=WRITES, dropped=DROPPED_ROWS, open=_open)


def _scored(settings: Settings, row: SourceRow) -> tuple[Any, Any]:
    """The item of a row with the scores of the first source, and with those of the second where there is one."""
    assert row.value is not None
    sources = settings.sources
    item = settings.benchmark.read(row.value, row.file)
    other = without_texts(sources.against.score(item)) if sources.against else None
    return without_texts(sources.scores.score(item)), other


def _others(settings: Settings, pairs: Sequence[tuple[Any, Any]]) -> Sequence[Any]:
    """What items are compared with: those of another file, brought into their units, or themselves, scored again."""
    others, matched = settings.sources.others, settings.benchmark.matched
    if others is None:
        return [other for _, other in pairs]
    assert matched is not None
    return matched([item for item, _ in pairs], others)


def _figures(settings: Settings, measured: Measured, others: Sequence[Any]) -> list[Figure]:
    config = settings.config
    if not len(measured.clusters):
        raise DataError(
            f"There is nothing to measure: {config.benchmark} could use none of the {len(others):,} rows "
            f"({', '.join(sorted(set(measured.dropped.values())))})."
        )
    figures = to_figures(measured, seed=config.run.seed, draws=config.draws)
    if settings.sources.against is not None or settings.sources.others is not None:
        second = settings.benchmark.measure(others, config.min_group)
        if len(second.clusters) != len(measured.clusters):
            raise DataError(
                f"--against can use {len(second.clusters):,} units and --scores {len(measured.clusters):,}; "
                "a paired comparison needs both on the same rows."
            )
        figures += compare(measured, second, seed=config.run.seed, draws=config.draws)
    return figures


def _check_columns(config: EvalConfig, benchmark: Benchmark, plan: Plan) -> None:
    columns = plan.columns.names()
    lost = [name for name in benchmark.needs if name not in columns]
    if lost:
        raise DataError(
            f"{plan.inputs[0].name} is not in the layout of {config.benchmark}: it has no column "
            f"{', '.join(map(repr, lost))}; it has {', '.join(columns) or 'none'}. Map other names with "
            f"--map {lost[0]}=THEIRS."
        )


def _measure(settings: Settings, plan: Plan, options: ReadOptions, root: Path, progress: Progress) -> Report:
    config = settings.config
    whole = as_one_part(plan)
    job = Job(
        stage=STAGE,
        config=settings,
        root=root,
        identity=_identity(settings),
        schema=WRITES.schema(),
        reading=options,
        slices=whole.slices,
    )
    open_with_options(job, whole, config)
    if left_to_do(job, config.run):
        further = _ask(settings, plan, options, progress)
        progress.start("measuring", plan.rows)
        work(job, 0, transform(settings, progress.warn, further), progress.advance, all_rows(plan, options))
        progress.finish()
    return _close(job, whole, settings, progress)


def _ask(settings: Settings, plan: Plan, options: ReadOptions, progress: Progress) -> list[Figure]:
    """Let every model answer what the rows need; the figures of the choice of principles, if there was one."""
    rows, figures = partial(all_rows, plan, options), list[Figure]()
    for source, ending in ((settings.sources.scores, ""), (settings.sources.against, AGAINST)):
        if source is not None and source.model is not None:
            own = source.model.prepare(rows, plan.rows, progress)
            figures += [figure._replace(metric=f"{figure.metric}{ending}") for figure in own]
    return figures


def _identity(settings: Settings) -> dict[str, object]:
    """All that decides the figures; how models are asked, where one is."""
    config, sources = settings.config, settings.sources
    idle: set[str] = set()
    if not (config.runs_model or config.asks):
        idle |= {*identity(config.reward), "principle"}
    if config.policy.policy is None:
        idle |= {*identity(config.policy)}
        if not config.runs_source:
            idle |= {*identity(config.sources)}
    return {name: value for name, value in identity(config).items() if name not in idle} | sources.identity()


def _close(job: Job, plan: Plan, settings: Settings, progress: Progress) -> Report:
    done = read_done(job.root, 0)
    assert done is not None
    figures = _stored_figures(job.root) if done.written else []
    config, sources = settings.config, settings.sources
    models = next(read_stats(job), {})
    facts: dict[str, object] = {
        "benchmark": config.benchmark,
        "scores": sources.scores.shown,
        "against": sources.against and sources.against.shown,
        "headline": headline(figures),
        **({"models": models} if models else {}),
    }
    finish(job, plan, facts)
    show(config.benchmark, figures, progress)
    if settings.benchmark.note:
        progress.notice(settings.benchmark.note)
    for doubt in settings.benchmark.doubts(figures) if figures else ():
        progress.warn(doubt)
    progress.summary(sources.noticed() | summary_of(done, job.root))
    check_failed(job, done.rows, done.rejected_by, config.run.max_failed)
    return Report(folder=job.root, complete=True, rows=dict(done.rows), facts=facts)


def _stored_figures(root: Path) -> list[Figure]:
    rows = read_shard(part_path(root, 0), columns=list(Figure._fields)).to_pylist()
    return [Figure(**row) for row in rows]


def _dry_run(
    root: Path, config: EvalConfig, plan: Plan, expected: dict[str, object] | None, progress: Progress
) -> Report:
    """Say what a run would do, without a call and without writing."""
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "benchmark": config.benchmark,
        "would_write": str(root),
        "table": WRITES.name,
        **({} if expected is None else {"forecast": expected}),
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
