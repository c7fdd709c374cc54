"""Wires extract-principles together; the only file of the stage that touches the disk."""

import difflib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.core.errors import ConfigError, DataError, InputMissing
from stages.core.inputs import stem
from stages.core.job import Job, PartOutput, Stage, Transform
from stages.core.manifest import hidden, read_done, total
from stages.core.options import identity, parse_map
from stages.core.passing import PassThrough, passing
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.rows import SourceRow
from stages.core.runner import (
    finish,
    left_to_do,
    planned,
    read_stats,
    reading,
    schema_with,
)
from stages.core.shards import write_text
from stages.core.slices import read
from stages.core.sources import Plan
from stages.core.steps import do_share, done_parts, open_with_options, share_report, works_here
from stages.core.tables import DROPPED_PRINCIPLES, FEEDBACK, PRINCIPLES
from stages.extract_principles import summary
from stages.extract_principles.config import ExtractPrinciplesConfig
from stages.extract_principles.consensus import ConsensusRule
from stages.extract_principles.extract import Method, extract_part
from stages.extract_principles.forecast import forecast_model, forecast_rules
from stages.extract_principles.prompt import prompt_hash
from stages.extract_principles.reading import CONSUMED, detect_layout
from stages.extract_principles.rules.score import HELD_OUT
from stages.extract_principles.show import nothing_left, one_annotator_a_row, say_what_reads, show
from stages.extract_principles.stats import Stats, stats_from_json
from stages.extract_principles.survey import Survey
from stages.extract_principles.taxonomy import Taxonomy, index_members
from stages.extract_principles.taxonomy_file import parse_taxonomy, to_yaml
from stages.extract_principles.tools import Tools, check_choice, default_workers, load_of, open_tools, uses_rules

