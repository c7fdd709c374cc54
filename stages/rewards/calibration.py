"""How far probabilities can be believed, and the temperature and bias that make them so.

Log-odds go in wherever a probability could round to 0 or 1. Which rows are measured, and on which the fit is made, is
the business of the stages that train and measure models. Imports no torch.

Shapes: N rows, B bins.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]

BINS: Final = 15
"""Equal-mass bins of the expected calibration error, and of the decomposition of the Brier score."""

_MOST_BINS: Final = 100
"""Where the search of `sweep_error` ends."""


class Platt(NamedTuple):
    """p = sigmoid(score / temperature + bias)."""

    temperature: float
    bias: float

    def log_odds(self, scores: Floats) -> Floats:
        """The calibrated log-odds of raw ones."""
        return scores / self.temperature + self.bias


class Bins(NamedTuple):
    """Rows, mean probability and mean label of each bin that has rows; all (B,)."""

    rows: NDArray[np.int64]
    p: Floats
    label: Floats


class Brier(NamedTuple):
    """The mean squared error of p, and its parts: score = reliability - resolution + uncertainty + within.

    `within` is what bins cannot see, the variance and covariance inside them (Stephenson et al., 2008).
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def sigmoid(log_odds: Floats) -> Floats:
    """Probabilities of log-odds."""
    return np.exp(-np.logaddexp(0, -log_odds))


def logit(p: Floats) -> Floats:
    """Log-odds of probabilities; they are kept 1e-7 away from 0 and 1, since stored ones are rounded."""
    kept = np.clip(p, 1e-7, 1 - 1e-7)
    return np.log(kept) - np.log1p(-kept)


def nll(log_odds: Floats, labels: Labels) -> float:
    """Mean negative log-likelihood in nats."""
    return float(np.logaddexp(0, np.where(labels, -log_odds, log_odds)).mean())


def fit_platt(scores: Floats, labels: Labels, *, smooth: bool = False) -> Platt | None:
    """Temperature and bias of least mean negative log-likelihood (Platt, 1999), by Newton's method.

    `smooth` fits to Platt's targets, (yes + 1) / (yes + 2) and 1 / (no + 2), which keep the temperature of separable
    data from vanishing; where scores as they are have a smaller likelihood loss than the fit, they stay as they are.
    None where the labels are all equal, or where the best temperature is not positive: the scores then say the
    opposite of the labels, or nothing. Without `smooth`, separable data ends at a very small temperature.
    """
    assert scores.shape == labels.shape
    if not len(scores) or labels.all() or not labels.any():
        return None
    scale = float(scores.std())
    if scale == 0:
        return None
    inputs = np.stack([scores / scale, np.ones_like(scores)], axis=1)
    slope, bias = _newton(inputs, _smoothed(labels) if smooth else labels.astype(np.float64))
    if slope <= _FLAT:
        return None
    fitted = Platt(scale / slope, bias)
    return Platt(1.0, 0.0) if smooth and nll(scores, labels) < nll(fitted.log_odds(scores), labels) else fitted


def _smoothed(labels: Labels) -> Floats:
    yes = int(labels.sum())
    no = len(labels) - yes
    return np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))


_FLAT: Final = 1e-6
_STEPS: Final = 200


def _newton(inputs: Floats, targets: Floats) -> tuple[float, float]:
    """Logistic regression on targets in [0, 1] with step halving, from zero; `inputs` (N, 2)."""

    def loss(weights: Floats) -> float:
        log_odds = inputs @ weights
        return float((np.logaddexp(0, log_odds) - targets * log_odds).mean())

    weights = np.zeros(2)
    best = loss(weights)
    for _ in range(_STEPS):
        p = sigmoid(inputs @ weights)
        gradient = inputs.T @ (p - targets) / len(targets)
        if np.abs(gradient).max() < 1e-12:
            break
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs / len(targets)
        # The ridge keeps the step finite where separable data has flattened the curve.
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while (now := loss(weights - size * step)) > best and size > 1e-10:
            size /= 2
        if now >= best:
            break
        weights, best = weights - size * step, now
    return float(weights[0]), float(weights[1])


