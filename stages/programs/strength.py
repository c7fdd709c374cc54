"""How much each test of a task says, and how strong its suite is: richer, not more.

Measured against a reference and mutants of it where there are any, else by how the tests divide the solutions. Flaky
cells and cells that were not run are left out. Shapes: S solutions, T tests, M mutants of the reference.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from stages.programs.consensus import classes, codes, consensus
from stages.programs.matrix import Bools, Floats, Ints, Matrix

_ROUNDING: Final = 1e-9
"""A spread below this is that of rounding errors: rates over T tests differ by at least 1 / T**2."""


@dataclass(frozen=True, kw_only=True)
class Mutants:
    """Changed copies of a reference.

    `killed` (M, T): whether a test fails on a mutant. `equivalent` (M,): whether a mutant is taken to do the same as
    the reference, so that no test could kill it. `known` (M, T): where `killed` was found out; None for everywhere.
    """

    killed: Bools
    equivalent: Bools
    known: Bools | None = None

    def __post_init__(self) -> None:
        assert self.killed.ndim == 2
        assert self.equivalent.shape == self.killed.shape[:1]
        assert self.known is None or (self.known.shape == self.killed.shape and not (self.killed & ~self.known).any())

    @property
    def kills(self) -> Bools:
        """`killed` of the mutants that count, (M', T)."""
        return self.killed[~self.equivalent]


class CaseStrength(NamedTuple):
    """What each test is worth, all (T,); NaN where it is not known.

    `validity` in [0, 1]: 1 where the reference passes; where there is none (`estimated`), what the solutions
    make of the test. `kill_rate` in [0, 1]: share of the mutants that count. `correlation` in [-1, 1]: of
    passing the test with the rate over the other tests. `separation` in [0, 1]: share of the pairs of solutions
    told apart by any test that are told apart by this one. `alike`: how many tests, itself among them, have the
    same outcomes. `weight`: sums to 1, or to 0 where the reference passes no test. `uniform`: no test was worth
    anything, so that valid ones weigh the same.
    """

    validity: Floats
    kill_rate: Floats
    correlation: Floats
    separation: Floats
    alike: Ints
    weight: Floats
    estimated: bool
    uniform: bool


class SuiteStrength(NamedTuple):
    """What the tests of a task are worth together.

    `strength` in [0, 1]: the mutation score, or an estimate where there is none; NaN where nothing tells.
    `mutation_score` in [0, 1]: share of the mutants that count which a valid test kills; NaN without mutants.
    `num_distinct`: tests that differ in their outcomes. `num_valid`: tests of validity 1/2 or more.
    """

    strength: float
    mutation_score: float
    num_tests: int
    num_distinct: int
    num_valid: int


class SuiteRates(NamedTuple):
    """How a suite judges solutions whose truth is known.

    `true_positive`: share of the right ones that it accepts; `true_negative`: share of the wrong ones that it refuses;
    NaN where there are none.
    """

    true_positive: float
    true_negative: float
    num_right: int
    num_wrong: int


def measure(
    matrix: Matrix, *, reference: Bools | None = None, mutants: Mutants | None = None
) -> tuple[CaseStrength, SuiteStrength]:
    """Measure the tests of a task, one by one and together.

    `reference` (T,): whether a right program passes each test; one that is flaky there counts as not passed. Ours:
    weight = validity * worth / number of tests with the same outcomes, over the sum; worth = kill rate with mutants,
    else (1 + correlation) / 2, where a test that treats all solutions alike has 1/2. On half of CodeT the weighted rate
    orders a right before a wrong program with .87; with max(0, correlation) .81; without weights .83.
    """
    num_tests = matrix.passed.shape[1]
    assert reference is None or reference.shape == (num_tests,)
    assert mutants is None or mutants.killed.shape[1] == num_tests
    validity = estimated_validity(matrix) if reference is None else reference.astype(np.float64)
    killing = np.full(num_tests, np.nan) if mutants is None else kill_rate(mutants)
    related = correlation(matrix)
    which = distinct(matrix, mutants)
    alike = np.bincount(which, minlength=1)[which]
    worth = (1 + np.nan_to_num(related)) / 2 if np.isnan(killing).all() else np.nan_to_num(killing)
    weight, uniform = _normalised(validity * worth / alike, validity if reference is not None else np.ones(num_tests))
    cases = CaseStrength(
        validity, killing, related, separation(matrix), alike, weight, estimated=reference is None, uniform=uniform
    )
    score = np.nan if mutants is None else mutation_score(mutants, validity >= 0.5)
    estimate = _estimate(matrix, validity, related) if np.isnan(score) else score
    suite = SuiteStrength(estimate, score, num_tests, int(which.max(initial=-1)) + 1, int((validity >= 0.5).sum()))
    return cases, suite


def weighted_rate(matrix: Matrix, weight: Floats) -> Floats:
    """Share of the weight that each solution passes, sum w v / sum w over the cells that count, (S,) in [0, 1].

    NaN where no weight counts: without tests, or where all tests with a weight are flaky.
    """
    assert weight.shape == matrix.passed.shape[1:]
    whole = matrix.counted @ weight
    rates: Floats = np.divide(matrix.passed @ weight, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return rates


def estimated_validity(matrix: Matrix) -> Floats:
    """Validity of each test as the solutions see it: the share of their consensus scores that passes it, (T,).

    Ours. 0 where nothing passes. On half of CodeT it orders a valid before an invalid test with .91, what the best
    group passes with .83.
    """
    share = consensus(matrix).share
    whole = share @ matrix.known
    return np.divide(share @ matrix.passed, whole, out=np.zeros(len(whole)), where=whole > 0)


def kill_rate(mutants: Mutants) -> Floats:
    """Share of the mutants that count, and of which it is known, which each test kills, (T,); NaN without any."""
    kills = mutants.kills
    known = np.ones_like(kills) if mutants.known is None else mutants.known[~mutants.equivalent]
    number = known.sum(axis=0)
    rates: Floats = np.divide(kills.sum(axis=0), number, out=np.full(kills.shape[1], np.nan), where=number > 0)
    return rates


def mutation_score(mutants: Mutants, valid: Bools) -> float:
    """Share of the mutants that count which a valid test (T,) kills; NaN without any."""
    kills = mutants.kills
    return float(kills[:, valid].any(axis=1).mean()) if len(kills) else np.nan


def correlation(matrix: Matrix) -> Floats:
    """Point-biserial correlation of passing each test with the rate over the other tests, (T,) in [-1, 1].

    Over the solutions where both are known. NaN where either does not vary, so also with fewer than two solutions.
    """
    passed = matrix.passed.astype(np.float64)
    known = matrix.known.astype(np.float64)
    others = known.sum(axis=1, keepdims=True) - known
    used = known * (others > 0)
    rate = (passed.sum(axis=1, keepdims=True) - passed) / np.maximum(others, 1)
    number = np.maximum(used.sum(axis=0), 1)
    item = used * (passed - (used * passed).sum(axis=0) / number)
    rest = used * (rate - (used * rate).sum(axis=0) / number)
    spread = np.sqrt((item**2).sum(axis=0) * (rest**2).sum(axis=0))
    product = (item * rest).sum(axis=0)
    found: Floats = np.divide(product, spread, out=np.full(len(spread), np.nan), where=spread > _ROUNDING)
    return found.clip(-1, 1)


def separation(matrix: Matrix) -> Floats:
    """Share of the pairs of solutions that any test tells apart which each test tells apart, (T,); NaN without any."""
    failed = (matrix.known & ~matrix.passed).astype(np.float64)
    passed = matrix.passed.astype(np.float64)
    apart = passed @ failed.T
    pairs = np.count_nonzero(apart + apart.T) / 2
    told = passed.sum(axis=0) * failed.sum(axis=0)
    shares: Floats = np.divide(told, pairs, out=np.full(len(told), np.nan), where=pairs > 0)
    return shares


def distinct(matrix: Matrix, mutants: Mutants | None = None) -> Ints:
    """Number the tests by their outcomes over all solutions and all mutants that count, (T,)."""
    rows = codes(matrix)
    return classes((rows if mutants is None else np.concatenate([rows, mutants.kills.astype(np.uint8)])).T)


def suite_rates(matrix: Matrix, truth: Bools, *, threshold: float = 1.0) -> SuiteRates:
    """Rates of a suite that accepts solutions with a pass rate of `threshold` or more; `truth` (S,)."""
    assert truth.shape == matrix.passed.shape[:1]
    total = matrix.counted.sum(axis=1)
    # Without a test that counts there is nothing to accept a solution by.
    accepted = (matrix.passed.sum(axis=1) >= threshold * total) & (total > 0)
    right, wrong = int(truth.sum()), int((~truth).sum())
    return SuiteRates(
        true_positive=float(accepted[truth].mean()) if right else np.nan,
        true_negative=float((~accepted)[~truth].mean()) if wrong else np.nan,
        num_right=right,
        num_wrong=wrong,
    )


def _estimate(matrix: Matrix, validity: Floats, related: Floats) -> float:
    """Strength without mutants: the mean of validity * max(0, correlation). Ours.

    Unlike in the weights, a test that treats all solutions alike counts nothing here: it shows no power to refuse any.
    Fewer than two solutions show nothing at all.
    """
    if len(related) == 0 or matrix.known.any(axis=1).sum() < 2:
        return np.nan
    return float((validity * np.maximum(np.nan_to_num(related), 0)).mean())


def _normalised(weight: Floats, otherwise: Floats) -> tuple[Floats, bool]:
    """Weights that sum to 1: `weight`, or `otherwise` where no test is worth anything; all 0 where that is 0, too."""
    uniform = not weight.sum() > 0
    chosen = otherwise if uniform else weight
    whole = chosen.sum()
    return (chosen / whole if whole > 0 else np.zeros(len(chosen))), uniform
