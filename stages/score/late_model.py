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
    part = "" if shares == 1 else f"-{share + 1}-of-{shares}"
    if config.source is not None:
        from stages.rewards.source_model import open_source

        folder = hidden(root, f"rewards{part}")
        return open_source(config.source, config.sources, seed=config.run.seed, folder=folder, notice=notice)
    if config.spec is not None and not config.sources.allow_demo_rm:
        from stages.rewards.model_reward import refuse_demo

        refuse_demo(config.spec)
    journal = hidden(root, "journal") / f"calls{part}.jsonl"
    return open_reward_model(config.model, config.model_options, seed=config.run.seed, journal=journal, notice=notice)


def model_name(config: ScoreConfig) -> str:
    """The name of a run's model, for the table and for fingerprints, without its weights."""
    from stages.rewards.open import reward_model_name

    return reward_model_name(config.model, config.model_options) if config.source is None else config.source.text


class LateModel:
    """A model that is open or can be opened. `root` is the run's own folder."""

    def __init__(self, config: ScoreConfig, root: Path, notice: Callable[[str], None]) -> None:
        from stages.rewards.open import wording

        self.name = model_name(config)
        self.wording = None if config.source is not None else wording(config.model, config.model_options)
        self._config, self._root, self._notice = config, root, notice
        self._model: RewardModel | None = None

    def opened(self) -> RewardModel:
        """The model itself."""
        if self._model is None:
            self._model = open_model(self._config, self._root, self._notice)
        return self._model

    def reads_principles(self) -> bool:
        """Whether the model judges by principles, as an earlier run with it found out, or as it says itself."""
        if self._config.source is not None:
            return False
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
