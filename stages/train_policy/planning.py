"""What a run will do, as far as options and the number of rows tell; and what of it makes no sense from the start."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stages.core.errors import DataError
from stages.train_policy.base import base_name
from stages.train_policy.config import TrainPolicyConfig
from stages.train_policy.presets import Settled, check_updates
from stages.train_policy.rollout_shards import ROLLOUTS_IN

_OF_ROLLOUTS = {"completion_ids", "sampling_logprobs", "prompt_ids"}


def inputs_of(config: TrainPolicyConfig) -> tuple[str, ...]:
    """The inputs; for --replay, a policy's folder stands for the rollouts in it."""
    if not config.replay:
        return config.inputs
    within = {name: Path(name) / ROLLOUTS_IN for name in config.inputs}
    return tuple(str(folder) if folder.is_dir() else name for name, folder in within.items())


def check_input(config: TrainPolicyConfig, settled: Settled, columns: Sequence[str], rows: int) -> None:
    """Refuse what the columns and the number of rows show to be a mistake.

    Raises:
        DataError: rollouts without --replay. ConfigError: so few prompts that a generation is one update.
    """
    if config.replay:
        return
    if set(columns) >= _OF_ROLLOUTS:
        raise DataError(
            f"{config.inputs[0]} holds rollouts of a policy, not prompts; add --replay to learn from them, or give the "
            "prompts that they were sampled from."
        )
    if config.engine == "local" and rows < config.rollouts.prompts_per_generation:
        check_updates(with_prompts(config, rows), settled)


def with_prompts(config: TrainPolicyConfig, number: int) -> TrainPolicyConfig:
    """The options where there are that many prompts, fewer than a generation should have."""
    return replace(config, rollouts=replace(config.rollouts, prompts_per_generation=max(1, number)))


def forecast(config: TrainPolicyConfig, settled: Settled, rows: int) -> dict[str, object]:
    """What a run would train, sample and update, at most."""
    if config.replay:
        return {"would_train": f"{config.preset} from {base_name(config.model)}", "would_replay": f"{rows:,} rollouts"}
    rollouts, training = config.rollouts, config.training
    per_generation = min(rows, rollouts.prompts_per_generation)
    generations = rollouts.generations or -(-rows // max(1, per_generation))
    updates = -(-per_generation // training.prompts_per_update) * training.passes
    return {
        "would_train": f"{config.preset} from {base_name(config.model)}",
        "would_sample": f"{generations:,} x {per_generation:,} prompts x {rollouts.group_size} completions",
        "would_update": f"{generations * updates:,} optimiser steps at most",
        "loss": settled._asdict(),
    }
