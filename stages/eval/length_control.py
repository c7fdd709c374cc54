"""The win rate that would be left if both responses were equally long (Dubois et al., arXiv 2404.04475).

Shapes: N judged pairs.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RIDGE: Final = np.array([1e-3, 1.0])
"""Penalties: of the intercept, which keeps it finite where every pair is won; of the slope, a standard normal prior."""

_STEPS: Final = 50
_CLOSE: Final = 1e-10


def controlled_win_rate(wins: Floats, spread: Floats) -> float:
    """sigmoid(a) of the fit P(win) = sigmoid(a + b * spread): the win rate at equal length.

    `wins` (N,) lies between 0 and 1, a tie is 0.5; `spread` (N,) is `length_term`. The logistic model of AlpacaEval 2
    without its term for how hard each instruction is, which needs the verdicts about other models; fitted by Newton's
    method with a small ridge, without cross-validation.
    """
    assert wins.shape == spread.shape
    assert wins.ndim == 1
    features = np.stack([np.ones_like(spread), spread], axis=1)
    weights = np.zeros(2)
    for _ in range(_STEPS):
        chance = _sigmoid(features @ weights)
        slope = features.T @ (wins - chance) - _RIDGE * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + np.diag(_RIDGE)
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        if np.abs(step).max() < _CLOSE:
            break
    return float(_sigmoid(weights[:1])[0])


def length_term(lengths: Floats, baseline: Floats) -> Floats:
    """The tanh of differences of lengths (N,) in units of their standard deviation; 0 where all are equal."""
    apart = lengths - baseline
    deviation = float(apart.std())
    return np.tanh(apart / deviation) if deviation > 0 else np.zeros_like(apart)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))
