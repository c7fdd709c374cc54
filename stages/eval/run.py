"""Wires eval together; the only file of the stage that touches the disk, besides `sources.py`.

All rows are one part: figures are made of the whole input, and the folder holds one shard, the metrics.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import yaml

from stages.core.errors import ConfigError, DataError
from stages.core.inputs import stem
from stages.core.manifest import fingerprint, hidden, read_done
from stages.core.options import flat, identity
from stages.core.progress import Progress, quiet
from stages.core.report import Report
from stages.core.rows import Rejected, SourceRow
from stages.core.runner import (
    Job,
    PartOutput,
    Stage,
    Transform,
    check_failed,
    finish,
    left_to_do,
    open_folder,
    planned,
    reading,
    work,
)
from stages.core.shards import part_path, write_text
from stages.core.sources import Plan, Slice, read
from stages.core.tables import DROPPED_ROWS, METRICS
from stages.eval.benchmarks import BENCHMARKS, Benchmark
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.measured import Figure, Measured, compare, to_figures
from stages.eval.show import headline, show
from stages.eval.sources import Source, open_source

WRITES: Final = METRICS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration with what it names: the benchmark and one or two sources of scores."""

    config: EvalConfig
    benchmark: Benchmark
    scores: Source
    against: Source | None


def run(config: EvalConfig, *, progress: Progress = quiet) -> Report:
    """Measure a benchmark into the output folder.

    Raises:
        RlbffError: see core/errors.py.
    """
    benchmark = BENCHMARKS[config.benchmark]
    if not benchmark.takes_scores and (config.scores != "stored" or config.against is not None):
        raise ConfigError(f"--scores and --against have no meaning for {config.benchmark}: no response is scored.")
    root = config.out or Path(f"{stem(config.inputs[0])}.{WRITES.name}")
    with planned(config.inputs, root, config.run, progress) as plan:
        _check_columns(config, benchmark, plan)
        if config.run.dry_run:
            return _dry_run(root, config, plan, progress)
        options = reading(config.run)
        against = open_source(config.against, benchmark, options) if config.against is not None else None
        scores = open_source(config.scores, benchmark, options)
        settings = Settings(config=config, benchmark=benchmark, scores=scores, against=against)
        return _measure(settings, plan, root, progress)


def transform(settings: Settings, warn: Callable[[str], None]) -> Transform:
    """The work on the whole input: items, their scores, figures."""
    config, benchmark = settings.config, settings.benchmark

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        kept: list[tuple[SourceRow, Any, Any]] = []
        rejected: list[Rejected] = []
        for row in rows:
            try:
                kept.append((row, *_scored(settings, row)))
            except Unfit as error:
                rejected.append(Rejected(row, error.problem))
            advance(1)
        items = [item for _, item, _ in kept]
        if not items:
            return PartOutput(rows=[], kept=0, dropped_rows=0, rejected=rejected)
        lost = benchmark.missing(items)
        if lost is not None:
            warn(lost)
        measured = benchmark.measure(items, config.min_group)
        figures = _figures(settings, measured, [other for _, _, other in kept])
        dropped = [
            {"id": _value(kept[place][0])["id"], "dropped_by": rule} for place, rule in sorted(measured.dropped.items())
        ]
        return PartOutput(
            rows=[{"stage": STAGE.name, "benchmark": config.benchmark, **figure._asdict()} for figure in figures],
            kept=len(items) - len(dropped),
            dropped_rows=len(dropped),
            rejected=rejected,
            dropped=dropped,
        )

    return work_on


def _open(settings: Settings, root: Path) -> Transform:
    return transform(settings, lambda text: None)


STAGE: Final = Stage(name="eval", version=1, writes=WRITES, dropped=DROPPED_ROWS, open=_open)


def _scored(settings: Settings, row: SourceRow) -> tuple[Any, Any]:
    """The item of a row with the scores of the first source, and with those of the second where there is one."""
    item = settings.benchmark.read(_value(row), row.file)
    other = settings.against.score(item) if settings.against else None
    return settings.scores.score(item), other


def _value(row: SourceRow) -> dict[str, Any]:
    assert row.value is not None
    return row.value


def _figures(settings: Settings, measured: Measured, others: Sequence[Any]) -> list[Figure]:
    config = settings.config
    if not len(measured.clusters):
        raise DataError(
            f"There is nothing to measure: {config.benchmark} could use none of the {len(others):,} rows "
            f"({', '.join(sorted(set(measured.dropped.values())))})."
        )
    figures = to_figures(measured, seed=config.run.seed, draws=config.draws)
    if settings.against is not None:
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


def _measure(settings: Settings, plan: Plan, root: Path, progress: Progress) -> Report:
    config = settings.config
    job = _job(settings, plan, root)
    whole = replace(plan, slices=job.slices)
    open_folder(job, whole, config.run)
    options = yaml.safe_dump(flat(config), sort_keys=False, allow_unicode=True)
    write_text(hidden(root, "config.yaml"), options, hidden(root, "tmp"))
    if left_to_do(job, config.run):
        progress.start("measuring", plan.rows)
        work(job, 0, transform(settings, progress.warn), progress.advance, _rows(settings, plan))
        progress.finish()
    return _close(job, whole, settings, progress)


def _rows(settings: Settings, plan: Plan) -> Iterator[SourceRow]:
    for part in plan.slices:
        yield from read(replace(part, repeats={}) if settings.benchmark.repeats else part, reading(settings.config.run))


def _job(settings: Settings, plan: Plan, root: Path) -> Job:
    """One part that stands for the whole input."""
    config, sources = settings.config, (settings.scores, settings.against)
    first = plan.slices[0]
    whole = Slice(
        name=first.name,
        path="",
        format="",
        first=first.first,
        rows=plan.rows,
        offset=0,
        length=0,
        sha256=fingerprint([list(info) for info in plan.inputs]),
        repeats={},
    )
    decided: dict[str, object] = {
        name: None if source is None else [*source.hashes] or source.name
        for name, source in zip(("scores_of", "against_of"), sources, strict=True)
    }
    return Job(
        stage=STAGE,
        config=settings,
        root=root,
        identity=identity(config) | decided,
        schema=WRITES.schema(),
        reading=reading(config.run),
        slices=(whole,),
    )


def _close(job: Job, plan: Plan, settings: Settings, progress: Progress) -> Report:
    done = read_done(job.root, 0)
    assert done is not None
    figures = _stored_figures(job.root) if done.written else []
    config = settings.config
    facts: dict[str, object] = {
        "benchmark": config.benchmark,
        "scores": list(settings.scores.models) or Path(config.scores).name,
        "against": settings.against and (list(settings.against.models) or Path(settings.against.name).name),
        "headline": headline(figures),
    }
    finish(job, plan, facts)
    show(config.benchmark, figures, progress)
    fates = " + ".join(f"{done.rows[fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    progress.summary(
        {"rows": f"{done.rows['in']:,} in = {fates}", "figures": f"{done.written:,} written to {job.root}"}
    )
    check_failed(job, done.rows, done.rejected_by, config.run.max_failed)
    return Report(folder=job.root, complete=True, rows=dict(done.rows), facts=facts)


def _stored_figures(root: Path) -> list[Figure]:
    rows = pq.read_table(part_path(root, 0), columns=list(Figure._fields)).to_pylist()
    return [Figure(**row) for row in rows]


def _dry_run(root: Path, config: EvalConfig, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without writing."""
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "benchmark": config.benchmark,
        "would_write": str(root),
        "table": WRITES.name,
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
