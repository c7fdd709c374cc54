"""The rewards of a run: whether they fit it, opened, and named for its fingerprint."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.core.errors import ConfigError
from stages.rewards.item import Reward
from stages.rewards.options import RewardOptions
from stages.rewards.sources import Own, open_reward, reward_identity
from stages.rewards.spec import parse_specs
from stages.train_policy.config import TrainPolicyConfig

if TYPE_CHECKING:
    import torch

_BESIDE: Final = ("check", "py")
"""What can be added to genrm:self; the others want a reference, or judge by a principle that is not about the judge."""


def trains_judge(config: TrainPolicyConfig) -> bool:
    """Whether the policy is the judge that is trained. Raises ConfigError for a spec that cannot be read."""
    return any(spec.is_own for spec in parse_specs(config.reward))


def check_judge_options(config: TrainPolicyConfig) -> None:
    """Raise ConfigError for options that make no sense where the policy is the judge."""
    if not trains_judge(config):
        return
    refusals = {f"--engine {config.engine}": config.engine != "local", "--system": config.rollouts.system is not None}
    specs = parse_specs(config.reward)
    refusals |= {f"--reward {spec.text}": not spec.is_own and spec.kind not in _BESIDE for spec in specs}
    for what, refused in refusals.items():
        if refused:
            raise ConfigError(
                f"{what} does not go with genrm:self, which trains the policy as a judge: it runs with --engine local, "
                "brings its own system turn, and takes check: and py: beside it alone."
            )


def open_rewards(
    config: TrainPolicyConfig, folder: Path, notice: Callable[[str], None], own: Own | None = None
) -> Reward:
    """Open the sources of --reward as one; `folder` is for what a killed run finds again. Raises as `open_reward`.

    `own` opens genrm:self.
    """
    return open_reward(
        parse_specs(config.reward),
        config.sources,
        partial(_options, config),
        seed=config.run.seed,
        folder=folder,
        notice=notice,
        own=own,
    )


def own_judge(
    config: TrainPolicyConfig,
    model: Any,  # noqa: ANN401 - transformers' models and tokenizers share no useful type
    tokenizer: Any,  # noqa: ANN401 - as above
    autocast: "torch.dtype | None",
) -> Own:
    """What opens genrm:self on the weights that are trained."""
    from stages.rewards.own_judge import OwnJudge

    rows = config.training.micro_tokens
    return lambda spec: OwnJudge(spec, model, tokenizer, row_tokens=rows, autocast=autocast)


def rewards_identity(config: TrainPolicyConfig) -> dict[str, object]:
    """What decides the rewards of a run. Raises as `reward_identity`."""
    return reward_identity(parse_specs(config.reward), config.sources, partial(_options, config))


def _options(config: TrainPolicyConfig, generative: bool) -> RewardOptions:
    return config.judge.reward_options(generative=generative, device=config.training.device)
