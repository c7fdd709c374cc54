"""What a keep rule is, and what all of them share: how numbers are compared and shown, and which word was meant.

Shapes: N programs.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final, NamedTuple, Protocol

import numpy as np

from stages.programs.matrix import Bools
from stages.programs.standings import Floats, Ints, Standings


class Decision(NamedTuple):
    """Whether each program is kept (N,), and why, one short text a program: rule, value, threshold.

    `facts` can be written as JSON: what the rule found out, such as thresholds and the precision that they reached.
    """

    kept: Bools
    reasons: list[str]
    facts: dict[str, object]


class Rule(Protocol):
    """A keep rule. Deciding twice about the same standings gives the same."""

    @property
    def name(self) -> str:
        """As the user wrote it."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """Columns that it reads from `Standings.further`."""
        ...

    def decide(self, standings: Standings) -> Decision:
        """Decide about every program; raises DataError where the rule cannot be applied to these."""
        ...


_SLACK: Final = 1e-7
"""What sums of weights and columns of 32 bits lose at 1; shares of counted tests lie further apart."""

_LARGEST: Final = 10.0
"""Up to here the slack grows with the threshold: of shares and scores. Larger numbers are counts, which are exact."""


def at_least(values: Floats, thresholds: Floats | float) -> Bools:
    """Whether values reach their thresholds, but for rounding; a NaN does not."""
    limit = np.asarray(thresholds, dtype=np.float64)
    return np.asarray(values >= limit - _SLACK * np.clip(np.abs(limit), 1.0, _LARGEST))


def best_of_task(values: Floats, task: Ints) -> Floats:
    """The largest of the values (N,) in each program's own task, NaN left out; -inf where all are NaN."""
    best = np.full(int(task.max(initial=-1)) + 1, -np.inf)
    np.fmax.at(best, task, values)
    return best[task]


def show(value: float) -> str:
    """A number as reasons write it."""
    return f"{value:.6g}"


def compared(value: float, threshold: float, *, kept: bool) -> str:
    """`0.75 < 0.8`, as reasons write it."""
    return f"{show(value)} {'>=' if kept else '<'} {show(threshold)}"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """` Did you mean X?` for the known word closest to `word`, or nothing when none is close."""
    close = get_close_matches(word.lower(), known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
