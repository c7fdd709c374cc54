"""The rewards of a run, opened and named for its fingerprint."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from stages.rewards.item import Reward
from stages.rewards.options import RewardOptions
from stages.rewards.sources import open_reward, reward_identity
from stages.rewards.spec import parse_specs
from stages.train_policy.config import TrainPolicyConfig


def open_rewards(config: TrainPolicyConfig, folder: Path, notice: Callable[[str], None]) -> Reward:
    """Open the sources of --reward as one; `folder` is for what a killed run finds again. Raises as `open_reward`."""
    return open_reward(
        parse_specs(config.reward),
        config.sources,
        partial(_options, config),
        seed=config.run.seed,
        folder=folder,
        notice=notice,
    )


def rewards_identity(config: TrainPolicyConfig) -> dict[str, object]:
    """What decides the rewards of a run. Raises as `reward_identity`."""
    return reward_identity(parse_specs(config.reward), config.sources, partial(_options, config))


def _options(config: TrainPolicyConfig, generative: bool) -> RewardOptions:
    return config.judge.reward_options(generative=generative, device=config.training.device)
