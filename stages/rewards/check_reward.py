"""The source `check:`: the share of exactly checkable demands that a completion meets; no model.

Which checks there are, and how they are written, is in checks.py.
"""

from stages.core.errors import ConfigError
from stages.rewards.checks import parse_checks
from stages.rewards.item import Reward
from stages.rewards.pooled import PooledReward
from stages.rewards.source_options import SourceOptions
from stages.rewards.workers import WorkerPool


def open_checks(argument: str, sources: SourceOptions) -> Reward:
    """Open `check:` with checks, or without, which takes each row's own. Raises ConfigError for unknown ones."""
    if argument:
        try:
            parse_checks(argument)
        except ValueError as error:
            raise ConfigError(f"check:{argument}: {error}") from None
    pool = WorkerPool(
        "stages.rewards.check_worker:open_check_scorer",
        arguments={"checks": argument},
        workers=sources.reward_workers,
        seconds=sources.reward_seconds,
    )
    return PooledReward(f"check:{argument}", 1.0, pool)
