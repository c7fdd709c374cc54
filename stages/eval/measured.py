"""What a benchmark makes of scored rows, and the lines of the metrics table that follow from it.

A `Measured` holds its figures as a function of drawn units, so that point values, intervals and differences between
two sources of scores all come from one definition.

Shapes: N units (pairs, prompts or rows), M figures, G groups.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Figures, Rows, bootstrap, mcnemar_exact


class Name(NamedTuple):
    """Which figure: its group of units, its own name, and how many units it rests on.

    `centred`: the figure is not negative and grows with noise, so that draws exceed it; see `_with_bounds`.
    """

    group: str
    metric: str
    n: int
    centred: bool = False


class Figure(NamedTuple):
    """One line of the metrics table; None where a value is undefined."""

    group: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Named figures of N units.

    `compute` gives the figures for drawn units; `clusters` and `strata` (N,) say how units are drawn (see
    `intervals.bootstrap`). `right` (N,) is set where every unit is either right or wrong. `dropped` gives the rule for
    every item, by its number, on which no figure rests.
    """

    names: tuple[Name, ...]
    compute: Figures
    clusters: Rows
    strata: Rows
    right: NDArray[np.bool_] | None = None
    dropped: Mapping[int, str] = field(default_factory=dict)


WHOLE: Final = "all"
"""The group of all units."""

AGAINST: Final = ".against"
"""Ending of a metric's name for the second source of scores."""


def grouped_means(
    values: Mapping[str, NDArray[np.float64]],
    labels: Sequence[str] | None = None,
    *,
    macro: bool = False,
    clusters: Rows | None = None,
    smallest: int = 1,
) -> Measured:
    """The mean of each of `values` (N,) over all units and over those of each label, in order of the labels.

    `macro`: the figure over all is the mean of the groups' means, and units are drawn within their group; else it is
    the mean over all units. Without `clusters` every unit is drawn by itself. Groups of fewer than `smallest` units
    have no figures of their own.
    """
    table = np.stack([np.asarray(column, dtype=np.float64) for column in values.values()], axis=1)
    num = len(table)
    names, codes = np.unique(np.array(labels or [""] * num, dtype=object).astype(str), return_inverse=True)
    assert len(codes) == num
    counts = np.bincount(codes, minlength=len(names))
    shown = np.flatnonzero((counts >= smallest) & (labels is not None))

    def compute(rows: Rows) -> NDArray[np.float64]:
        parts = group_means(table[rows], codes[rows], len(names))
        whole = parts.mean(axis=0) if macro else table[rows].mean(axis=0)
        return np.concatenate([whole, parts[shown].ravel()])

    groups = [(WHOLE, num), *((str(names[code]), int(counts[code])) for code in shown)]
    return Measured(
        names=tuple(Name(group, metric, n) for group, n in groups for metric in values),
        compute=compute,
        clusters=np.arange(num) if clusters is None else clusters,
        strata=codes.astype(np.int64) if macro else np.zeros(num, dtype=np.int64),
    )


def group_means(table: NDArray[np.float64], codes: Rows, groups: int) -> NDArray[np.float64]:
    """Means (G, M) of the rows of `table` (N, M) by `codes` (N,); NaN for a group without rows."""
    counts = np.bincount(codes, minlength=groups)
    sums = np.stack([np.bincount(codes, weights=column, minlength=groups) for column in table.T], axis=1)
    with np.errstate(invalid="ignore"):
        return sums / counts[:, None]


def join(first: Measured, *others: Measured) -> Measured:
    """Several measurements of the same units as one; how units are drawn, and what is right, is the first's."""
    parts = (first, *others)
    assert all(len(part.clusters) == len(first.clusters) for part in parts)

    def compute(rows: Rows) -> NDArray[np.float64]:
        return np.concatenate([part.compute(rows) for part in parts])

    return Measured(
        names=tuple(name for part in parts for name in part.names),
        compute=compute,
        clusters=first.clusters,
        strata=first.strata,
        right=first.right,
        dropped=first.dropped,
    )


def to_figures(measured: Measured, *, seed: int, draws: int) -> list[Figure]:
    """Every figure with its interval."""
    return _with_bounds(measured, measured.names, measured.compute, seed, draws)


def compare(first: Measured, second: Measured, *, seed: int, draws: int) -> list[Figure]:
    """The second's figures, and the first's minus the second's, on the same draws of the same units.

    Only figures that both have. Where units are right or wrong, also how many only one of the two gets right, and
    McNemar's exact p-value.
    """
    assert np.array_equal(first.clusters, second.clusters), "two sources of scores must be measured on the same units"
    places = {(name.group, name.metric): place for place, name in enumerate(second.names)}
    ours = [place for place, name in enumerate(first.names) if (name.group, name.metric) in places]
    names = [first.names[place] for place in ours]
    others = [places[name.group, name.metric] for name in names]

    def theirs(rows: Rows) -> NDArray[np.float64]:
        return second.compute(rows)[others]

    def difference(rows: Rows) -> NDArray[np.float64]:
        return first.compute(rows)[ours] - theirs(rows)

    against = [name._replace(metric=f"{name.metric}{AGAINST}") for name in names]
    apart = [name._replace(metric=f"{name.metric}.difference", centred=False) for name in names]
    return [
        *_with_bounds(second, against, theirs, seed, draws),
        *_with_bounds(first, apart, difference, seed, draws),
        *_discordant(first, second),
    ]


def _discordant(first: Measured, second: Measured) -> list[Figure]:
    if first.right is None or second.right is None:
        return []
    only_first = int((first.right & ~second.right).sum())
    only_second = int((second.right & ~first.right).sum())
    n, group = len(first.right), first.names[0].group
    return [
        Figure(group, "only_first_right", only_first, None, None, n),
        Figure(group, "only_against_right", only_second, None, None, n),
        Figure(group, "mcnemar_p", mcnemar_exact(only_first, only_second), None, None, only_first + only_second),
    ]


def _with_bounds(
    measured: Measured, names: Sequence[Name], compute: Callable[[Rows], NDArray[np.float64]], seed: int, draws: int
) -> list[Figure]:
    """Figures with percentile intervals; that of a centred figure is moved by its median draw's distance from it.

    A calibration error of resampled rows is larger than that of the rows themselves, since repeated rows look like
    confidence: unmoved, the interval would lie above the figure.
    """
    values = compute(np.arange(len(measured.clusters)))
    bounds = bootstrap(compute, measured.clusters, measured.strata, seed=seed, draws=draws)
    centred = np.array([name.centred for name in names])
    shift = np.where(centred, bounds.middle - values, 0.0)
    low = np.where(centred, np.maximum(bounds.low - shift, 0), bounds.low)
    return [
        Figure(name.group, name.metric, _plain(value), _plain(bottom), _plain(top), name.n)
        for name, value, bottom, top in zip(names, values, low, bounds.high - shift, strict=True)
    ]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
