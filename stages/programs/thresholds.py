"""The smallest threshold of a score whose precision is high enough, as far as labelled tasks can tell.

Shapes: L labelled programs, T tasks, C candidates for the threshold.
"""

from typing import Final, NamedTuple

import numpy as np

from stages.core.intervals import Rows, bootstrap
from stages.programs.matrix import Bools
from stages.programs.standings import Floats, Ints

_CANDIDATES: Final = 200
_Z: Final = 1.959963984540054
"""97.5 % of the normal distribution lie below it."""


class Threshold(NamedTuple):
    """A candidate: what it keeps of the labelled programs, and how sure its precision is.

    `bound` is the lower end of the 95 % interval of the precision.
    """

    value: float
    kept: int
    precision: float
    recall: float
    bound: float


class Search(NamedTuple):
    """`found` is the smallest threshold that reaches the target, None where none does; `best` the highest bound."""

    found: Threshold | None
    best: float


def search(scores: Floats, truth: Bools, task: Ints, target: float, *, seed: int, draws: int) -> Search:
    """Look for the smallest threshold whose bound is at least `target`; all arrays (L,).

    Candidates are the distinct scores, at most 200 of them, evenly thinned. The bound is the smaller of two: the lower
    end of the percentile bootstrap over tasks, and of Wilson's interval (1927) for as many independent programs as the
    kept ones are worth, their number divided by the design effect of tasks (Kish, 1965). The bootstrap alone trusts a
    threshold that keeps few programs, all right, without limit.
    """
    assert scores.shape == truth.shape == task.shape
    values = _candidates(scores)
    kept, right = _by_task(scores, truth, task, values)
    bounds = np.minimum(_bootstrap_low(kept, right, seed, draws), _wilson_low(kept, right))
    reaching = np.flatnonzero(bounds >= target)
    best = float(bounds.max(initial=0.0))
    if not len(reaching):
        return Search(None, best)
    place = int(reaching[0])
    hits, size = right[:, place].sum(), kept[:, place].sum()
    recall = float(hits / max(int(truth.sum()), 1))
    found = Threshold(float(values[place]), int(size), float(hits / size), recall, float(bounds[place]))
    return Search(found, best)


def wilson_low(right: Floats, n: Floats) -> Floats:
    """Lower ends of Wilson's 95 % interval for shares right / n; both (C,), n above 0."""
    share = right / n
    centre = share + _Z**2 / (2 * n)
    margin = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.asarray((centre - margin) / (1 + _Z**2 / n))


def _candidates(scores: Floats) -> Floats:
    values = np.unique(scores)
    if len(values) <= _CANDIDATES:
        return values
    places = np.linspace(0, len(values) - 1, _CANDIDATES).round().astype(np.int64)
    return np.asarray(values[places])


def _by_task(scores: Floats, truth: Bools, task: Ints, values: Floats) -> tuple[Floats, Floats]:
    """Programs that each candidate keeps of each task, and the right ones among them; both (T, C)."""
    _, number = np.unique(task, return_inverse=True)
    reached = np.searchsorted(values, scores, side="right")
    shape = (int(number.max(initial=-1)) + 1, len(values) + 1)
    cells = np.ravel_multi_index((number, reached), shape)
    tables = [
        np.bincount(cells, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
        for weights in (np.ones(len(scores)), truth.astype(np.float64))
    ]
    # a program that reaches i candidates is kept by the first i
    kept, right = (table[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:] for table in tables)
    return kept, right


def _bootstrap_low(kept: Floats, right: Floats, seed: int, draws: int) -> Floats:
    both, width = np.concatenate([kept, right], axis=1), kept.shape[1]

    def precisions(rows: Rows) -> Floats:
        sums = np.bincount(rows, minlength=len(both)) @ both
        with np.errstate(invalid="ignore"):
            return np.asarray(sums[width:] / sums[:width])

    tasks = np.arange(len(both))
    low = bootstrap(precisions, tasks, np.zeros_like(tasks), seed=seed, draws=draws).low
    return np.where(np.isnan(low), 0.0, low)


def _wilson_low(kept: Floats, right: Floats) -> Floats:
    tasks = len(kept)
    size, hits = kept.sum(axis=0), right.sum(axis=0)
    share = hits / size
    alone = share * (1 - share) / size
    # variance of a ratio of task sums, by linearisation
    together = ((right - share * kept) ** 2).sum(axis=0) / size**2 * tasks / max(tasks - 1, 1)
    effect = np.maximum(np.divide(together, alone, out=np.ones_like(share), where=alone > 0), 1.0)
    return wilson_low(hits / effect, size / effect)
