"""The source `math:`: 1 where the final answer of a completion equals the row's reference, else 0.

What counts as the answer is in math_answer.py, what equal means in math_worker.py.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from stages.core.errors import ConfigError
from stages.rewards.item import Reward
from stages.rewards.pooled import PooledReward
from stages.rewards.source_options import SourceOptions
from stages.rewards.workers import WorkerPool

_MEMORY: Final = 4 << 30


def open_math(sources: SourceOptions) -> Reward:
    """Open `math:`. Workers have 4 GiB of address space each. Raises ConfigError where math-verify is missing."""
    try:
        found = version("math-verify")
    except PackageNotFoundError:
        raise ConfigError("The reward math: needs math-verify; install rlbff[math].") from None
    pool = WorkerPool(
        "stages.rewards.math_worker:open_math_scorer",
        arguments={},
        workers=sources.reward_workers,
        seconds=sources.reward_seconds,
        memory=_MEMORY,
    )
    return PooledReward(f"math: math-verify {found}", 1.0, pool)
