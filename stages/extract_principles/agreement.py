"""How far annotators agree on the verdicts of matched principles: Krippendorff's alpha, Fleiss' kappa, intervals.

A response is reduced to a short text (its vote pattern) that shards count and any later step adds up; the bootstrap
draws responses, not units. Which verdicts belong together is decided in consensus.py.

Shapes: U units, C categories, R responses, K distinct responses, S = 3 + 2C sums.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 1000
"""Bootstrap resamples behind an interval."""

_CELLS: Final = 4_000_000
"""Numbers held at once while resampling: 32 MiB."""


class Interval(NamedTuple):
    """A coefficient and its percentile 95 % interval; None where it is undefined (see `agreement`)."""

    value: float | None
    low: float | None
    high: float | None


class Agreement(NamedTuple):
    """Both coefficients, and the responses and units with at least two votes that they rest on."""

    alpha: Interval
    kappa: Interval
    responses: int
    units: int


def vote_pattern(units: Iterable[Sequence[int]]) -> str:
    """Write the votes of one response as text: a unit a word, `yes/no` counts, sorted; "" without a pairable unit.

    A unit holds the number of annotators that chose each category; units with fewer than two votes are left out. Equal
    patterns have equal statistics, so a shard stores how often each occurs.
    """
    return " ".join(sorted("/".join(map(str, unit)) for unit in units if sum(unit) > 1))


def response_statistics(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Reduce the votes of one response (U x C) to sums that add up over responses: shape (S,).

    In order: units; observed disagreement; agreeing pairs as a share, summed over units; votes for each category;
    shares of each category, summed over units. Units with fewer than two votes do not count.
    """
    assert counts.ndim == 2
    votes = counts[counts.sum(axis=1) > 1].astype(np.float64)
    sizes = votes.sum(axis=1)
    squares = (votes**2).sum(axis=1)
    disagreement = (sizes**2 - squares) / (sizes - 1)
    agreeing = (squares - sizes) / (sizes * (sizes - 1))
    head = [len(votes), disagreement.sum(), agreeing.sum()]
    return np.concatenate([head, votes.sum(axis=0), (votes / sizes[:, None]).sum(axis=0)])


def krippendorff_alpha(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Krippendorff's alpha for nominal data with missing values, from summed statistics (... x S): shape (...).

    alpha = 1 - D_o / D_e (Krippendorff, Content Analysis, 2004, chapter 11). NaN where only one category occurs.
    """
    totals = sums[..., 3 : 3 + _num_categories(sums)]
    n = totals.sum(axis=-1)
    expected = n**2 - (totals**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * sums[..., 1] / expected, np.nan)


def fleiss_kappa(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fleiss' kappa, from summed statistics (... x S): shape (...); NaN where only one category occurs.

    kappa = (P - P_e) / (1 - P_e). Where units have different numbers of votes, both P and the category shares in P_e
    are means over units, each unit weighing the same (Gwet, Handbook of Inter-Rater Reliability, 2014, chapter 3, over
    units with two votes or more); with equal numbers that is Fleiss (1971).
    """
    units = sums[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sums[..., 3 + _num_categories(sums) :] / units[..., None]
        chance = (shares**2).sum(axis=-1)
        # a share of 1 - 1e-16 is rounding, not a second category
        return np.where(1 - chance > 1e-12, (sums[..., 2] / units - chance) / (1 - chance), np.nan)


def agreement(patterns: Mapping[str, int], *, seed: int, draws: int = DRAWS) -> Agreement:
    """Both coefficients over all responses, from how often each vote pattern occurs.

    Intervals: 2.5th and 97.5th percentile over `draws` resamples of the responses. Responses of one pattern are
    interchangeable, so a resample is one multinomial draw over the K patterns: 10^6 responses cost what K cost.
    Resamples in which a coefficient is undefined are left out. A coefficient is None where it is undefined on the
    data itself: everybody always says the same, or nothing was judged twice.
    """
    kept = sorted((pattern, repeats) for pattern, repeats in patterns.items() if pattern and repeats)
    if not kept:
        nothing = Interval(None, None, None)
        return Agreement(nothing, nothing, 0, 0)
    statistics = np.stack([response_statistics(_parse(pattern)) for pattern, _ in kept])
    repeats = np.array([count for _, count in kept])
    whole = repeats @ statistics
    resampled = _resample(statistics, repeats, np.random.default_rng(seed), draws)
    return Agreement(
        alpha=_interval(krippendorff_alpha(whole), krippendorff_alpha(resampled)),
        kappa=_interval(fleiss_kappa(whole), fleiss_kappa(resampled)),
        responses=int(repeats.sum()),
        units=int(whole[0]),
    )


def _num_categories(sums: NDArray[np.float64]) -> int:
    size: int = sums.shape[-1]
    return (size - 3) // 2


def _parse(pattern: str) -> NDArray[np.int64]:
    return np.array([[int(count) for count in unit.split("/")] for unit in pattern.split()])


def _resample(
    statistics: NDArray[np.float64], repeats: NDArray[np.int64], rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    """Sums over `draws` resamples (draws x S) of the K distinct responses, each of which occurs `repeats` times."""
    total = int(repeats.sum())
    step = max(1, _CELLS // len(repeats))
    return np.concatenate(
        [
            rng.multinomial(total, repeats / total, size=min(step, draws - start)) @ statistics
            for start in range(0, draws, step)
        ]
    )


def _interval(value: NDArray[np.float64], resampled: NDArray[np.float64]) -> Interval:
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(defined):
        return Interval(None if np.isnan(value) else float(value), None, None)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))
