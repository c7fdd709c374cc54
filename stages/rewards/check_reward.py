"""The source `check:`: the share of exactly checkable demands that a completion meets; no model.

Which checks there are, and how they are written, is in checks.py.
"""

from collections.abc import Callable, Sequence

from stages.core.errors import ConfigError
from stages.rewards.checks import parse_checks
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.source_options import SourceOptions
from stages.rewards.workers import WorkerPool


class CheckReward:
    """Reward by checks, in worker processes."""

    best: float | None = 1.0

    def __init__(self, name: str, pool: WorkerPool) -> None:
        self.name = name
        self._pool = pool

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """The share of checks that hold, from 0 to 1; skipped where a row has none."""
        return self._pool.score(items, advance)

    def facts(self) -> dict[str, object]:
        """Completions by status, and the slowest."""
        return self._pool.facts()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()


def open_checks(argument: str, sources: SourceOptions) -> CheckReward:
    """Open `check:` with checks, or without, which takes each row's own. Raises ConfigError for unknown ones."""
    if argument:
        try:
            parse_checks(argument)
        except ValueError as error:
            raise ConfigError(f"--reward check:{argument}: {error}") from None
    pool = WorkerPool(
        "stages.rewards.check_worker:open_check_scorer",
        arguments={"checks": argument},
        workers=sources.reward_workers,
        seconds=sources.reward_seconds,
    )
    return CheckReward(f"check:{argument}", pool)
