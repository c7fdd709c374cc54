"""What a run is, and what is left of it in the folder: policy, shards, the fate of every row, the closing facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.core.job import PartOutput
from stages.core.manifest import hidden
from stages.train_policy.arrays import Metric
from stages.train_policy.base import base_name
from stages.train_policy.config import TrainPolicyConfig
from stages.train_policy.loop import LOG, State
from stages.train_policy.material import Material
from stages.train_policy.metric_log import read_events
from stages.train_policy.presets import Settled
from stages.train_policy.rollout_shards import ROLLOUTS_IN, read_generation, shard_path
from stages.train_policy.saving import move_into_place
from stages.train_policy.show import doubts, summarise

TRAINING: Final = "training"
"""The benchmark under which the metrics table has the figures of single steps."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is learned, and where what comes of it goes: the folder, that of the checkpoints, the run's fingerprint."""

    config: TrainPolicyConfig
    settled: Settled
    root: Path
    checkpoints: Path
    fingerprint: str


def output(course: Course, material: Material, state: State | None) -> PartOutput:
    """Put the policy into its folder, and account for every row."""
    if state is None:
        return PartOutput(rows=(), kept=0, dropped_rows=0, rejected=material.rejected)
    events = list(read_events(course.checkpoints / LOG))
    num_generations = sum(event.kind == "generation" for event in events)
    metrics = [metric for event in events for metric in event.metrics]
    used = _used(course, material, num_generations)
    dropped = material.dropped(used)
    shards = [shard_path(course.root, number).relative_to(course.root).as_posix() for number in range(num_generations)]
    _remove_others(course.root, num_generations)
    return PartOutput(
        rows=[metric_row(metric) for metric in metrics],
        kept=len(used),
        dropped_rows=len(dropped),
        rejected=material.rejected,
        dropped=dropped,
        files=[*move_into_place(hidden(course.root, "tmp") / "model", course.root), *shards],
        stats=facts_of(course, metrics, steps=state.step, generations=num_generations, ended=state.ended),
    )


def facts_of(
    course: Course, metrics: Sequence[Metric], *, steps: int, generations: int | None = None, ended: str | None = None
) -> dict[str, object]:
    """What the end of a run tells, also when it is called again for a finished folder."""
    return {
        "base": base_name(course.config.model),
        "engine": course.config.engine,
        "generations": generations,
        "steps": steps,
        "ended": ended,
        "loss": course.settled._asdict(),
        "summary": list(summarise(metrics).items()),
        "warnings": [*([ended] if ended else []), *doubts(metrics)],
    }


def metric_row(metric: Metric) -> dict[str, object]:
    """A figure of training as a row of the table `metrics`."""
    return {"stage": "train-policy", "benchmark": TRAINING, **metric._asdict()}


def _used(course: Course, material: Material, num_generations: int) -> set[int]:
    """The places of the rows that the generations are made of."""
    if course.config.replay:
        return set(range(len(material.rows))) - material.problems.keys()
    drawn: set[str] = set()
    for number in range(num_generations):
        generation = read_generation(shard_path(course.root, number))
        drawn |= {one.prompt.id for one in generation.rollouts}
    return {place for place, prompt in material.prompts.items() if prompt.id in drawn}


def _remove_others(root: Path, num_generations: int) -> None:
    """Remove rollouts of generations that this run does not have, such as those of a longer one before it."""
    for path in (root / ROLLOUTS_IN).glob("part-*.parquet"):
        if int(path.stem.removeprefix("part-")) >= num_generations:
            path.unlink()
