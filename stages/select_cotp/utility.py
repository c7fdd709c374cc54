"""How much a row's question can still teach a policy, from the share of its samples that solve the question.

The three measures are ours; the paper selects by likeness alone. Shapes: N rows.
"""

from typing import Literal

import numpy as np

from stages.core.errors import DataError
from stages.select_cotp.arrays import F64


def shortfall(success_rate: F64, kind: Literal["learnability", "potential", "unsolved"]) -> F64:
    """1 - utility of each row in [0, 1], (N,), from the success rates p of the policy to be trained, NaN where unknown.

    learnability: 4 p (1 - p), the variance of a reward of 0 or 1 scaled to 1 at p = 1/2. With group advantages nothing
    is learnt from a question that all samples solve or none does.
    potential: 1 - p, the room above the reasoning potential p, which is 1 / E[attempts until the first success].
    unsolved: 1 where p = 0, else 0: questions of which reinforcement learning gets no reward, so that only
    demonstrations help. A rate of 0 out of few samples is a weak sign of that.

    Rows without a rate have utility 0: nothing speaks for them. Raises DataError where no row has a rate.
    """
    known = ~np.isnan(success_rate)
    if not known.any():
        raise DataError(
            "--utility needs `success_rate` (or `n` samples, `c` of them right), which no row of the pool has; map the "
            "column with --map success_rate=COLUMN, or use --utility none."
        )
    rate = np.where(known, success_rate, 0.0)
    assert bool(((rate >= 0) & (rate <= 1)).all())
    if kind == "learnability":
        utility = 4 * rate * (1 - rate)
    elif kind == "potential":
        utility = 1 - rate
    else:
        utility = (rate == 0).astype(np.float64)
    lacking: F64 = 1 - np.where(known, utility, 0.0)
    return lacking


def without_rate(success_rate: F64) -> int:
    """How many rows have no success rate, and so a utility of 0."""
    return int(np.isnan(success_rate).sum())
