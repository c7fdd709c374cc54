"""A line of the metrics table, and how it comes by its interval. Which figures there are is in measures.py.

Shapes: N rows, M figures.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from stages.core.intervals import Rows, bootstrap
from stages.rewards.calibration import Floats


class Figure(NamedTuple):
    """One line of the metrics table; None where a value is undefined."""

    benchmark: str
    group: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int


class Draws(NamedTuple):
    """How intervals are made: the number of resamples, and their seed."""

    number: int
    seed: int


def figures_of(
    benchmark: str,
    group: str,
    metrics: Sequence[str],
    compute: Callable[[Rows], Floats],
    conversations: Sequence[str],
    draws: Draws,
) -> list[Figure]:
    """Return M figures of N rows with 95 % percentile intervals, conversations (N,) drawn with replacement.

    `compute` gives the figures of drawn rows. A single conversation gives no interval, no rows give no figure. The
    interval of a calibration error (`ece`) is moved by its median draw's distance from the figure: repeated rows look
    like confidence, so that draws have larger errors than the rows themselves.
    """
    total = len(conversations)
    if not total:
        return [Figure(benchmark, group, metric, None, None, None, 0) for metric in metrics]
    values = compute(np.arange(total))
    clusters = np.unique(list(conversations), return_inverse=True)[1].astype(np.int64)
    low = high = np.full(len(metrics), np.nan)
    if clusters.any():
        bounds = bootstrap(compute, clusters, np.zeros_like(clusters), seed=draws.seed, draws=draws.number)
        is_error = np.array([metric.startswith("ece") for metric in metrics])
        shift = np.where(is_error, bounds.middle - values, 0.0)
        low = np.where(is_error, np.maximum(bounds.low - shift, 0), bounds.low)
        high = bounds.high - shift
    return [
        Figure(benchmark, group, metric, _plain(value), _plain(bottom), _plain(top), total)
        for metric, value, bottom, top in zip(metrics, values, low, high, strict=True)
    ]


def rows_by_name(names: Iterable[str | None], smallest: int) -> dict[str, Rows]:
    """Return the row numbers of each name that has at least `smallest` rows, in order of the names."""
    places: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name is not None:
            places.setdefault(name, []).append(row)
    return {name: np.array(rows, dtype=np.int64) for name, rows in sorted(places.items()) if len(rows) >= smallest}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
