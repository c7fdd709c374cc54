"""What is told before a run begins: mistakes that the options, the columns and the number of rows show."""

from pathlib import Path

import pytest

from stages.core.errors import ConfigError, DataError
from stages.train_policy.config import RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.planning import check_input, forecast, inputs_of
from stages.train_policy.presets import settle

ROLLOUTS = ("id", "prompt_ids", "completion_ids", "sampling_logprobs", "reward")


def config(*inputs: str, **options: object) -> TrainPolicyConfig:
    rewards = () if options.get("replay") else ("math:",)
    return TrainPolicyConfig(inputs=inputs or ("p",), model="base", reward=rewards, **options)  # type: ignore[arg-type]


def test_rollouts_are_not_taken_for_prompts() -> None:
    given = config("run/rollouts")
    with pytest.raises(DataError, match="run/rollouts holds rollouts of a policy, not prompts; add --replay"):
        check_input(given, settle(given), ROLLOUTS, 128)
    replayed = config("run/rollouts", replay=True)
    check_input(replayed, settle(replayed), ROLLOUTS, 128)


def test_a_policy_stands_for_its_rollouts_when_they_are_replayed(tmp_path: Path) -> None:
    (tmp_path / "run" / "rollouts").mkdir(parents=True)
    name = str(tmp_path / "run")
    assert inputs_of(config(name, replay=True)) == (f"{name}/rollouts",)
    assert inputs_of(config(f"{name}/rollouts", replay=True)) == (f"{name}/rollouts",)
    assert inputs_of(config(name)) == (name,)


@pytest.mark.parametrize(("rows", "advice"), [(16, "at most 8"), (5, "at most 2"), (1, "Give more prompts")])
def test_too_few_prompts_for_two_updates_are_told_with_what_would_do(rows: int, advice: str) -> None:
    given = config()
    with pytest.raises(ConfigError, match=advice):
        check_input(given, settle(given), ("prompt",), rows)
    several = config(training=TrainingOptions(prompts_per_update=2))
    if rows > 2:
        check_input(several, settle(several), ("prompt",), rows)


def test_a_forecast_counts_generations_completions_and_steps() -> None:
    given = config(
        rollouts=RolloutOptions(prompts_per_generation=8, group_size=4),
        training=TrainingOptions(prompts_per_update=3, passes=2),
    )
    told = forecast(given, settle(given), 20)
    assert told["would_sample"] == "3 x 8 prompts x 4 completions"
    assert told["would_update"] == "18 optimiser steps at most"
    assert forecast(config(replay=True), settle(config(replay=True)), 128)["would_replay"] == "128 rollouts"
