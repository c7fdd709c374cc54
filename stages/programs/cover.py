"""Which few tests of a suite say what all of it says, and how much the first few say.

What a test says: which mutants of the reference it kills, and which pairs of solutions it tells apart. Shapes: S
solutions, T tests, M' mutants that count, P pairs of solutions that some test tells apart, C chosen tests.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.programs.matrix import Bools, Floats, Ints, Matrix
from stages.programs.strength import Mutants


class Score(NamedTuple):
    """What some tests say, of what all tests of the task say or could say.

    `kills`: mutants killed, `pairs`: pairs of solutions told apart. `mutation_score` in [0, 1]: kills over all mutants
    that count, NaN without any. `separation` in [0, 1]: pairs over those that any test tells apart, NaN without any.
    """

    num_tests: int
    kills: int
    pairs: int
    mutation_score: float
    separation: float


class Cover(NamedTuple):
    """A smallest suite, as found greedily: `tests` (C,) in the order in which they were chosen."""

    tests: Ints
    score: Score
    full: Score


class Curves(NamedTuple):
    """Score of the first n tests, for n = 1 to T, both (T,).

    The score is the mutation score, without mutants the share of pairs told apart. `in_order` takes the tests as they
    come, `best_first` by falling weight. `weight` is the sum of the weights of the tests in `best_first`.
    """

    in_order: Floats
    best_first: Floats
    weight: Floats


def minimal(matrix: Matrix, *, mutants: Mutants | None = None, valid: Bools | None = None) -> Cover:
    """Choose, until nothing is missing, the test that adds most kills and pairs; the first of those that add as many.

    The greedy cover, Chvatal 1979: at most 1 + ln n times as large as a smallest one, where no test says more than n
    things. With `valid` (T,), only those tests are taken, and only what they say is kept. Where no test says anything,
    none is chosen.
    """
    num_tests = matrix.passed.shape[1]
    usable = np.ones(num_tests, dtype=np.bool_) if valid is None else valid
    assert usable.shape == (num_tests,)
    said = _said(matrix, mutants)
    missing = said[usable].any(axis=0)
    chosen: list[int] = []
    while missing.any():
        gain = (said & missing).sum(axis=1) * usable
        chosen.append(int(gain.argmax()))
        missing &= ~said[chosen[-1]]
    tests = np.array(chosen, dtype=np.int64)
    return Cover(tests, score(matrix, tests, mutants=mutants), score(matrix, np.flatnonzero(usable), mutants=mutants))


def score(matrix: Matrix, tests: Ints, *, mutants: Mutants | None = None) -> Score:
    """What the tests with these numbers (C,) say together."""
    kills, pairs = _kills(matrix, mutants), _pairs(matrix)
    killed, apart = int(kills[tests].any(axis=0).sum()), int(pairs[tests].any(axis=0).sum())
    return Score(len(tests), killed, apart, _share(killed, kills.shape[1]), _share(apart, pairs.shape[1]))


def curves(matrix: Matrix, weight: Floats, *, mutants: Mutants | None = None) -> Curves:
    """Scores of more and more tests; `weight` (T,) as in strength.py. NaN where there is nothing to kill or tell."""
    num_tests = matrix.passed.shape[1]
    assert weight.shape == (num_tests,)
    said = _pairs(matrix) if mutants is None else _kills(matrix, mutants)
    order = np.argsort(-weight, kind="stable")
    return Curves(_growth(said), _growth(said[order]), np.cumsum(weight[order]))


def mean_curve(each: Sequence[Floats]) -> Floats:
    """Mean of tasks' curves at n = 1 to the most tests of any; a task with fewer stays where it ends.

    Tasks without tests, or where nothing can be scored, are left out.
    """
    scored = [curve for curve in each if len(curve) and not np.isnan(curve).any()]
    width = max(map(len, scored), default=0)
    longer = [np.concatenate([curve, np.full(width - len(curve), curve[-1])]) for curve in scored]
    return np.mean(longer, axis=0) if longer else np.empty(0)


def _growth(said: Bools) -> Floats:
    if said.shape[1] == 0:
        return np.full(len(said), np.nan)
    shares: Floats = np.logical_or.accumulate(said, axis=0).mean(axis=1)
    return shares


def _said(matrix: Matrix, mutants: Mutants | None) -> Bools:
    return np.concatenate([_kills(matrix, mutants), _pairs(matrix)], axis=1)


def _kills(matrix: Matrix, mutants: Mutants | None) -> Bools:
    """Which test kills which mutant, (T, M')."""
    num_tests = matrix.passed.shape[1]
    assert mutants is None or mutants.killed.shape[1] == num_tests
    return np.empty((num_tests, 0), dtype=np.bool_) if mutants is None else mutants.kills.T


def _pairs(matrix: Matrix) -> Bools:
    """Which test tells which pair apart, (T, P); solutions with the same cells count once."""
    failed = matrix.known & ~matrix.passed
    cells = np.unique(np.concatenate([matrix.passed, failed], axis=1), axis=0)
    passed, failed = np.split(cells.T, 2)
    first, second = np.triu_indices(len(cells), k=1)
    apart = (passed[:, first] & failed[:, second]) | (failed[:, first] & passed[:, second])
    told: Bools = apart[:, apart.any(axis=0)]
    return told


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
