"""Which of several ways to the same result is cheapest on this data and this machine.

Tries each way on one chunk, goes on with the cheapest, and tries the others again ever more rarely, since pruning
pays more the fuller the heaps are. The ways give the same bytes, so a noisy clock costs time alone.
"""

from collections.abc import Sequence
from typing import Final

_FIRST_RETRIAL: Final = 8
_RETRIALS_APART: Final = 4


class Choice:
    """The choice between `ways`; the caller holds a lock where threads share it."""

    def __init__(self, ways: Sequence[str]) -> None:
        assert ways
        self.ways = tuple(ways)
        self.used = dict.fromkeys(self.ways, 0)
        self._cost: dict[str, float] = {}
        self._untried = list(self.ways) if len(self.ways) > 1 else []
        self._retrial = _FIRST_RETRIAL

    def next(self) -> str:
        """The way to take now."""
        if not self._untried and len(self.ways) > 1 and sum(self.used.values()) >= self._retrial:
            self._retrial *= _RETRIALS_APART
            self._untried = [way for way in self.ways if way != self.best]
        way = self._untried.pop(0) if self._untried else self.best
        self.used[way] += 1
        return way

    def note(self, way: str, cost: float) -> None:
        """What a pair has cost on that way, the last time it was taken."""
        self._cost[way] = cost

    @property
    def best(self) -> str:
        """The cheapest way so far, the first one while none is known."""
        return min(self._cost, key=lambda way: self._cost[way]) if self._cost else self.ways[0]
