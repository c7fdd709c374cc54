"""Wires train-policy together.

The folder is that of the model, with metrics and rollouts in subfolders. All rows are one part, which is finished when
the model is.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import yaml

from stages.core.errors import DataError
from stages.core.folder import check_apart, other_configuration
from stages.core.inputs import stem
from stages.core.job import Job, Stage, Transform
from stages.core.manifest import Done, hidden, read_done
from stages.core.options import flat, identity
from stages.core.policy_tables import PROMPTS
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.report import Report
from stages.core.runner import finish, left_to_do, open_folder, planned, read_stats, reading, work
from stages.core.shards import ROWS_BESIDE, part_path, read_shard, write_text
from stages.core.sources import Plan
from stages.core.tables import DROPPED_ROWS, METRICS
from stages.core.whole import all_rows, as_one_part
from stages.train_policy.base import base_name, products
from stages.train_policy.config import TINY, EngineName, TrainPolicyConfig
from stages.train_policy.controller import control_of
from stages.train_policy.engines import export_for_verl, leads, learn_by_trl
from stages.train_policy.finishing import Course
from stages.train_policy.learning import learn
from stages.train_policy.opening import check_judge_options, rewards_identity, trains_judge
from stages.train_policy.planning import check_input, forecast, inputs_of
from stages.train_policy.presets import Settled, check_updates, settle
from stages.train_policy.report import write_report
from stages.train_policy.rollout_shards import ROLLOUTS_IN

_ENGINES: Final[Mapping[EngineName, Callable[[Course, Progress], Transform]]] = {
    "local": learn,
    "trl": learn_by_trl,
    "verl": export_for_verl,
}

READS: Final = PROMPTS
WRITES: Final = METRICS
PAGE: Final = "policy.html"

_WRITTEN: Final[Mapping[EngineName, str]] = {
    "local": f"model, {ROWS_BESIDE} and {ROLLOUTS_IN}",
    "trl": f"model and {ROWS_BESIDE}",
    "verl": "prompts, plug-in, reward and run.sh for verl",
}


def run(config: TrainPolicyConfig, *, progress: Progress = quiet) -> Report:
    """Train a policy into the output folder.

    Raises:
        RlbffError: see core/errors.py; a run that was interrupted goes on from its last checkpoint.
    """
    settled = settle(config)
    check_updates(config, settled)
    control_of(config.loss, settled.beta1)
    check_judge_options(config)
    root = config.out or Path(f"{stem(config.inputs[0])}.policy")
    if config.model != TINY:
        check_apart(root, config.model)
    # the other processes of torchrun say nothing, and read without holding the folder
    told, options = (progress, config.run) if leads() else (quiet, replace(config.run, dry_run=True))
    with planned(inputs_of(config), root, options, told, unique_ids=_unique_ids(config)) as plan:
        check_input(config, settled, plan.columns.names(), plan.rows)
        if config.run.dry_run:
            return _dry_run(root, config, settled, plan, progress)
        job = _job(config, settled, plan, root)
        if leads():
            _settle_folder(job, plan, config)
        if left_to_do(job, config.run):
            course = Course(
                config=config,
                settled=settled,
                root=root,
                checkpoints=_checkpoints(job),
                fingerprint=job.fingerprint(0),
            )
            _learn(job, plan, _ENGINES[config.engine](course, told), told)
        if not leads():
            return Report(folder=root, complete=False, rows={"in": plan.rows})
        return _close(job, plan, config, told)


def _open(config: object, root: Path) -> Transform:
    raise AssertionError("train-policy has no worker processes of the runner")


STAGE: Final = Stage(
    name="train-policy", version=1, writes=WRITES, dropped=DROPPED_ROWS, open=_open, rows_in=ROWS_BESIDE
)


def _job(config: TrainPolicyConfig, settled: Settled, plan: Plan, root: Path) -> Job:
    return Job(
        stage=STAGE,
        config=config,
        root=root,
        identity=_identity(config, settled),
        schema=WRITES.schema(),
        reading=reading(config.run, unique_ids=_unique_ids(config)),
        slices=as_one_part(plan).slices,
    )


def _identity(config: TrainPolicyConfig, settled: Settled) -> dict[str, object]:
    """What decides the result: contents in place of paths, and the settings of the loss, whoever gave them."""
    options = identity(config)
    for name in ("model", "reward", "py_path", "preset", *Settled._fields):
        options.pop(name, None)
    own: dict[str, object] = {
        "base": base_name(config.model),
        **rewards_identity(config),
        "products": str(products(config)),
    }
    if config.engine == "verl":  # what is written into the files for it
        own |= {
            **asdict(config.judge),
            "save_every": config.training.save_every,
            "report_to": config.training.report_to,
        }
    return options | own | {f"settled_{name}": value for name, value in settled._asdict().items()}


def _unique_ids(config: TrainPolicyConfig) -> bool:
    """Rollouts repeat the ids of their prompts, and principles those of the feedback that they were found in."""
    return not config.replay and not trains_judge(config)


def _checkpoints(job: Job) -> Path:
    """Where the checkpoints of this very configuration and input are."""
    return hidden(job.root, "training") / job.fingerprint(0)[:16]


def _holds_work(root: Path, others: Sequence[Path]) -> bool:
    """Whether another configuration finished a generation; before, it must not block the corrected command."""
    if not others:
        return False
    return any((root / ROLLOUTS_IN).glob("part-*")) or any(list(path.glob("checkpoint-*")) for path in others)


def _settle_folder(job: Job, plan: Plan, config: TrainPolicyConfig) -> None:
    """Make the folder ready; what another configuration has begun is work that is not thrown away unasked."""
    others = [path for path in hidden(job.root, "training").glob("*") if path != _checkpoints(job)]
    if _holds_work(job.root, others) and not config.run.overwrite:
        raise other_configuration(job.root, job.identity)
    open_folder(job, as_one_part(plan), config.run)
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
    if others or not config.run.resume:
        shutil.rmtree(job.root / ROLLOUTS_IN, ignore_errors=True)
    if not config.run.resume:
        shutil.rmtree(_checkpoints(job), ignore_errors=True)
    options = yaml.safe_dump(flat(config), sort_keys=False, allow_unicode=True)
    write_text(hidden(job.root, "config.yaml"), options, hidden(job.root, "tmp"))


def _learn(job: Job, plan: Plan, transform: Transform, progress: Progress) -> None:
    rows = all_rows(plan, job.reading)
    progress.start("reading rows", plan.rows)
    if leads():
        work(job, 0, transform, progress.advance, rows)
    else:
        transform(0, (row for row in rows if row.problem is None), progress.advance)
    progress.finish()


def _close(job: Job, plan: Plan, config: TrainPolicyConfig, progress: Progress) -> Report:
    """Write the manifest, remove what only a further step would need, and show what was learned."""
    done = read_done(job.root, 0)
    assert done is not None
    facts: dict[str, Any] = next(read_stats(job), {})
    if done.written:
        _write_page(job, facts)
    finish(job, as_one_part(plan), facts)
    shutil.rmtree(hidden(job.root, "training"), ignore_errors=True)
    shutil.rmtree(hidden(job.root, "rewards"), ignore_errors=True)
    _check_left(job, done)
    for warning in facts.get("warnings", ()):
        progress.warn(warning)
    fates = " + ".join(f"{done.rows[fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    progress.summary(
        {
            "input": f"{done.rows['in']:,} rows = {fates}",
            **dict(facts.get("summary", ())),
            **({"written": f"{_WRITTEN[config.engine]} in {job.root}"} if done.rows["kept"] else {}),
        }
    )
    check_failed(job, done.rows, done.rejected_by, config.run.max_failed)
    return Report(folder=job.root, complete=True, rows=dict(done.rows), facts=facts)


def _write_page(job: Job, facts: dict[str, Any]) -> None:
    """The page for people: curves, and the rollouts of the first and the last generation."""
    metrics = read_shard(part_path(job.root, 0, rows_in=ROWS_BESIDE)).to_pylist()
    shards = sorted((job.root / ROLLOUTS_IN).glob("part-*.parquet"))
    rollouts = [row for path in dict.fromkeys([*shards[:1], *shards[-1:]]) for row in read_shard(path).to_pylist()]
    write_report(hidden(job.root, "report") / PAGE, title=job.root.name, metrics=metrics, rollouts=rollouts)


def _check_left(job: Job, done: Done) -> None:
    """Raise DataError if no row was left to learn from; where all were rejected, `check_failed` says why."""
    if done.rows["dropped"] and not done.rows["kept"]:
        raise DataError(f"No row is left to learn from, and there is no policy in {job.root}; give other rows.")


def _dry_run(root: Path, config: TrainPolicyConfig, settled: Settled, plan: Plan, progress: Progress) -> Report:
    """Say what a run would do, without loading the base and without writing; what is named must be there."""
    rewards_identity(config)
    facts: dict[str, object] = {
        "would_read": [info._asdict() for info in plan.inputs],
        **forecast(config, settled, plan.rows),
        "would_write": str(root),
        "table": WRITES.name,
    }
    progress.summary(facts)
    return Report(folder=root, complete=False, rows={"in": plan.rows}, facts=facts)
