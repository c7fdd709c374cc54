import math

import numpy as np
import pytest

from stages.programs.consensus import consensus, groups
from tests.naive import program_consensus as naive
from tests.programs.drawn import drawn, rows_at_random


def test_groups_are_numbered_by_first_appearance() -> None:
    assert groups(drawn("110", "0e0", "110", "000", "11?", "1--")).tolist() == [0, 1, 0, 1, 2, 3]


def test_many_agreeing_solutions_beat_one_that_passes_a_little_more() -> None:
    found = consensus(drawn("1110", "1110", "1111", "0000"))
    best = 3 * math.sqrt(2)
    assert found.share == pytest.approx([1, 1, 4 / best, 0])
    assert found.group.tolist() == [2, 2, 1, 1]
    assert not found.lone


def test_exponents_move_the_weight_between_tests_and_agreement() -> None:
    matrix = drawn("1110", "1110", "1111")
    assert consensus(matrix, exponent=0).share == pytest.approx([0.75, 0.75, 1])
    assert consensus(matrix, exponent=1).share == pytest.approx([1, 1, 4 / 6])


def test_equal_scores_are_equal_shares() -> None:
    """3 tests passed by 2 solutions, 1 by 18: the same number, but for the last bit."""
    assert 3 * math.sqrt(2) != 1 * math.sqrt(18)
    matrix = drawn(*["111"] * 2, *["100"] * 18)
    assert consensus(matrix).share.tolist() == [1.0] * 20


def test_weights_and_merged_tests_change_what_passing_counts() -> None:
    matrix = drawn("111100", "000011")
    assert consensus(matrix).share.tolist() == [1, 0.5]
    assert consensus(matrix, merged=True).share.tolist() == [1, 1]
    assert consensus(matrix, weights=np.array([1, 0, 0, 0, 2, 2.0])).share.tolist() == [0.25, 1]


def test_a_flaky_cell_is_no_pass_and_joins_no_group_of_steady_ones() -> None:
    found = consensus(drawn("11?", "110", "110", "111", "???"))
    assert found.group.tolist() == [1, 2, 2, 1, 1]
    assert found.share == pytest.approx([2 / 3, 2 * math.sqrt(2) / 3, 2 * math.sqrt(2) / 3, 1, 0])


def test_whether_the_best_group_is_a_single_solution() -> None:
    assert consensus(drawn("111", "100", "100")).lone
    assert not consensus(drawn("111", "111", "100")).lone
    assert not consensus(drawn("000", "000")).lone
    assert not consensus(drawn("1111", *["1100"] * 4)).lone


def test_nothing_passed_no_tests_and_no_solutions() -> None:
    assert consensus(drawn("0-", "ee")).share.tolist() == [0, 0]
    assert consensus(drawn("", "")).share.tolist() == [0, 0]
    assert consensus(drawn("", "")).group.tolist() == [2, 2]
    assert consensus(drawn()).share.shape == groups(drawn()).shape == (0,)


@pytest.mark.parametrize("seed", range(40))
def test_like_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_solutions, num_tests = map(int, rng.integers(1, 12, size=2))
    rows = rows_at_random(rng, num_solutions, num_tests)
    weights, exponent, merged = rng.random(num_tests).round(2), float(rng.choice([0, 0.5, 1])), bool(rng.integers(2))
    found = consensus(drawn(*rows), weights=weights, exponent=exponent, merged=merged)
    assert groups(drawn(*rows)).tolist() == naive.groups(rows)
    assert found.share == pytest.approx(naive.shares(rows, list(weights), exponent, merged), abs=1e-11)
