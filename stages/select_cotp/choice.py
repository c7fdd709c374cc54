"""Which of several ways to the same result is cheapest on this data and this machine.

Tries each way on one chunk, goes on with the cheapest, and tries the others again ever more rarely, since pruning
pays more the fuller the heaps are. The ways give the same bytes, so a noisy clock costs time alone.
"""

import math
from collections.abc import Collection, Sequence
from typing import Final

_FIRST_RETRIAL: Final = 8
_RETRIALS_APART: Final = 4
_DEARER: Final = 1.1


class Choice:
    """The choice between `ways`, the first of which is taken where nothing is known; threads share it under a lock.

    Ways in `steady` always cost the same and are tried once.
    """

    def __init__(self, ways: Sequence[str], steady: Collection[str] = ()) -> None:
        assert ways
        self.ways = tuple(ways)
        self._steady = frozenset(steady)
        self._cost: dict[str, float] = {}
        self._untried = list(self.ways) if len(self.ways) > 1 else []
        self._taken, self._retrial = 0, _FIRST_RETRIAL

    def next(self) -> str:
        """The way to take now."""
        if self._taken >= self._retrial:
            self._retrial *= _RETRIALS_APART
            self._untried += [way for way in self.ways if way not in self._steady and way != self.best]
        self._taken += 1
        return self._untried.pop(0) if self._untried else self.best

    def note(self, way: str, cost: float) -> None:
        """What a row has cost on that way, the last time it was taken.

        What is not the way's own, as other programs, only ever adds: one dear chunk must not turn the choice.
        """
        self._cost[way] = min(cost, _DEARER * self._cost.get(way, cost))

    @property
    def best(self) -> str:
        """The cheapest way so far."""
        return min(self._cost, key=lambda way: self._cost[way]) if self._cost else self.ways[0]


def num_trials(chunks: int, *, steady: bool) -> int:
    """How many of these chunks `Choice` spends on a way that is not the cheapest."""
    again = (
        0
        if steady or chunks <= _FIRST_RETRIAL
        else 1 + math.floor(math.log((chunks - 1) / _FIRST_RETRIAL, _RETRIALS_APART))
    )
    return min(chunks, 1 + again)
