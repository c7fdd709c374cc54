"""Wires train-rm together.

The folder is that of the model, with metrics and held-out rows in subfolders. All rows are one part, which is finished
when the model is. Under torchrun every process reads and trains, and the first one alone writes.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from stages.core.checkpoints import complete_checkpoints
from stages.core.errors import DataError
from stages.core.folder import check_apart, other_configuration
from stages.core.inputs import stem
from stages.core.job import Job, Stage, Transform
from stages.core.manifest import Done, hidden, read_done
from stages.core.options import flat, identity
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.runner import finish, left_to_do, open_folder, planned, read_stats, reading, work
from stages.core.shards import ROWS_BESIDE, write_text
from stages.core.sources import Plan
from stages.core.tables import DROPPED_ROWS, METRICS, PREFERENCES, PRINCIPLES
from stages.core.whole import all_rows, as_one_part
from stages.train_rm.base import base_name
from stages.train_rm.config import TINY, TrainRmConfig
from stages.train_rm.examples import find_layouts
from stages.train_rm.learning import Course, learn
from stages.train_rm.processes import processes, refuse_impossible
from stages.train_rm.settle import settle

READS: Final = (PRINCIPLES, PREFERENCES)
WRITES: Final = METRICS


def run(config: TrainRmConfig, *, progress: Progress = quiet) -> Report:
    """Train a reward model into the output folder.

    Raises:
        RlbffError: see core/errors.py; a run that was interrupted goes on from its last checkpoint.
    """
    root = config.out or Path(f"{stem(config.inputs[0])}.rm")
    if config.model != TINY:
        check_apart(root, config.model)
    refuse_impossible(fsdp=config.fsdp)
    leads = processes().rank == 0
    # the other processes of torchrun say nothing, and read without holding the folder
    told, options = (progress, config.run) if leads else (quiet, replace(config.run, dry_run=True))
    with planned(config.inputs, root, options, told, unique_ids=False) as plan:
        columns, source = plan.columns.names(), plan.inputs[0].name
        layouts = find_layouts(columns, source, pairs=config.objective == "bradley-terry")
        if config.run.dry_run:
            return _dry_run(root, config, plan, told)
        job = _job(config, plan, root)
        if leads:
            _settle_folder(job, plan, config)
        if left_to_do(job, config.run):
            course = Course(
                config=config, layouts=layouts, settled=settle(config), root=root, checkpoints=_checkpoints(job)
            )
            _learn(job, plan, learn(course, told), told)
        return _close(job, plan, config, told) if leads else Report(folder=root, complete=False, rows={"in": plan.rows})


def _open(config: object, root: Path) -> Transform:
    raise AssertionError("train-rm has no worker processes of the runner")


STAGE: Final = Stage(name="train-rm", version=1, writes=WRITES, dropped=DROPPED_ROWS, open=_open, rows_in=ROWS_BESIDE)


def _job(config: TrainRmConfig, plan: Plan, root: Path) -> Job:
    return Job(
        stage=STAGE,
        config=config,
        root=root,
        identity=identity(config) | {"base": base_name(config.model)},
        schema=WRITES.schema(),
        reading=reading(config.run, unique_ids=False),
        slices=as_one_part(plan).slices,
    )


def _checkpoints(job: Job) -> Path:
    """Where the checkpoints of this very configuration and input are."""
    return hidden(job.root, "training") / job.fingerprint(0)[:16]


def _settle_folder(job: Job, plan: Plan, config: TrainRmConfig) -> None:
    """Make the folder ready; checkpoints of another configuration are work that is not thrown away unasked."""
    others = [path for path in hidden(job.root, "training").glob("*") if path != _checkpoints(job)]
    if any(map(complete_checkpoints, others)) and not config.run.overwrite:
        raise other_configuration(job.root, job.identity)
    open_folder(job, as_one_part(plan), config.run)
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
    if not config.run.resume:
        shutil.rmtree(_checkpoints(job), ignore_errors=True)
    options = yaml.safe_dump(flat(config), sort_keys=False, allow_unicode=True)
    write_text(hidden(job.root, "config.yaml"), options, hidden(job.root, "tmp"))


def _learn(job: Job, plan: Plan, transform: Transform, progress: Progress) -> None:
    rows = all_rows(plan, job.reading)
    progress.start("reading rows", plan.rows)
    if processes().rank == 0:
        work(job, 0, transform, progress.advance, rows)
    else:
        transform(0, (row for row in rows if row.problem is None), progress.advance)


def _close(job: Job, plan: Plan, config: TrainRmConfig, progress: Progress) -> Report:
    """Write the manifest, remove what only a further step would need, and show how good the model is."""
    done = read_done(job.root, 0)
    assert done is not None
    facts: dict[str, Any] = next(read_stats(job), {})
    finish(job, as_one_part(plan), facts)
    shutil.rmtree(hidden(job.root, "training"), ignore_errors=True)
    _check_left(job, done)
    for warning in facts.get("warnings", ()):
        progress.warn(warning)
    fates = " + ".join(f"{done.rows[fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    progress.summary(
        {
            "input": f"{done.rows['in']:,} rows = {fates}",
            **facts.get("summary", {}),
            "written": f"model, {ROWS_BESIDE} and held_out in {job.root}",
        }
    )
    check_failed(job, done.rows, done.rejected_by, config.run.max_failed)
    return Report(folder=job.root, complete=True, rows=dict(done.rows), facts=facts)


def _check_left(job: Job, done: Done) -> None:
    """Raise DataError if no row was left to learn from; where all were rejected, `check_failed` says why."""
    if done.rows["dropped"] and not done.rows["kept"]:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(done.dropped_by.items()))
        raise DataError(
            f"No row is left to learn from, and there is no model: of {done.rows['in']:,} rows, "
            f"{done.rows['dropped']:,} were dropped ({rules}) and {done.rows['rejected']:,} rejected. They are stored "
            f"in {job.root}; give other rows."
        )


def _dry_run(root: Path, config: TrainRmConfig, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without loading the base and without writing. Raises InputMissing for a folder that is
    not there.
    """
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        "would_train": f"{config.objective} from {base_name(config.model)}",
        "would_write": str(root),
        "table": WRITES.name,
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
