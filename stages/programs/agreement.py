"""How far a judge's scores agree with the tests, and with what is right.

Shapes: N programs.
"""

from typing import NamedTuple

import numpy as np

from stages.programs.matrix import Bools
from stages.programs.rule import at_least
from stages.programs.standings import Standings


class Confusion(NamedTuple):
    """Programs by the judge's yes or no and by another one; `kappa` is Cohen's, NaN where undefined."""

    both: int
    only_judge: int
    only_other: int
    neither: int
    kappa: float

    @property
    def n(self) -> int:
        """Programs that both have an opinion of."""
        return self.both + self.only_judge + self.only_other + self.neither


class Agreement(NamedTuple):
    """The judge beside "all tests pass", and beside the truth."""

    with_tests: Confusion
    with_truth: Confusion


def agreement(standings: Standings, cut: float) -> Agreement:
    """How a judge whose score of `cut` or more is a yes agrees with "all tests pass", and with the truth.

    Programs without a score are left out; from the first those without a test that counts, from the second those of
    unknown truth.
    """
    judged, yes = ~np.isnan(standings.judge), at_least(standings.judge, cut)
    tested, passing = standings.total > 0, standings.passed == standings.total
    known, right = ~np.isnan(standings.truth), standings.truth > 0
    beside_tests, beside_truth = judged & tested, judged & known
    return Agreement(
        confusion(yes[beside_tests], passing[beside_tests]), confusion(yes[beside_truth], right[beside_truth])
    )


def confusion(judge: Bools, other: Bools) -> Confusion:
    """Counts of two opinions of the same programs, both (N,), and Cohen's kappa.

    kappa = (p - e) / (1 - e), p the share of programs on which they agree, e what it would be if each said yes as often
    as it does but independently of the other (Cohen, 1960). NaN without programs, or where both always say the same.
    """
    assert judge.shape == other.shape
    both, only_judge = int((judge & other).sum()), int((judge & ~other).sum())
    only_other, neither = int((~judge & other).sum()), int((~judge & ~other).sum())
    n = len(judge)
    agreed = (both + neither) * n
    expected = (both + only_judge) * (both + only_other) + (neither + only_judge) * (neither + only_other)
    kappa = (agreed - expected) / (n * n - expected) if n * n > expected else float("nan")
    return Confusion(both, only_judge, only_other, neither, kappa)
