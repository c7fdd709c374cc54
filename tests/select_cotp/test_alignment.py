from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tslearn.metrics import dtw_path_from_metric

from stages.select_cotp.alignment import LONGEST, MOST_CELLS, align, entropy_alignment, pattern_alignment, shortened

F64 = NDArray[np.float64]


def total(cost: F64, path: list[tuple[int, int]]) -> float:
    return float(sum(cost[place] for place in path))


def assert_path(path: list[tuple[int, int]], shape: tuple[int, ...]) -> None:
    assert path[0] == (0, 0)
    assert path[-1] == (shape[0] - 1, shape[1] - 1)
    moves = {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)}
    assert moves <= {(1, 1), (1, 0), (0, 1)}


def test_a_path_by_hand() -> None:
    cost = np.array([[0, 5, 5, 5], [5, 0, 1, 5], [5, 5, 5, 2]], dtype=np.float64)
    assert align(cost) == [(0, 0), (1, 1), (1, 2), (2, 3)]
    # the same chains the other way round
    assert align(cost.T) == [(0, 0), (1, 1), (2, 1), (3, 2)]


def test_ties_take_the_diagonal_then_the_step_of_the_core_chain() -> None:
    assert align(np.zeros((3, 3))) == [(0, 0), (1, 1), (2, 2)]
    assert align(np.zeros((4, 2))) == [(0, 0), (1, 0), (2, 0), (3, 1)]
    # both detours around the middle cost nothing, the diagonal costs 1
    around = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float64)
    assert align(around) == [(0, 0), (0, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize(("shape", "path"), [((1, 1), [0]), ((1, 3), [0, 0, 0]), ((3, 1), [0, 1, 2])])
def test_chains_of_one_element(shape: tuple[int, int], path: list[int]) -> None:
    assert [i for i, _ in align(np.ones(shape))] == path


def test_within_a_band() -> None:
    cost = np.array([[0, 0, 0], [9, 9, 0], [9, 9, 0]], dtype=np.float64)
    assert align(cost) == [(0, 0), (0, 1), (1, 2), (2, 2)]
    assert align(cost, 1) == align(cost)
    assert align(cost, 0) == [(0, 0), (1, 1), (2, 2)]
    far = np.array([[0, 0, 0], [9, 9, 0], [9, 9, 0]], dtype=np.float64) + np.diag([0.0, 0, 5])
    assert total(far, align(far, 1)) == 5


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 25), st.integers(1, 25), st.integers(0, 2**32 - 1), st.booleans())
def test_costs_what_the_path_of_tslearn_costs(n: int, m: int, seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers make ties
    cost = rng.integers(0, 3, (n, m)).astype(np.float64) if coarse else rng.random((n, m))
    path = align(cost)
    assert_path(path, cost.shape)
    theirs, distance = dtw_path_from_metric(cost, metric="precomputed")
    assert total(cost, path) == pytest.approx(distance, rel=1e-12, abs=1e-12)
    assert total(cost, theirs) == pytest.approx(distance, rel=1e-12, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_entropies_cost_what_tslearn_says_with_and_without_a_band(length: int, radius: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.exponential(0.5, length), rng.exponential(0.5, length)
    found = entropy_alignment(one, other)
    _, distance = dtw_path_from_metric(one, other, metric="cityblock")
    assert found.alignment.costs.sum() == pytest.approx(distance, rel=1e-12)
    banded = entropy_alignment(one, other, radius).alignment
    assert np.abs(banded.core - banded.pool).max() <= radius
    _, distance = dtw_path_from_metric(
        one, other, metric="cityblock", global_constraint="sakoe_chiba", sakoe_chiba_radius=radius
    )
    assert banded.costs.sum() == pytest.approx(distance, rel=1e-12)


def test_entropies_by_hand() -> None:
    found = entropy_alignment(np.array([0.0, 1.0, 0.0], np.float32), np.array([0.0, 1.0, 1.0, 0.25], np.float32))
    assert (found.alignment.core.tolist(), found.alignment.pool.tolist()) == ([0, 1, 1, 2], [0, 1, 2, 3])
    assert found.alignment.costs.tolist() == [0, 0, 0, 0.25]


def test_chains_too_long_to_show_are_shortened_to_means() -> None:
    long = np.arange(3 * LONGEST, dtype=np.float64)
    found = entropy_alignment(long, long[: MOST_CELLS // LONGEST])
    assert (len(found.core), len(found.pool)) == (LONGEST, LONGEST)
    assert found.core[:3].tolist() == [1, 4, 7]
    assert found.pool.tolist() == long[:LONGEST].tolist()
    whole = entropy_alignment(long[: 2 * LONGEST], long[: MOST_CELLS // (2 * LONGEST)])
    assert whole.core.tolist() == long[: 2 * LONGEST].tolist()
    # the best path would be further from the diagonal than 30 places, which are ten of the pieces
    banded = entropy_alignment(long, long + 300, 30)
    assert len(banded.core) == LONGEST
    assert np.abs(banded.alignment.core - banded.alignment.pool).max() == 10


def test_pieces_differ_by_one_where_they_do_not_fit() -> None:
    # as bins of entropy chains are cut: tokens 0, 1 2, 3 4 or 0 1, 2 3 4, by floor(k T / L)
    assert shortened(np.array([1.0, 2, 3, 4, 6]), 3).tolist() == [1, 2.5, 5]
    assert shortened(np.array([1.0, 2, 3, 4, 6]), 2).tolist() == [1.5, 13 / 3]
    assert shortened(np.array([1.0, 2]), 3).tolist() == [1, 2]


def test_names_by_hand() -> None:
    # "verify" and "verifies" are alike, other names share no pair of characters
    weights = np.array([0.5, 2, 1], np.float32)
    found = pattern_alignment(["plan", "verify", "sum up"], weights, ["plan", "plan", "verify", "xxxx"])
    assert found.core.tolist() == [0, 0, 1, 2]
    assert found.pool.tolist() == [0, 1, 2, 3]
    assert found.costs.tolist() == [0, 0, 0, 1]
    exact = pattern_alignment(["plan", "verify"], weights[:2], ["verifies"], "exact")
    assert exact.costs.tolist() == [0.5, 2]
    alike = pattern_alignment(["plan", "verify"], weights[:2], ["verifies"])
    # v e r i f and one of i, e, y: 5 of 6 and 8 letters, 4 of 5 and 7 pairs
    letters, pairs = 2 * len("verif") / (6 + 8), 2 * len(["ve", "er", "ri", "if"]) / (5 + 7)
    assert alike.costs[1] == pytest.approx(2 * (1 - (letters + pairs) / 2), rel=1e-6)


@pytest.mark.parametrize("bad", [np.array([[np.nan]]), np.array([[np.inf]]), np.zeros((0, 3)), np.zeros(3)])
def test_what_is_no_cost_matrix(bad: F64) -> None:
    with pytest.raises(AssertionError):
        align(bad)


def test_a_band_needs_equal_lengths() -> None:
    with pytest.raises(AssertionError):
        align(np.zeros((2, 3)), 1)
