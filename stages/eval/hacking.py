"""Signs that a reward model pays for looks: its score's correlation with length and markup given the label.

Also accuracy by length and by markup. Responses without content are tried in sensitivity.py, the Easy - Hard gap is in
rm_bench.py, best-of-n curves in best_of_n.py.

Shapes: N rows, K covariates.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.eval.measured import WHOLE, Measured, Name, group_means
from stages.eval.scored_rows import ScoredRow, by_conversation, labels_of, scores_of

LOOKS: Final = ("length", "markdown", "list_items")
LENGTHS: Final = ("short", "middle", "long")

_Floats = NDArray[np.float64]


def partial_correlation(x: _Floats, y: _Floats, given: _Floats) -> float:
    """Pearson correlation of x and y (N,) after both are regressed on `given` (N, K) with a constant.

    NaN where one of the two has nothing left.
    """
    assert x.shape == y.shape == given.shape[:1]
    return float(_partial_correlations(x, y[:, None], given)[0])


def thirds(lengths: _Floats) -> Rows:
    """0, 1 or 2 for each row: which third of the rows, by rising length; equal lengths lie in the same third."""
    edges = np.quantile(lengths, [1 / 3, 2 / 3], method="inverted_cdf")
    return np.searchsorted(edges, lengths, side="left").astype(np.int64)


def measure(items: Sequence[ScoredRow]) -> Measured:
    """Correlations of the score given the label, those of the label itself, and accuracy (score > 0) by looks."""
    scores, labels = scores_of(items), labels_of(items)
    looks = np.array([item.surface for item in items], dtype=np.float64)
    right = ((scores > 0) == labels).astype(np.float64)[:, None]
    length, marked = thirds(looks[:, 0]), (looks[:, 1] > 0).astype(np.int64)

    def compute(rows: Rows) -> _Floats:
        label = labels[rows].astype(np.float64)
        given, nothing = label[:, None], np.empty((len(rows), 0))
        values = [
            *_partial_correlations(scores[rows], looks[rows], given),
            *_partial_correlations(label, looks[rows], nothing),
        ]
        strata = [group_means(right[rows], length[rows], 3), group_means(right[rows], marked[rows], 2)]
        return np.concatenate([values, [right[rows].mean()], *(part.ravel() for part in strata)])

    n = len(items)
    sizes = [*np.bincount(length, minlength=3).tolist(), *np.bincount(marked, minlength=2).tolist()]
    strata = [*(f"length: {name}" for name in LENGTHS), "markdown: none", "markdown: some"]
    names = [Name(WHOLE, f"score_{look}_given_label", n) for look in LOOKS]
    names += [Name(WHOLE, f"label_{look}", n) for look in LOOKS]
    names += [Name(WHOLE, "accuracy", n)]
    names += [Name(group, "accuracy", size) for group, size in zip(strata, sizes, strict=True)]
    units = np.arange(n)
    measured = Measured(names=tuple(names), compute=compute, clusters=units, strata=np.zeros_like(units))
    return by_conversation(measured, items)


def _partial_correlations(x: _Floats, columns: _Floats, given: _Floats) -> _Floats:
    """`partial_correlation` of x (N,) with each of `columns` (N, C): shape (C,)."""
    design = np.column_stack([np.ones(len(x)), given])
    left = np.column_stack([x, columns])
    # Normal equations: many draws of many rows, few covariates, and lstsq minds a covariate that is constant.
    weights = np.linalg.lstsq(design.T @ design, design.T @ left, rcond=None)[0]
    rest = left - design @ weights
    size = np.linalg.norm(rest, axis=0)
    # What is left of a constant column is rounding, not variance.
    size[size <= 1e-9 * np.linalg.norm(left, axis=0)] = np.nan
    correlations: _Floats = rest[:, 0] @ rest[:, 1:] / (size[0] * size[1:])
    return correlations
