"""Logistic regression with a ridge, by Newton's method, the same for the same numbers.

Shapes: L labelled rows, F features.
"""

from typing import Final

import numpy as np

from stages.programs.matrix import Bools
from stages.programs.standings import Floats

_STEPS: Final = 100
_CONVERGED: Final = 1e-10
_FLOOR: Final = 1e-10
"""Keeps the curvature in the direction of the intercept, which has no ridge, above zero."""


def fit_logistic(features: Floats, labels: Bools, *, ridge: float) -> Floats:
    """Weights (F + 1,), the intercept first, of least negative log-likelihood + ridge / 2 x |slopes| squared.

    Equals iteratively reweighted least squares (McCullagh and Nelder, 1989); steps are halved until the loss falls.
    Both labels must occur: else the best intercept is infinite.
    """
    assert features.shape == (len(labels), features.shape[1])
    assert labels.any()
    assert not labels.all()
    inputs = _with_intercept(features)
    penalty = np.full(inputs.shape[1], ridge)
    penalty[0] = 0.0

    def loss(weights: Floats) -> float:
        log_odds = inputs @ weights
        likelihood = np.logaddexp(0, np.where(labels, -log_odds, log_odds)).sum()
        return float(likelihood + (penalty * weights**2).sum() / 2)

    weights = np.zeros(inputs.shape[1])
    best = loss(weights)
    for _ in range(_STEPS):
        p = probabilities(features, weights)
        gradient = inputs.T @ (p - labels) + penalty * weights
        if np.abs(gradient).max() < _CONVERGED * len(labels):
            break
        curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs + np.diag(penalty + _FLOOR)
        step = np.linalg.solve(curvature, gradient)
        while (after := loss(weights - step)) > best + _CONVERGED * len(labels):
            step = step / 2
        weights, best = weights - step, after
    return weights


def probabilities(features: Floats, weights: Floats) -> Floats:
    """Probabilities (L,) of yes."""
    return np.asarray(np.exp(-np.logaddexp(0, -(_with_intercept(features) @ weights))))


def _with_intercept(features: Floats) -> Floats:
    return np.concatenate([np.ones((len(features), 1)), features], axis=1)
