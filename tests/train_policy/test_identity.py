"""What belongs to a run: the same settings under other names are the same run, others are another."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from stages.train_policy.config import LossOptions, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.presets import settle
from stages.train_policy.run import _identity
from tests.toy_policy import save_toy_policy


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_policy(tmp_path_factory.mktemp("toy") / "base")


def config(base: Path | str, **changes: object) -> TrainPolicyConfig:
    return replace(TrainPolicyConfig(inputs=("x.jsonl",), model=str(base), reward=("check:words<=3",)), **changes)  # type: ignore[arg-type]


def identity_of(given: TrainPolicyConfig) -> dict[str, object]:
    return _identity(given, settle(given))


def test_a_base_is_its_content_and_not_its_path(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base.parent)
    assert identity_of(config(base)) == identity_of(config("base")) == identity_of(config(f".{os.sep}base"))


def test_a_setting_of_the_loss_is_the_same_whoever_gives_it(base: Path) -> None:
    assert identity_of(config(base)) == identity_of(config(base, loss=LossOptions(beta1=0.5, eps_high=0.2)))
    grpo = config(base, preset="grpo")
    assert identity_of(grpo) == identity_of(config(base, loss=LossOptions(beta1=0, beta2=0)))
    assert identity_of(grpo) != identity_of(config(base))


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": LossOptions(beta1_schedule="0@0")},
        {"loss": LossOptions(entropy_band="0.9,1.1")},
        {"rollouts": RolloutOptions(group_size=4)},
        {"rollouts": RolloutOptions(dynamic_sampling="off")},
        {"training": TrainingOptions(precision="bf16")},
        {"training": TrainingOptions(learning_rate=0.1)},
        {"reward": ("check:words<=4",)},
        {"reward": ("check:words<=3@2",)},
        {"principle": "clarity"},
        {"vllm": True, "engine": "trl"},
    ],
)
def test_what_changes_the_result_is_another_run(base: Path, changes: dict[str, object]) -> None:
    assert identity_of(config(base, **changes)) != identity_of(config(base))


def test_what_is_written_for_verl_belongs_to_its_files_alone(base: Path) -> None:
    often = TrainingOptions(save_every=3)
    assert identity_of(config(base, training=often)) == identity_of(config(base))
    assert identity_of(config(base, engine="verl", training=often)) != identity_of(config(base, engine="verl"))
