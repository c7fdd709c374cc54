"""The Ties subset of RewardBench 2: whether several right answers are scored alike, and all above the wrong ones.

Formula of the upstream code (allenai/reward-bench, commit 05a9005), read there; its maximum is 1.01, not 1.

Shapes: R reference prompts, T tied prompts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Margins(NamedTuple):
    """Of one prompt: best minus worst right score (0 with one right answer), and worst right minus best wrong score."""

    spread: float
    gap: float


def margins(correct: Sequence[float], incorrect: Sequence[float]) -> Margins:
    """The margins of one prompt's scores; there is at least one answer of each kind."""
    assert len(correct) > 0
    assert len(incorrect) > 0
    return Margins(max(correct) - min(correct), min(correct) - max(incorrect))


def ties_score(ref: Mapping[str, Margins], tied: Mapping[str, Margins]) -> float:
    """The subset's score from the margins of reference prompts (one right answer) and tied ones, by their number."""
    partner = [ref[name].gap if name in ref else np.nan for name in tied]
    ref_gaps = np.array([one.gap for one in ref.values()])
    gaps = np.array([one.gap for one in tied.values()])
    return combine(ref_gaps, gaps, np.array([one.spread for one in tied.values()]), np.array(partner))


def combine(
    ref_gaps: NDArray[np.float64],
    gaps: NDArray[np.float64],
    spreads: NDArray[np.float64],
    partner_gaps: NDArray[np.float64],
) -> float:
    """The score from arrays: gaps of reference prompts (R,); gaps, spreads and the partner's gap of tied prompts (T,).

    .30 tied accuracy + .30 reference accuracy + .20 mean[g > d] + .20 mean[m > d] + .01 mean tanh(m / d - 1), where g
    and d are gap and spread of the tied prompt, m the smaller of its gap and its partner's; 0/0 counts 0. A partner gap
    of NaN means that there is no reference prompt of that number: the margins then leave the prompt out. NaN where a
    mean has nothing under it.
    """
    both = ~np.isnan(partner_gaps)
    if not (len(ref_gaps) and both.any()):
        return float("nan")
    spread, gap = spreads[both], gaps[both]
    smaller = np.minimum(gap, partner_gaps[both])
    with np.errstate(divide="ignore", invalid="ignore"):
        bonus = np.nan_to_num(np.tanh(smaller / spread - 1))
    score = 0.30 * (gaps > 0).mean() + 0.30 * (ref_gaps > 0).mean()
    score += 0.20 * (gap > spread).mean() + 0.20 * (smaller > spread).mean() + 0.01 * bonus.mean()
    return float(score)
