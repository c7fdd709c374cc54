"""Numbers by which programs can be ordered from probably wrong to probably right, with and without labels.

Average precision on the even half of CodeT's samples, ten a task: agreement .78, fitted (on held-out tasks) .79, pass
rate .57, consensus .55. With three or five samples a task agreement is ahead of fitted, and it needs no labels: hence
it is the default of `calibrated`. It believes groups, so a popular wrong answer on which wrong tests agree wins.

Shapes: N programs, F features. A program without tests has NaN.
"""

from typing import Final, Literal, get_args

import numpy as np

from stages.programs.logistic import fit_logistic, probabilities
from stages.programs.matrix import Bools
from stages.programs.rule import best_of_task
from stages.programs.standings import Floats, Ints, Standings

ScoreName = Literal["agreement", "pass_rate", "weighted", "consensus", "fitted"]
SCORES: Final[tuple[ScoreName, ...]] = get_args(ScoreName)

_RIDGE: Final = 10.0
_DIGITS: Final = 9
"""Programs with the same features must tie, whatever order a matrix product sums in."""


def plain_score(standings: Standings, name: ScoreName) -> Floats:
    """A score (N,) that needs no labels.

    `agreement` is pass_rate x group / solutions of the task: the score of CodeT (arXiv 2207.10397) with exponent 1,
    divided by what it could be at most and not by the best of the task, so that tasks can be compared; this form is
    ours. With one solution a task it is the pass rate.
    """
    match name:
        case "agreement":
            return np.asarray(standings.pass_rate * _group_share(standings))
        case "pass_rate":
            return standings.pass_rate
        case "weighted":
            return standings.weighted_rate
        case "consensus":
            return np.where(standings.total > 0, standings.consensus, np.nan)
    raise AssertionError(name)


def fitted_score(features: Floats, truth: Bools, train: Bools) -> Floats:
    """Probabilities (N,) that programs are right, by a logistic model fitted on those of `train` (N,).

    `features` (N, F) as `features_of` gives them, `truth` (N,) read where `train` holds. Features are standardised on
    the training programs; the ridge of 10 was chosen between 0.3 and 10 on CodeT's samples, where it hardly matters.
    Where all labels are equal every program has their mean.
    """
    if truth[train].all() or not truth[train].any():
        return np.full(len(features), truth[train].mean())
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    scaled = (features - mean) / np.where(spread > 0, spread, 1.0)
    weights = fit_logistic(scaled[train], truth[train], ridge=_RIDGE)
    return np.round(probabilities(scaled, weights), _DIGITS)


def features_of(standings: Standings) -> Floats:
    """What the logistic model sees of each program (N, F), mostly relative to its task.

    Pass rate, weighted rate, passed tests relative to the best of the task, consensus, agreement, the logarithm of the
    group's share, the task's mean and best pass rate, strength, judge; a column with gaps has its mean there and a
    further column that tells where.
    """
    task, rate = standings.task, standings.pass_rate
    share = _group_share(standings)
    best_rate = best_of_task(rate, task)
    best = np.maximum(best_of_task(standings.passed.astype(np.float64), task), 1.0)
    columns = [rate, standings.weighted_rate, standings.passed / best, standings.consensus, rate * share]
    columns += [np.log(share), _mean_of_task(rate, task), np.where(np.isfinite(best_rate), best_rate, np.nan)]
    columns += [standings.strength, standings.judge]
    return np.stack([part for column in columns for part in _without_gaps(column)], axis=1)


def _group_share(standings: Standings) -> Floats:
    return np.asarray(standings.group / np.bincount(standings.task)[standings.task])


def _mean_of_task(values: Floats, task: Ints) -> Floats:
    known = ~np.isnan(values)
    sums = np.bincount(task, weights=np.where(known, values, 0.0))
    with np.errstate(invalid="ignore"):
        return np.asarray((sums / np.bincount(task, weights=known))[task])


def _without_gaps(column: Floats) -> list[Floats]:
    gap = np.isnan(column)
    if not gap.any():
        return [column]
    if gap.all():
        return []
    return [np.where(gap, column[~gap].mean(), column), gap.astype(np.float64)]
