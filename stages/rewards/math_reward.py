"""The source `math:`: 1 where the final answer of a completion equals the row's reference, else 0.

What counts as the answer is in math_answer.py, what equal means in math_worker.py.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.source_options import SourceOptions
from stages.rewards.workers import WorkerPool

_MEMORY: Final = 4 << 30


class MathReward:
    """Reward by math-verify, in worker processes."""

    best: float | None = 1.0

    def __init__(self, name: str, pool: WorkerPool) -> None:
        self.name = name
        self._pool = pool

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """1, 0, 0 with no_answer, or error where the reference is missing or cannot be read."""
        return self._pool.score(items, advance)

    def facts(self) -> dict[str, object]:
        """Completions by status, and the slowest."""
        return self._pool.facts()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()


def open_math(sources: SourceOptions) -> MathReward:
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
    return MathReward(f"math: math-verify {found}", pool)
