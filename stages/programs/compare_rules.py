"""How well rules and scores tell right programs from wrong ones: precision, recall, and precision at equal recall.

Functions of arrays: rows may be drawn with repetition, so that a bootstrap can call them. Only programs of known truth
go in.

Shapes: L labelled programs, P points of a curve.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from stages.core.intervals import Figures, Rows, bootstrap
from stages.programs.matrix import Bools
from stages.programs.standings import Floats, Ints

DRAWS: Final = 4000


class Interval(NamedTuple):
    """A figure and its 95 % interval by bootstrap over tasks; NaN where undefined."""

    value: float
    low: float
    high: float


class Line(NamedTuple):
    """What a rule keeps. `tasks` counts tasks of which it keeps a right program."""

    rule: str
    kept: int
    precision: Interval
    recall: Interval
    tasks: int


class Comparison(NamedTuple):
    """A rule beside a score: the score's precision where it has the rule's recall, and the rule's minus that."""

    rule: str
    recall: float
    precision: float
    score_precision: float
    difference: Interval


def precision_recall(kept: Bools, truth: Bools) -> Floats:
    """The share of right programs among kept ones, and of kept ones among right ones: (2,), NaN where undefined."""
    right, size, total = (kept & truth).sum(), kept.sum(), truth.sum()
    return np.array([right / size if size else np.nan, right / total if total else np.nan])


def precision_at(scores: Floats, truth: Bools, recall: float) -> float:
    """The precision of the largest scores at a recall in (0, 1], between thresholds by interpolation.

    Between one threshold and the next that keeps more right programs, a share of the programs between them is kept at
    random, so that their number grows in step with the right ones among them (Davis and Goadrich, 2006): straight in
    (right, kept), which is curved in (recall, precision). Below the recall of the largest score a share of its programs
    is kept. Programs whose score is NaN come last, together. NaN where no program is right, or the recall is 0 or NaN.
    """
    total = int(truth.sum())
    if total == 0 or not recall > 0:
        return float("nan")
    right, kept = _points(scores, truth)
    return float(recall * total / np.interp(recall * total, right, kept))


def precision_gap(kept: Bools, scores: Floats, truth: Bools) -> float:
    """The precision of what is kept minus that of the largest scores at the same recall; NaN where undefined."""
    precision, recall = precision_recall(kept, truth)
    return float(precision - precision_at(scores, truth, float(recall)))


def keep_table(kept: Mapping[str, Bools], truth: Bools, task: Ints, *, seed: int, draws: int = DRAWS) -> list[Line]:
    """Kept, precision and recall of each rule, with intervals by bootstrap over tasks; all arrays (L,)."""
    columns = [*kept.values(), *(column & truth for column in kept.values()), truth]
    _, number = np.unique(task, return_inverse=True)
    # (tasks, 2 x rules + 1): a draw of tasks needs their counts alone
    counts = np.stack([np.bincount(number, weights=column) for column in columns], axis=1)

    def figures(tasks: Rows) -> Floats:
        sums = np.bincount(tasks, minlength=len(counts)) @ counts
        right = sums[len(kept) : -1]
        with np.errstate(invalid="ignore"):
            return np.stack([right / sums[: len(kept)], right / sums[-1]], axis=1).ravel()

    intervals = iter(_intervals(figures, np.arange(len(counts)), seed, draws))
    return [
        Line(rule, int(column.sum()), next(intervals), next(intervals), len(np.unique(task[column & truth])))
        for rule, column in kept.items()
    ]


def compare_at_equal_recall(
    kept: Mapping[str, Bools], scores: Floats, truth: Bools, task: Ints, *, seed: int, draws: int = DRAWS
) -> list[Comparison]:
    """Each rule against the score at the rule's own recall, on the same draws; all arrays (L,).

    With pass rates as the score, whether a rule beats every global fraction; with a fraction as the rule, whether it is
    beaten by a score.
    """
    columns = list(kept.values())

    def gaps(rows: Rows) -> Floats:
        drawn, right = scores[rows], truth[rows]
        return np.array([precision_gap(column[rows], drawn, right) for column in columns])

    result = []
    for (rule, column), difference in zip(kept.items(), _intervals(gaps, task, seed, draws), strict=True):
        precision, recall = (float(value) for value in precision_recall(column, truth))
        result.append(Comparison(rule, recall, precision, precision - difference.value, difference))
    return result


def _points(scores: Floats, truth: Bools) -> tuple[Floats, Floats]:
    """Right and kept programs at every threshold (P,), from none to all; one point for each number of right ones.

    Of thresholds that keep as many right programs, the largest counts: the one that keeps the fewest.
    """
    falling = np.where(np.isnan(scores), np.inf, -scores)
    order = np.argsort(falling, kind="stable")
    ends = np.append(falling[order][1:] != falling[order][:-1], True)
    right = np.concatenate([[0], np.cumsum(truth[order])[ends]])
    kept = np.concatenate([[0], np.flatnonzero(ends) + 1])
    first = np.append(True, np.diff(right) > 0)
    return right[first].astype(np.float64), kept[first].astype(np.float64)


def _intervals(figures: Figures, task: Ints, seed: int, draws: int) -> list[Interval]:
    values = figures(np.arange(len(task)))
    bounds = bootstrap(figures, task, np.zeros_like(task), seed=seed, draws=draws)
    return [Interval(*map(float, ends)) for ends in zip(values, bounds.low, bounds.high, strict=True)]
