"""A source of rewards whose items are scored one by one in worker processes."""

from collections.abc import Callable, Sequence

from stages.rewards.item import RewardItem, RewardResult
from stages.rewards.workers import WorkerPool


class PooledReward:
    """A pool under the name and the largest value of its source."""

    def __init__(self, name: str, best: float | None, pool: WorkerPool) -> None:
        self.name, self.best = name, best
        self._pool = pool

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        """Score all items, in order; one that is late, or whose worker dies, is a result of its own."""
        return self._pool.score(items, advance)

    def facts(self) -> dict[str, object]:
        """Completions by status, the slowest in seconds, and how many workers were replaced."""
        return self._pool.facts()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()
