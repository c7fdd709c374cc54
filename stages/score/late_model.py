"""The reward model of a run, opened when it is first needed: a finished folder needs its name alone."""

from collections.abc import Callable
from pathlib import Path

from stages.core.manifest import hidden, planned_options
from stages.core.options import parse_shard
from stages.rewards.model import RewardModel
from stages.score.config import ScoreConfig


def open_model(config: ScoreConfig, root: Path, notice: Callable[[str], None]) -> RewardModel:
    """Open the model of a run; the file of its finished calls, if it makes any, lies under `root`."""
    from stages.rewards.open import open_reward_model

    share, shares = parse_shard(config.run.shard)
    journal = hidden(root, "journal") / ("calls.jsonl" if shares == 1 else f"calls-{share + 1}-of-{shares}.jsonl")
    return open_reward_model(config.rm, config.reward, seed=config.run.seed, journal=journal, notice=notice)


class LateModel:
    """A model that is open or can be opened. `root` is the run's own folder."""

    def __init__(self, config: ScoreConfig, root: Path, notice: Callable[[str], None]) -> None:
        from stages.rewards.open import reward_model_name, wording

        self.name = reward_model_name(config.rm, config.reward)
        self.wording = wording(config.rm, config.reward)
        self._config, self._root, self._notice = config, root, notice
        self._model: RewardModel | None = None

    def opened(self) -> RewardModel:
        """The model itself."""
        if self._model is None:
            self._model = open_model(self._config, self._root, self._notice)
        return self._model

    def reads_principles(self) -> bool:
        """Whether the model judges by principles, as an earlier run with it found out, or as it says itself."""
        earlier = planned_options(self._root)
        same = (earlier.get("rm_name"), earlier.get("in_words")) == (self.name, self._config.in_words)
        if same and isinstance(known := earlier.get("reads_principles"), bool):
            return known
        return self.opened().reads_principles

    def facts(self) -> dict[str, object]:
        """What the model noticed in this process."""
        return {} if self._model is None else self._model.facts()

    def close(self) -> None:
        """Close the model, if it is open."""
        if self._model is not None:
            self._model.close()
