"""Scores and thresholds for every program, from labelled tasks other than its own.

Shapes: N programs, B bins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from stages.programs.matrix import Bools
from stages.programs.standings import Floats, Ints
from stages.programs.thresholds import Search, search

FOLDS: Final = 5

ScoreOf = Callable[[Bools], Floats]
"""From the programs that may be learnt from (N,) to the scores of all (N,)."""


class Fit(NamedTuple):
    """What labelled programs say: the score of every program (N,), and the search in each bin."""

    score: Floats
    searches: tuple[Search, ...]

    def thresholds(self, bins: Ints) -> Floats:
        """The threshold of each program's bin (N,); NaN where there is none, or no bin (-1)."""
        values = [np.nan if found is None else found.value for found, _ in self.searches]
        return np.append(values, np.nan)[bins]


class Limits(NamedTuple):
    """Each program's score and the threshold that it has to reach; both (N,), NaN where there is none."""

    score: Floats
    threshold: Floats


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is fitted, all arrays (N,): `known` says whose `truth` may be used, `bins` are numbered from 0.

    `fold` is -1 where a program's task has no known truth.
    """

    truth: Bools
    known: Bools
    task: Ints
    bins: Ints
    fold: Ints
    num_bins: int
    score_of: ScoreOf
    target: float
    seed: int
    draws: int

    def fit(self, train: Bools) -> Fit:
        """Learn from the programs `train` (N,); a threshold is chosen on scores of models that did not see the task."""
        held_out = np.full(len(train), np.nan)
        for fold in np.unique(self.fold[train]):
            own = self.fold == fold
            held_out[own] = self.score_of(train & ~own)[own]
        searches = [self._search(held_out, train & (self.bins == number)) for number in range(self.num_bins)]
        return Fit(self.score_of(train), tuple(searches))

    def cross_fit(self, whole: Fit) -> Limits:
        """Programs of labelled tasks by the other folds, the others by `whole`, the fit on all that is known."""
        score, threshold = whole.score.copy(), whole.thresholds(self.bins)
        for fold in np.unique(self.fold[self.known]):
            own = self.fold == fold
            part = self.fit(self.known & ~own)
            score[own], threshold[own] = part.score[own], part.thresholds(self.bins)[own]
        return Limits(score, threshold)

    def _search(self, scores: Floats, rows: Bools) -> Search:
        return search(scores[rows], self.truth[rows], self.task[rows], self.target, seed=self.seed, draws=self.draws)


def deal_folds(task: Ints, known: Bools, bins: Ints, *, seed: int) -> Ints:
    """The fold of each program (N,), -1 where its task has no known program: tasks of a bin are dealt out in turn."""
    tasks, first = np.unique(task[known], return_index=True)
    shuffled = np.random.default_rng(seed).permutation(len(tasks))
    order = shuffled[np.argsort(bins[known][first][shuffled], kind="stable")]
    fold_of = np.full(int(task.max(initial=-1)) + 1, -1)
    fold_of[tasks[order]] = np.arange(len(tasks)) % FOLDS
    return np.asarray(fold_of[task])


def strength_edges(strength: Floats, task: Ints, num_bins: int) -> Floats:
    """Where the quantiles of the tasks' strengths divide them into bins: at most `num_bins` - 1 numbers, ascending.

    Fewer where tasks tie; none where no strength is known.
    """
    _, first = np.unique(task, return_index=True)
    values = strength[first]
    values = values[~np.isnan(values)]
    if not len(values):
        return np.zeros(0)
    edges = np.unique(np.quantile(values, np.arange(1, num_bins) / num_bins, method="higher"))
    return np.asarray(edges[edges > values.min()])


def strength_bins(strength: Floats, edges: Floats, known: Bools) -> Ints:
    """The bin of each program (N,): 0 below the first edge, and so on.

    Tasks of unknown strength have a bin of their own behind the others, where labelled ones are among them; else none
    (-1). Where no labelled task's strength is known, all tasks are in bin 0.
    """
    unknown = np.isnan(strength)
    if unknown[known].all():
        return np.zeros(len(strength), dtype=np.int64)
    own = len(edges) + 1 if unknown[known].any() else -1
    return np.where(unknown, own, np.searchsorted(edges, strength, side="right"))
