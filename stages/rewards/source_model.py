"""A source of rewards as a reward model: math:, code:, check: and py: where responses are scored, not learned from."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from stages.core.errors import ConfigError
from stages.core.rows import Problem
from stages.rewards.item import Reward, RewardItem, RewardResult
from stages.rewards.model import Judgement, Query
from stages.rewards.options import RewardOptions
from stages.rewards.source_options import SourceOptions
from stages.rewards.sources import open_reward, reward_identity
from stages.rewards.spec import Spec


def open_source(
    spec: Spec, sources: SourceOptions, *, seed: int, folder: Path, notice: Callable[[str], None]
) -> "SourceModel":
    """Open a source; `folder` is for what a killed run finds again, of one process alone. Raises as `open_reward`."""
    reward = open_source_reward(spec, sources, seed=seed, folder=folder, notice=notice)
    return SourceModel(spec.text, reward)


def open_source_reward(
    spec: Spec, sources: SourceOptions, *, seed: int, folder: Path, notice: Callable[[str], None]
) -> Reward:
    """The same as a Reward."""
    return open_reward([spec], sources, _no_model, seed=seed, folder=folder, notice=notice)


def source_identity(spec: Spec, sources: SourceOptions) -> dict[str, object]:
    """What decides the scores of a source, for a fingerprint. Raises as `reward_identity`."""
    return reward_identity([spec], sources, _no_model)


class SourceModel:
    """A RewardModel that reads no principles: the score is what the source gives for the query's `item`."""

    reads_principles: Final = False

    def __init__(self, name: str, reward: Reward) -> None:
        self.name: Final = name
        self._reward = reward

    def judge(
        self, queries: Sequence[Query], advance: Callable[[int], None] = lambda queries: None
    ) -> list[list[Judgement | Problem]]:
        """See RewardModel; where the source gives no value, the reason of the Problem is the status."""
        results = self._reward.score([_item(query) for query in queries], advance)
        return [[_judgement(result)] for result in results]

    def facts(self) -> dict[str, object]:
        """What the source noticed."""
        return self._reward.facts()

    def close(self) -> None:
        """End its processes."""
        self._reward.close()


def _item(query: Query) -> RewardItem:
    assert query.item is not None, "the caller reads rows for sources"
    return query.item


def _judgement(result: RewardResult) -> Judgement | Problem:
    if result.value is None:
        return Problem(result.status, None, f"the response has no score: {result.detail or result.status}")
    return Judgement(result.value)


def _no_model(generative: bool) -> RewardOptions:
    raise ConfigError("a source of rewards was taken for a model")