class Tally(NamedTuple):
    """Distinct values in rising order, how many rows have each, and how many of these are yes; all of one length."""

    values: Floats
    rows: NDArray[np.int64]
    yes: Floats


def tally(values: Floats, labels: Labels) -> Tally:
    """Sort rows by probability or score, once for all that follows."""
    assert values.shape == labels.shape
    assert len(values) > 0
    distinct, place, rows = np.unique(values, return_inverse=True, return_counts=True)
    yes = np.asarray(np.bincount(place, weights=labels.astype(np.float64)), dtype=np.float64)
    return Tally(distinct, rows, yes)


def equal_mass_bins(counts: Tally, bins: int = BINS) -> Bins:
    """`bins` bins of equal size by rising p: bin b holds the rows from floor(b N / B) up to floor((b + 1) N / B).

    Rows of equal p share their mean label, so that the order of the input does not matter where a tie lies across an
    edge.
    """
    return _cut(*_spread(counts), bins)


def expected_calibration_error(counts: Tally, bins: int = BINS) -> float:
    """ECE: the mean over rows of |mean p - mean label| of the row's equal-mass bin (Naeini et al., 2015)."""
    return _error(equal_mass_bins(counts, bins))


def sweep_error(counts: Tally) -> float:
    """Adaptive ECE: that of the most equal-mass bins whose mean labels still rise with p, at most 100.

    ECE_sweep of Roelofs et al., 2022 ("Mitigating bias in calibration error estimation"): bins are added until two
    neighbours are out of order.
    """
    ordered, means = _spread(counts)
    best = _cut(ordered, means, 1)
    for bins in range(2, min(len(ordered), _MOST_BINS) + 1):
        cut = _cut(ordered, means, bins)
        if (np.diff(cut.label) < -1e-12).any():
            break
        best = cut
    return _error(best)


def brier(counts: Tally, bins: int = BINS) -> Brier:
    """The Brier score with its decomposition over equal-mass bins (Murphy, 1973)."""
    cut, total, yes = equal_mass_bins(counts, bins), float(counts.rows.sum()), float(counts.yes.sum())
    weight, base = cut.rows / total, yes / total
    score = float((counts.yes * (1 - counts.values) ** 2 + (counts.rows - counts.yes) * counts.values**2).sum()) / total
    reliability = float((weight * (cut.p - cut.label) ** 2).sum())
    resolution = float((weight * (cut.label - base) ** 2).sum())
    uncertainty = base * (1 - base)
    return Brier(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)


def auroc(counts: Tally) -> float:
    """The chance that a random yes has a higher score than a random no, ties counting half; NaN with one label only."""
    no = counts.rows - counts.yes
    pairs = float(counts.yes.sum() * no.sum())
    below = np.cumsum(no) - no
    return float((counts.yes * (below + no / 2)).sum()) / pairs if pairs else math.nan


def balanced_accuracy(log_odds: Floats, labels: Labels) -> float:
    """The mean of the shares of yes and of no that are told at p > 0.5; NaN with one label only."""
    if labels.all() or not labels.any():
        return math.nan
    yes = log_odds > 0
    return float((yes[labels].mean() + (~yes[~labels]).mean()) / 2)


def _spread(counts: Tally) -> tuple[Floats, Floats]:
    """Rising p of each row, and the mean label of the rows of equal p."""
    return np.repeat(counts.values, counts.rows), np.repeat(counts.yes / counts.rows, counts.rows)


def _cut(ordered: Floats, means: Floats, bins: int) -> Bins:
    edges = np.unique(np.arange(bins + 1) * len(ordered) // bins)
    rows = np.diff(edges)
    return Bins(rows, np.add.reduceat(ordered, edges[:-1]) / rows, np.add.reduceat(means, edges[:-1]) / rows)


def _error(cut: Bins) -> float:
    return float((cut.rows * np.abs(cut.p - cut.label)).sum() / cut.rows.sum())
