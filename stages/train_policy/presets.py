"""What each --preset stands for, and what the flags leave of it: every setting of the loss, decided.

Where a value comes from: [P] the CE-GPPO paper, arXiv 2509.20712; [C] its released code, Kwai-Klear/CE-GPPO @10558fe;
[D] our choice. Presets other than `as-released` differ from `ce-gppo` in the loss alone, so that comparing them
compares losses: advantages, dynamic sampling and what becomes of cut completions are ours [D] in all of them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar

from stages.core.errors import ConfigError
from stages.train_policy.config import AdvantageName, Aggregation, PresetName, TrainPolicyConfig, Truncated

Value = TypeVar("Value")


class Settled(NamedTuple):
    """Every setting of the loss and of what is learned from; meanings as in config.py and arrays.Objective."""

    beta1: float
    beta2: float
    eps_low: float
    eps_high: float
    dual_clip: float | None
    both_sides: bool
    sequence_ratio: bool
    advantage: AdvantageName
    aggregate: Aggregation
    nll_on_correct: float
    entropy_bonus: float
    kl: float
    dynamic_sampling: bool
    truncated: Truncated


# beta1, beta2, clip range, no KL term, no entropy bonus: [P] for the 1.5B model. Mean over the tokens of the whole
# mini-batch, dynamic sampling that refills, completions scored as they are: [D].
_CE_GPPO: Final = Settled(
    beta1=0.5,
    beta2=1.0,
    eps_low=0.2,
    eps_high=0.2,
    dual_clip=None,
    both_sides=False,
    sequence_ratio=False,
    advantage="grpo",
    aggregate="token-mean",
    nll_on_correct=0.0,
    entropy_bonus=0.0,
    kl=0.0,
    dynamic_sampling=True,
    truncated="keep",
)

# Clipped PPO over group advantages. 0.2/0.2 is the paper's baseline [P]; its code averages over tokens [C], the GRPO
# paper (arXiv 2402.03300) over completions: --aggregate sequence-mean.
_GRPO: Final = _CE_GPPO._replace(beta1=0.0, beta2=0.0)

PRESETS: Final[Mapping[PresetName, Settled]] = {
    "ce-gppo": _CE_GPPO,
    # Mean over completions of the mean over their tokens, no dual clip [P].
    "paper": _CE_GPPO._replace(aggregate="sequence-mean"),
    # All [C]. beta1 is that of the 1.5B script; the 7B script has 0.75, the function and its yaml 0.25. Its dynamic
    # sampling draws one batch only, so groups of equal rewards are dropped and never replaced: False here.
    "as-released": _CE_GPPO._replace(
        dual_clip=10.0,
        aggregate="micro-batch-mean",
        nll_on_correct=0.1,
        dynamic_sampling=False,
        truncated="wrong",
    ),
    "grpo": _GRPO,
    # What the paper calls DAPO: GRPO with the raised upper clip alone [P]. The rest of DAPO (arXiv 2503.14476) is
    # --overlong-buffer, and the token mean and dynamic sampling that all presets have.
    "dapo": _GRPO._replace(eps_high=0.28),
    # Plain GPPO, arXiv 2508.07629: both coefficients 1.
    "gppo": _CE_GPPO._replace(beta1=1.0, beta2=1.0),
    # The ratio bounded on both sides whatever the sign of the advantage, 0.2/0.2 [P].
    "cispo": _CE_GPPO._replace(beta1=1.0, beta2=1.0, both_sides=True),
    # One ratio a completion, clipped as in PPO, 3e-4/4e-4 [P]; the mean over completions belongs to its definition
    # (arXiv 2507.18071).
    "gspo": _GRPO._replace(eps_low=3e-4, eps_high=4e-4, sequence_ratio=True, aggregate="sequence-mean"),
}


def settle(config: TrainPolicyConfig) -> Settled:
    """Return the preset with what flags say instead. Betas may be given with every preset: `grpo` with --beta1 0.5 and
    --beta2 1 is `ce-gppo`.

    Raises:
        ConfigError: the dual clip, of preset or flag, is not above the clip range.
    """
    preset, loss, rollouts = PRESETS[config.preset], config.loss, config.rollouts
    settled = Settled(
        beta1=_first(loss.beta1, preset.beta1),
        beta2=_first(loss.beta2, preset.beta2),
        eps_low=_first(loss.eps_low, preset.eps_low),
        eps_high=_first(loss.eps_high, preset.eps_high),
        dual_clip=_first(loss.dual_clip, preset.dual_clip) or None,
        both_sides=preset.both_sides,
        sequence_ratio=preset.sequence_ratio,
        advantage=_first(loss.advantage, preset.advantage),
        aggregate=_first(loss.aggregate, preset.aggregate),
        nll_on_correct=_first(loss.nll_on_correct, preset.nll_on_correct),
        entropy_bonus=_first(loss.entropy_bonus, preset.entropy_bonus),
        kl=_first(loss.kl, preset.kl),
        dynamic_sampling=(
            preset.dynamic_sampling if rollouts.dynamic_sampling is None else rollouts.dynamic_sampling == "on"
        ),
        truncated=_first(rollouts.truncated, preset.truncated),
    )
    if settled.dual_clip is not None and settled.dual_clip <= 1 + settled.eps_high:
        raise ConfigError(
            f"--dual-clip is {settled.dual_clip:g}; it must be above 1 + --eps-high = {1 + settled.eps_high:g}, or 0 "
            "for none."
        )
    if settled.truncated == "wrong" and rollouts.overlong_buffer:
        raise ConfigError(
            "--truncated wrong and --overlong-buffer exclude each other: a completion that the limit ends would be "
            "worth more than a wrong one that ends just before it; give one of them, or --truncated keep."
        )
    return settled


def check_updates(config: TrainPolicyConfig, settled: Settled) -> None:
    """Raise ConfigError where each generation is one update, in which no clip and no beta can do anything.

    Replayed rollouts are of another policy, so that their ratios differ from 1 even then.
    """
    training, per_generation = config.training, config.rollouts.prompts_per_generation
    several = training.prompts_per_update < per_generation or training.passes > 1
    if several or training.allow_on_policy or config.replay:
        return
    raise ConfigError(
        f"--prompts-per-update is {training.prompts_per_update} and --prompts-per-generation {per_generation}: one "
        "update a generation, by the policy that sampled. There every ratio is 1, none leaves the clip range "
        f"[{1 - settled.eps_low:g}, {1 + settled.eps_high:g}], and the preset {config.preset} is the plain policy "
        f"gradient, identical to GRPO. {_fewer(per_generation)}more --passes; or --allow-on-policy, if that is what "
        "you want."
    )


def _fewer(per_generation: int) -> str:
    """How many prompts an update may have, where there are enough for two updates."""
    most = per_generation // 2
    return f"Give --prompts-per-update at most {most}, or " if most else "Give more prompts, or "


def _first(flag: Value | None, preset: Value) -> Value:
    return preset if flag is None else flag
