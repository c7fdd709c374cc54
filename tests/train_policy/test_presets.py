"""What presets stand for, what flags change of them, and which settings are refused."""

from typing import Any, get_args

import pytest

from stages.core.errors import ConfigError
from stages.train_policy.config import LossOptions, PresetName, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.presets import PRESETS, Settled, check_updates, settle

# beta1, beta2, eps_low, eps_high, dual clip; spec of the papers and the released code
NUMBERS = {
    "ce-gppo": (0.5, 1.0, 0.2, 0.2, None),
    "paper": (0.5, 1.0, 0.2, 0.2, None),
    "as-released": (0.5, 1.0, 0.2, 0.2, 10.0),
    "grpo": (0.0, 0.0, 0.2, 0.2, None),
    "dapo": (0.0, 0.0, 0.2, 0.28, None),
    "gppo": (1.0, 1.0, 0.2, 0.2, None),
    "cispo": (1.0, 1.0, 0.2, 0.2, None),
    "gspo": (0.0, 0.0, 3e-4, 4e-4, None),
}
LOSS_FLAGS: dict[str, Any] = {
    "beta1": 0.125,
    "beta2": 0.25,
    "eps_low": 0.375,
    "eps_high": 0.5,
    "dual_clip": 7.0,
    "advantage": "rloo",
    "aggregate": "constant",
    "nll_on_correct": 0.01,
    "entropy_bonus": 0.02,
    "kl": 0.03,
}


def config(preset: str = "ce-gppo", **options: Any) -> TrainPolicyConfig:
    return TrainPolicyConfig(inputs=("p",), model="tiny", reward=("math:",), preset=preset, **options)  # type: ignore[arg-type]


def test_numbers_of_presets() -> None:
    assert {name: preset[:5] for name, preset in PRESETS.items()} == NUMBERS
    assert set(PRESETS) == set(get_args(PresetName))


def test_presets_differ_in_the_loss_alone_but_for_the_released_one() -> None:
    for name, preset in PRESETS.items():
        assert preset.both_sides == (name == "cispo")
        assert preset.sequence_ratio == (name == "gspo")
        expected = {"paper": "sequence-mean", "gspo": "sequence-mean", "as-released": "micro-batch-mean"}
        assert preset.aggregate == expected.get(name, "token-mean")
        assert (preset.entropy_bonus, preset.kl, preset.advantage) == (0, 0, "grpo")
        released = name == "as-released"
        assert preset.nll_on_correct == (0.1 if released else 0)
        assert (preset.dynamic_sampling, preset.truncated) == ((False, "wrong") if released else (True, "keep"))


@pytest.mark.parametrize("preset", PRESETS)
def test_without_flags_a_preset_stands(preset: str) -> None:
    assert settle(config(preset)) == PRESETS[preset]  # type: ignore[index]


@pytest.mark.parametrize("name", LOSS_FLAGS)
def test_each_flag_changes_its_own_setting(name: str) -> None:
    value = LOSS_FLAGS[name]
    found = settle(config("gspo", loss=LossOptions(**{name: value})))
    assert found == PRESETS["gspo"]._replace(**{name: value})
    assert getattr(PRESETS["gspo"], name) != value


def test_flags_of_rollouts_change_theirs() -> None:
    found = settle(config(rollouts=RolloutOptions(dynamic_sampling="off", truncated="drop")))
    assert found == PRESETS["ce-gppo"]._replace(dynamic_sampling=False, truncated="drop")
    assert settle(config("as-released", rollouts=RolloutOptions(dynamic_sampling="on"))).dynamic_sampling


def test_zero_is_a_value_and_not_the_absence_of_one() -> None:
    found = settle(config("as-released", loss=LossOptions(beta1=0, beta2=0, nll_on_correct=0, eps_low=0)))
    assert (found.beta1, found.beta2, found.nll_on_correct, found.eps_low) == (0, 0, 0, 0)


def test_betas_turn_grpo_into_ce_gppo() -> None:
    assert settle(config("grpo", loss=LossOptions(beta1=0.5, beta2=1.0))) == PRESETS["ce-gppo"]


def test_dual_clip_of_zero_is_none() -> None:
    assert settle(config("as-released", loss=LossOptions(dual_clip=0))).dual_clip is None
    assert settle(config(loss=LossOptions(dual_clip=0))).dual_clip is None


@pytest.mark.parametrize("dual_clip", [0.5, 1.0, 1.25])
def test_dual_clip_within_the_range_is_refused(dual_clip: float) -> None:
    with pytest.raises(ConfigError) as caught:
        settle(config(loss=LossOptions(dual_clip=dual_clip, eps_high=0.25)))
    assert str(caught.value) == (
        f"--dual-clip is {dual_clip:g}; it must be above 1 + --eps-high = 1.25, or 0 for none."
    )
    assert caught.value.exit_code == 2


def test_dual_clip_of_the_preset_is_checked_against_the_range_of_the_flags() -> None:
    with pytest.raises(ConfigError, match=r"--dual-clip is 10; it must be above 1 \+ --eps-high = 10.5"):
        settle(config("as-released", loss=LossOptions(eps_high=9.5)))
    assert settle(config(loss=LossOptions(dual_clip=1.26, eps_high=0.25))).dual_clip == 1.26


def updates(per_generation: int, per_update: int, preset: str = "ce-gppo", **training: Any) -> tuple[Any, Settled]:
    given = config(
        preset,
        rollouts=RolloutOptions(prompts_per_generation=per_generation),
        training=TrainingOptions(prompts_per_update=per_update, **training),
    )
    return given, settle(given)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("per_update", [16, 17])
def test_one_update_a_generation_is_refused_and_explained(per_update: int, preset: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_updates(*updates(16, per_update, preset))
    told = str(caught.value)
    assert told.startswith(f"--prompts-per-update is {per_update} and --prompts-per-generation 16: one update")
    assert f"the preset {preset} is the plain policy gradient, identical to GRPO." in told
    assert all(remedy in told for remedy in ("--prompts-per-update at most 8", "--passes", "--allow-on-policy"))
    assert caught.value.exit_code == 2


def test_explanation_names_the_clip_range() -> None:
    with pytest.raises(ConfigError, match=r"\[0.8, 1.28\]"):
        check_updates(*updates(16, 16, "dapo"))


def test_several_updates_pass() -> None:
    check_updates(*updates(64, 16))
    check_updates(*updates(16, 15))
    check_updates(*updates(16, 16, passes=2))


def test_one_update_can_be_asked_for() -> None:
    check_updates(*updates(16, 16, allow_on_policy=True))
    replayed = TrainPolicyConfig(
        inputs=("p",), model="base", replay=True, training=TrainingOptions(prompts_per_update=64)
    )
    check_updates(replayed, settle(replayed))


def test_two_ways_to_punish_length_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="--truncated wrong and --overlong-buffer exclude each other"):
        settle(config(rollouts=RolloutOptions(truncated="wrong", overlong_buffer=8)))
    assert settle(config(rollouts=RolloutOptions(truncated="keep", overlong_buffer=8))).truncated == "keep"


def test_a_base_made_from_the_rollouts_cannot_replay_them() -> None:
    with pytest.raises(ConfigError, match="--replay needs the base that the rollouts were sampled from"):
        TrainPolicyConfig(inputs=("rollouts",), model="tiny", replay=True)
