"""How sure a figure is: percentile bootstrap intervals, the same for a difference on paired rows, McNemar's exact test.

What is drawn are clusters of rows (all of one conversation together), within strata whose sizes are fixed. Which
figure is meant is the caller's business: a function from drawn row numbers to figures.

Shapes: N rows, M figures.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Figures = Callable[[Rows], NDArray[np.float64]]
"""From row numbers (repeats count) to M figures; NaN where one is undefined."""

_ENDS: Final = (0.025, 0.5, 0.975)


class Bounds(NamedTuple):
    """Ends of the 95 % intervals of M figures, and the median draw; NaN where no draw defined the figure."""

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]


def bootstrap(figures: Figures, clusters: Rows, strata: Rows, *, seed: int, draws: int) -> Bounds:
    """Percentile intervals of `figures` over `draws` resamples with replacement (Efron, 1979).

    `clusters` (N,): rows of one number are drawn together. `strata` (N,): as many clusters are drawn from each stratum
    as it has; all rows of a cluster lie in one stratum. Draws in which a figure is NaN are left out for that figure.
    """
    assert clusters.shape == strata.shape
    assert clusters.ndim == 1
    rng = np.random.default_rng(seed)
    draw = _sampler(clusters, strata)
    drawn = np.stack([figures(draw(rng)) for _ in range(draws)])
    return Bounds(*np.stack([_quantiles(column[~np.isnan(column)]) for column in drawn.T], axis=1))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of McNemar's test that two models are right equally often on the same rows.

    The arguments count the rows that only one of the two gets right. Under the null hypothesis they are fair coin
    tosses: p = min(1, 2 P[X <= min]) with X ~ Binomial(sum, 1/2) (McNemar, 1947). 1 where both are 0.
    """
    assert min(only_first, only_second) >= 0
    n = only_first + only_second
    logs = [_log_choose(n, k) - n * math.log(2) for k in range(min(only_first, only_second) + 1)]
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logs))


_EXACT: Final = 1000
"""Up to here binomial coefficients are taken as whole numbers; beyond, their logarithms are close enough."""


def _log_choose(n: int, k: int) -> float:
    if n <= _EXACT:
        return math.log(math.comb(n, k))
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.quantile(values, _ENDS) if len(values) else np.full(len(_ENDS), np.nan)


def _sampler(clusters: Rows, strata: Rows) -> Callable[[np.random.Generator], Rows]:
    """A function that draws the rows of one resample."""
    order = np.argsort(clusters, kind="stable")
    _, starts, sizes = np.unique(clusters[order], return_index=True, return_counts=True)
    stratum = strata[order][starts]
    members = [np.flatnonzero(stratum == value) for value in np.unique(stratum)]
    single = bool((sizes == 1).all())
    lone = order[starts]

    def draw(rng: np.random.Generator) -> Rows:
        chosen = np.concatenate([group[rng.integers(0, len(group), len(group))] for group in members])
        if single:
            alone: Rows = lone[chosen]
            return alone
        # the rows of each chosen cluster, one behind the other
        lengths = sizes[chosen]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows: Rows = order[np.repeat(starts[chosen], lengths) + offsets]
        return rows

    return draw
