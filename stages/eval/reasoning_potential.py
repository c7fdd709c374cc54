"""Reasoning potential: how likely a model's answer is right, and how many attempts the first right one takes.

Potential is the inverse of the expected number of independent attempts until an answer is right ("Expanding Reasoning
Potential in Foundation Model by Learning Diverse Chains of Thought Patterns", arXiv 2509.21124). How it is estimated is
not published; this way is ours. Shapes: N problems, D drawn ones.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.eval.attempts import Attempts, counts
from stages.eval.measured import WHOLE, Measured, Name


def measure(items: Sequence[Attempts]) -> Measured:
    """`potential`, `unsolved`, and the mean and median number of attempts of the problems that are solved.

    Attempts are independent, so that their number until the first right one is geometric with mean 1 / p. Of a problem
    with n samples, c of them right, p is estimated without bias by c / n; `potential` is its mean over all problems. A
    problem with c = 0 has no estimate of 1 / p: such ones are `unsolved`, and n / c is averaged over the others. The
    inverse of that average is a harmonic mean over a part of the problems, not the potential.
    """
    num, right = counts(items)
    share = right / num

    def compute(rows: Rows) -> NDArray[np.float64]:
        drawn = share[rows]
        solved = drawn[drawn > 0]
        attempts = [np.mean(1 / solved), np.median(1 / solved)] if len(solved) else [np.nan, np.nan]
        return np.array([drawn.mean(), (drawn == 0).mean(), *attempts])

    whole, solved = len(num), int((right > 0).sum())
    return Measured(
        names=(
            Name(WHOLE, "potential", whole),
            Name(WHOLE, "unsolved", whole),
            Name(WHOLE, "attempts_of_solved", solved),
            Name(WHOLE, "median_attempts_of_solved", solved),
        ),
        compute=compute,
        clusters=np.arange(whole),
        strata=np.zeros(whole, dtype=np.int64),
    )