READS: Final = FEEDBACK
WRITES: Final = PRINCIPLES


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs besides its part: the configuration, and what the input and the taxonomy file settled."""

    config: ExtractPrinciplesConfig
    layout: str
    consensus: bool
    pass_through: tuple[PassThrough, ...]
    taxonomy: Taxonomy


def run(config: ExtractPrinciplesConfig, *, progress: Progress = quiet) -> Report:
    """Extract principles from the inputs into the output folder.

    Raises:
        RlbffError: see core/errors.py; whatever was finished by then is stored, and the same call goes on from there.
    """
    check_choice(config.llm)
    root = config.out or Path(f"{stem(config.inputs[0])}.{WRITES.name}")
    taxonomy = _read_taxonomy(config.taxonomy)
    survey = Survey()
    with planned(config.inputs, root, config.run, progress, survey.observe) as plan:
        settings = _settle(config, plan, survey, taxonomy)
        say_what_reads(config, settings.layout, progress)
        if not settings.consensus and (repeated := survey.layouts[settings.layout].repeated):
            progress.warn(one_annotator_a_row(repeated))
        if config.run.dry_run:
            return _dry_run(root, settings, plan, survey, progress)
        tools = open_tools(config, root, progress.notice)
        try:
            job = _job(settings, plan, root, tools)
            return _run_job(job, plan, settings, tools, progress)
        finally:
            tools.close()


def transform(settings: Settings, tools: Tools) -> Transform:
    """The work on one part, with extractor and embedder at hand."""
    config = settings.config
    rule = ConsensusRule(
        config.consensus_threshold, config.consensus_label, config.consensus_wording, config.consensus_group
    )
    method = Method(
        layout=settings.layout,
        extractor=tools.extractor,
        embedder=tools.embedder,
        evidence_threshold=config.evidence_threshold,
        artefact=config.artefact,
        consensus=rule if settings.consensus else None,
        everyone=config.consensus_others == "everyone",
        taxonomy=index_members(settings.taxonomy),
        pass_through=settings.pass_through,
    )

    def work(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        return extract_part(method, part, rows, advance)

    return work


def _open(settings: Settings, root: Path) -> Transform:
    return transform(settings, open_tools(settings.config, root, lambda text: None))


STAGE: Final = Stage(name="extract-principles", version=1, writes=WRITES, dropped=DROPPED_PRINCIPLES, open=_open)


def _read_taxonomy(path: Path | None) -> Taxonomy:
    if path is None:
        return Taxonomy(clusters=())
    try:
        return parse_taxonomy(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise InputMissing(f"--taxonomy {path} does not exist.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--taxonomy {path} cannot be read: {error}.") from error


def _settle(config: ExtractPrinciplesConfig, plan: Plan, survey: Survey, taxonomy: Taxonomy) -> Settings:
    """Decide what the options leave open: the layout, whether consensus is on, and which columns pass through."""
    columns = plan.columns.names()
    if not plan.sample:
        raise _nothing_readable(plan, config)
    _check_map(config)
    layout: str = config.layout
    if layout == "auto":
        layout = detect_layout(columns, plan.inputs[0].name)
    several = survey.layouts[layout].several_annotators
    if config.consensus == "on" and not several:
        raise DataError(
            "--consensus on needs two annotators or more, but every response in the input has one; "
            "join their texts into one list a row, or say --consensus off."
        )
    consensus = config.consensus != "off" and several
    pass_through = passing(plan.columns, CONSUMED[layout], [column.name for column in WRITES.columns])
    return Settings(config=config, layout=layout, consensus=consensus, pass_through=pass_through, taxonomy=taxonomy)


def _check_map(config: ExtractPrinciplesConfig) -> None:
    """Refuse a mapping to a column that no layout reads: it would rename a column and change nothing else."""
    known = sorted({column for columns in CONSUMED.values() for column in columns})
    for ours in parse_map(config.run.map):
        if ours not in known:
            near = difflib.get_close_matches(ours, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Columns to map to are {', '.join(CONSUMED['feedback'])}."
            raise ConfigError(f"--map {ours}=... names no column that this command reads. {hint}")


def _nothing_readable(plan: Plan, config: ExtractPrinciplesConfig) -> DataError:
    row = next(read(plan.slices[0], reading(config.run)))
    assert row.problem is not None
    return DataError(
        f"None of the {plan.rows:,} rows can be read; the first, {row.file}:{row.row}: {row.problem.error}"
    )


def _job(settings: Settings, plan: Plan, root: Path, tools: Tools) -> Job:
    config = settings.config
    decided: dict[str, object] = {
        "layout": settings.layout,
        "consensus_active": settings.consensus,
        "extractor": tools.extractor.name,
        "prompt": None if uses_rules(config.llm) else prompt_hash(),
        "embedder_name": tools.embedder.name,
        "taxonomy": hashlib.sha256(to_yaml(settings.taxonomy).encode()).hexdigest() if config.taxonomy else None,
    }
    return Job(
        stage=STAGE,
        config=settings,
        root=root,
        identity=identity(config) | decided,
        schema=schema_with(WRITES, [(name, type_) for _, name, type_ in settings.pass_through]),
        reading=reading(config.run),
        slices=plan.slices,
        load=load_of(config),
    )


def _run_job(job: Job, plan: Plan, settings: Settings, tools: Tools, progress: Progress) -> Report:
    config = settings.config
    open_with_options(job, plan, config)
    left = left_to_do(job, config.run)
    workers = config.run.workers or default_workers(config)
    elsewhere = bool(left) and not works_here(job, config.run, workers)
    do_share(job, config.run, "extracting", workers, progress, transform(settings, tools))
    if elsewhere:
        tools = replace(tools, usage=tools.recorded)
    return _close(job, plan, settings, tools, progress)


def _close(job: Job, plan: Plan, settings: Settings, tools: Tools, progress: Progress) -> Report:
    """Write what is known only at the end, the manifest last, and show it; a share of the work is only counted."""
    done = done_parts(job)
    sums = total(done)
    if len(done) < len(job.slices):
        return share_report(job, settings.config.run, progress, tools.usage(), job.root)
    stats = Stats()
    for stored in read_stats(job):
        stats.merge(stats_from_json(stored))
    agreed = summary.agreements(stats, settings.config.run.seed)
    facts = summary.facts(sums, stats, agreed, consensus=settings.consensus) | _fidelity(settings.config)
    taxonomy = summary.taxonomy_of(stats, tools.embedder, settings.config.consensus_threshold)
    if taxonomy is not None:
        write_text(_taxonomy_path(job.root), to_yaml(taxonomy), hidden(job.root, "tmp"))
    manifest = finish(job, plan, facts)
    assert manifest is not None
    show(facts, taxonomy, progress)
    progress.summary(_closing_facts(job, manifest, tools))
    if manifest["rows"]["dropped"] and not manifest["written"]:
        progress.warn(nothing_left(job.root, facts))
    check_failed(job, sums["rows"], sums["rejected_by"], settings.config.run.max_failed)
    return Report(folder=job.root, complete=True, rows=sums["rows"], facts={**facts, "usage": dict(tools.usage())})


def _fidelity(config: ExtractPrinciplesConfig) -> dict[str, object]:
    """Whether the extractor is the kind that the paper uses; a stand-in carries its own score."""
    if not uses_rules(config.llm):
        return {"fidelity": "model"}
    return {"fidelity": "demo", "extractor_held_out": HELD_OUT._asdict()}


def _taxonomy_path(root: Path) -> Path:
    return hidden(root, "report") / "taxonomy.yaml"


def _closing_facts(job: Job, manifest: dict[str, Any], tools: Tools) -> dict[str, object]:
    fates = " + ".join(f"{manifest['rows'][fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    mentions = manifest["counts"].get("kept_mentions", 0)
    closing: dict[str, object] = {
        "input": f"{manifest['rows']['in']:,} rows = {fates}",
        "principles": f"{manifest['written']:,} rows from {mentions:,} mentions, written to {job.root}",
    }
    if _taxonomy_path(job.root).exists():
        closing["taxonomy"] = f"{_taxonomy_path(job.root)} (edit it and give it back with --taxonomy)"
    return closing | {f"model {name}": value for name, value in tools.usage().items()}


def _dry_run(root: Path, settings: Settings, plan: Plan, survey: Survey, progress: Progress) -> Report:
    """Say what a run would do, without a call and without writing."""
    config = settings.config
    workers = config.run.workers or default_workers(config)
    counts = survey.layouts[settings.layout]
    expected = (
        forecast_rules(plan.sample, counts.texts, workers)
        if uses_rules(config.llm)
        else forecast_model(config.llm, counts, with_response=config.with_response)
    )
    done = [part for part in range(len(plan.slices)) if read_done(root, part) is not None]
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "layout": settings.layout,
        "consensus": settings.consensus,
        "would_write": str(root),
        "table": WRITES.name,
        "parts": len(plan.slices),
        "parts_already_there": len(done),
        "forecast": expected,
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
