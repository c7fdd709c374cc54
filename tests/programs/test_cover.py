from itertools import combinations

import numpy as np
import pytest

from stages.programs.cover import curves, mean_curve, minimal, score
from tests.naive import strength as naive
from tests.programs.drawn import bools, drawn, mutants, rows_at_random

NAN = float("nan")


def test_tests_that_add_nothing_are_dropped() -> None:
    """Test 2 kills two mutants and tells the pair apart; test 3 adds the third mutant; 0 and 1 add nothing."""
    found = minimal(drawn("0011", "0001"), mutants=mutants("1010", "0110", "0001"))
    assert found.tests.tolist() == [2, 3]
    assert found.score == (2, 3, 1, 1.0, 1.0)
    assert found.full == (4, 3, 1, 1.0, 1.0)


def test_the_first_of_equal_tests_is_taken() -> None:
    assert minimal(drawn("1101", "0010", "0000")).tests.tolist() == [0, 2]


def test_invalid_tests_are_not_taken() -> None:
    some = mutants("110", "100", "000", "111", equivalent="0001")
    found = minimal(drawn("111"), mutants=some, valid=bools("011")[0])
    assert found.tests.tolist() == [1]
    assert found.score[:4] == pytest.approx((1, 1, 0, 1 / 3))
    assert found.full[:4] == pytest.approx((2, 1, 0, 1 / 3))
    assert np.isnan(found.full.separation)


def test_a_suite_that_says_nothing_is_covered_by_no_test() -> None:
    for matrix in (drawn("11", "11"), drawn("?-", "-?"), drawn("", ""), drawn()):
        found = minimal(matrix)
        assert found.tests.shape == (0,)
        assert np.isnan([found.score.mutation_score, found.score.separation]).all()


def test_curves_in_order_and_best_first() -> None:
    some = mutants("001", "001", "011", "010")
    found = curves(drawn("111", "000"), np.array([0.0, 0.4, 0.6]), mutants=some)
    assert found.in_order.tolist() == [0, 0.5, 1]
    assert found.best_first.tolist() == [0.75, 1, 1]
    assert found.weight == pytest.approx([0.6, 1, 1])


def test_without_mutants_curves_count_pairs() -> None:
    found = curves(drawn("10", "00", "01"), np.array([0.5, 0.5]))
    assert found.in_order == pytest.approx([2 / 3, 1])
    assert found.best_first == pytest.approx(found.in_order)
    assert np.isnan(curves(drawn("10"), np.array([0.5, 0.5])).in_order).all()


def test_short_curves_stay_where_they_end_in_the_mean() -> None:
    each = [np.array([0.5, 1.0]), np.array([0.2]), np.array([NAN, NAN, NAN]), np.empty(0)]
    assert mean_curve(each) == pytest.approx([0.35, 0.6])
    assert mean_curve(each[2:]).shape == (0,)


@pytest.mark.parametrize("seed", range(40))
def test_like_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_solutions, num_tests = map(int, rng.integers(1, 7, size=2))
    rows = rows_at_random(rng, num_solutions, num_tests)
    kills = rows_at_random(rng, int(rng.integers(1, 7)), num_tests, odd="")
    matrix, some = drawn(*rows), mutants(*kills)
    found = minimal(matrix, mutants=some)
    everything = naive.covers(rows, kills, range(num_tests))
    assert naive.covers(rows, kills, found.tests.tolist()) == everything
    assert (found.score.kills, found.score.mutation_score) == (found.full.kills, found.full.mutation_score)
    # Chosen greedily: none adds nothing, each adds at least as much as the next, and none is dispensable at its turn.
    gains = [len(naive.covers(rows, kills, found.tests[:n].tolist())) for n in range(len(found.tests) + 1)]
    steps = np.diff(gains)
    assert (steps > 0).all()
    assert (np.diff(steps) <= 0).all()
    smallest = next(
        n
        for n in range(num_tests + 1)
        for tests in combinations(range(num_tests), n)
        if naive.covers(rows, kills, tests) == everything
    )
    assert smallest <= len(found.tests) <= smallest * (1 + np.log(max(len(everything), 1)))


def test_pairs_that_no_test_tells_apart_are_not_asked_for() -> None:
    found = minimal(drawn("1?", "?1", "00"))
    assert found.full[2:] == pytest.approx((2, NAN, 1), nan_ok=True)
    assert found.tests.tolist() == [0, 1]


def test_the_score_of_chosen_tests() -> None:
    found = score(drawn("10", "00", "01"), np.array([1]), mutants=mutants("01", "10"))
    assert tuple(found) == pytest.approx((1, 1, 2, 0.5, 2 / 3))
