"""What a source of rewards has given so far, for a run's summary: how often each status, and how long it took."""

from collections import Counter
from collections.abc import Sequence

from stages.rewards.item import RewardResult


class Tally:
    """Counts results."""

    def __init__(self) -> None:
        self._statuses = Counter[str]()
        self._seconds = 0.0

    def add(self, results: Sequence[RewardResult]) -> None:
        """Count these, too."""
        self._statuses.update(result.status for result in results)
        self._seconds += sum(result.seconds for result in results)

    def facts(self) -> dict[str, object]:
        """Results by status, and the mean of their seconds, None before the first."""
        count = self._statuses.total()
        return {
            "results": count,
            "statuses": dict(sorted(self._statuses.items())),
            "seconds_mean": self._seconds / count if count else None,
        }
