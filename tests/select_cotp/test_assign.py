from typing import Any

import numpy as np
import pytest

from stages.select_cotp.arrays import Candidates
from stages.select_cotp.assign import Assignment, Infeasible, assign
from tests.naive import assign as naive


def drawn(rng: np.random.Generator, trial: int) -> tuple[Any, Any]:
    """Distances (C, N) and capacities: tied, wide, clustered or tiny; every third case has no row to spare."""
    num_core, most = int(rng.integers(1, 9)), int(rng.integers(1, 6))
    capacity = rng.integers(0, most + 1, num_core) if trial % 5 == 0 else np.full(num_core, most)
    spare = 0 if trial % 3 == 0 else int(rng.integers(1, 20))
    num_pool = max(int(capacity.sum()) + spare, 1)
    kind = trial % 4
    if kind == 0:
        distance = rng.integers(0, 5, (num_core, num_pool)).astype(float)
    elif kind == 1:
        distance = rng.random((num_core, num_pool))
    elif kind == 2:
        distance = rng.random(num_pool) + 1e-3 * rng.random((num_core, num_pool))
    else:
        distance = rng.random((num_core, num_pool)) * 10.0 ** rng.integers(-6, 6)
    return distance, capacity


def full(distance: Any) -> Any:
    return np.full(len(distance), distance.shape[1])


def solved(candidates: Candidates, capacity: Any, *, partial: bool = False) -> Assignment:
    solution = assign(candidates, len(capacity), np.asarray(capacity), partial=partial)
    assert isinstance(solution, Assignment)
    return solution


def check_prices(solution: Assignment, candidates: Candidates, capacity: Any) -> None:
    v = solution.v[np.searchsorted(solution.positions, candidates.position)]
    slack = candidates.distance - solution.u[candidates.core] - v
    rounding = 1e-12 * candidates.distance.max()
    assert slack.min() >= -rounding
    assert np.abs(slack[solution.edges]).max(initial=0) <= rounding
    assert solution.v.max() <= 0
    free = ~np.isin(solution.positions, candidates.position[solution.edges])
    assert not solution.v[free].any()
    assert np.bincount(candidates.core[solution.edges], minlength=len(capacity)).tolist() == list(capacity)
    assert len(set(candidates.position[solution.edges].tolist())) == len(solution.edges)


def test_by_hand() -> None:
    # both want row 0; core 1 loses less by row 1 (2 - 1) than core 0 would (5 - 0)
    candidates = naive.lists(np.array([[0.0, 5.0, 9.0], [1.0, 2.0, 9.0]]), [3, 3])
    solution = solved(candidates, [1, 1])
    assert candidates.position[solution.edges].tolist() == [0, 1]
    assert solution.cost == 2
    # core 1 pays 2 for row 1, so that row 0 costs 1 more, for core 0 as well
    assert solution.u.tolist() == [1, 2]
    assert solution.v.tolist() == [-1, 0, 0]


def test_several_places_of_one_core_row() -> None:
    candidates = naive.lists(np.array([[1.0, 2.0, 3.0, 9.0], [1.0, 8.0, 8.0, 8.5]]), [4, 4])
    solution = solved(candidates, [2, 1])
    assert candidates.position[solution.edges].tolist() == [1, 2, 0]
    assert solution.cost == 6
    assert solution.u.tolist() == [3, 3]


def test_a_thousand_small_cases_equal_the_dense_hungarian_solver() -> None:
    rng = np.random.default_rng(5)
    for trial in range(1000):
        distance, capacity = drawn(rng, trial)
        candidates = naive.lists(distance, full(distance))
        solution = solved(candidates, capacity)
        assert solution.cost == pytest.approx(naive.dense_cost(distance, capacity), rel=1e-12, abs=1e-300), trial
        check_prices(solution, candidates, capacity)


def test_incomplete_lists_equal_the_dense_solver_with_the_other_pairs_forbidden() -> None:
    rng = np.random.default_rng(6)
    infeasible = 0
    for trial in range(600):
        distance, capacity = drawn(rng, trial)
        nearest = rng.integers(1, distance.shape[1] + 1, len(distance))
        candidates = naive.lists(distance, nearest)
        allowed = np.full(distance.shape, np.inf)
        allowed[candidates.core, candidates.position] = distance[candidates.core, candidates.position]
        solution = assign(candidates, len(capacity), capacity)
        if isinstance(solution, Infeasible):
            infeasible += 1
            with pytest.raises(ValueError, match="infeasible"):
                naive.dense_cost(allowed, capacity)
            # Hall: together these core rows have fewer candidates than places
            theirs = np.isin(candidates.core, solution.core)
            short = int(capacity[solution.core].sum()) - len(set(candidates.position[theirs].tolist()))
            assert short >= 1
            assert short <= solution.missing or len(set(candidates.position.tolist())) < capacity.sum()
        else:
            assert solution.cost == pytest.approx(naive.dense_cost(allowed, capacity), rel=1e-12, abs=1e-300), trial
            check_prices(solution, candidates, capacity)
    assert 100 < infeasible < 500


def test_prices_are_the_lowest_that_are_optimal() -> None:
    # no core row's price can be lowered alone or with others: the dual then loses value, or would go on
    rng = np.random.default_rng(8)
    for trial in range(60):
        distance, capacity = drawn(rng, trial)
        if not capacity.any():
            continue
        solution = solved(naive.lists(distance, full(distance)), capacity)
        lowest = lowest_prices(distance, capacity, solution)
        owns = capacity > 0
        np.testing.assert_allclose(solution.u[owns], lowest[owns], atol=1e-9 * distance.max())


def lowest_prices(distance: Any, capacity: Any, solution: Assignment) -> Any:
    """By Bellman and Ford: u[k] >= D[k, j] and u[k] >= u[i] - D[i, j] + D[k, j] for each j selected for k."""
    candidates = naive.lists(distance, full(distance))
    pairs = [(int(candidates.core[e]), int(candidates.position[e])) for e in solution.edges]
    u = np.full(len(distance), -np.inf)
    for _ in range(len(distance) + 1):
        for k, j in pairs:
            others = [u[i] - distance[i, j] + distance[k, j] for i in range(len(distance)) if capacity[i]]
            u[k] = max(u[k], distance[k, j], *others)
    return u


def test_as_many_pairs_as_possible_and_then_the_least_distance() -> None:
    rng = np.random.default_rng(9)
    for trial in range(300):
        distance, capacity = drawn(rng, trial)
        limit = float(np.quantile(distance, rng.random()))
        everything = naive.lists(distance, full(distance))
        near = Candidates(*(column[everything.distance <= limit] for column in everything))
        solution = solved(near, capacity, partial=True)
        # the same with one row in the pool for every place that stays empty, dearer than all distances together
        dear = 1000 * (distance.max() + 1)
        allowed = np.where(distance <= limit, distance, 1e6 * dear)
        allowed = np.concatenate([allowed, np.full((len(distance), int(capacity.sum())), dear)], axis=1)
        wanted = naive.dense_cost(allowed, capacity)
        assert solution.cost + dear * solution.empty.sum() == pytest.approx(wanted, rel=1e-11), trial
        taken = np.bincount(near.core[solution.edges], minlength=len(capacity))
        assert (taken + solution.empty).tolist() == capacity.tolist()
        np.testing.assert_array_less(solution.u, solution.empty_cost * (1 + 1e-12))


def test_pool_rows_in_another_order_give_the_same_selection() -> None:
    rng = np.random.default_rng(10)
    for trial in range(100):
        distance, capacity = drawn(rng, trial)
        tie = rng.permutation(distance.shape[1]).astype(np.uint64)
        order = rng.permutation(distance.shape[1])
        one, other = (
            naive.lists(distance, full(distance), tie),
            naive.lists(distance[:, order], full(distance), tie[order]),
        )
        first, second = solved(one, capacity), solved(other, capacity)
        assert one.core[first.edges].tolist() == other.core[second.edges].tolist()
        assert one.tie[first.edges].tolist() == other.tie[second.edges].tolist()


def test_of_equal_distances_the_smaller_tie_is_taken() -> None:
    tie = np.array([7, 3, 9, 1], dtype=np.uint64)
    candidates = naive.lists(np.ones((1, 4)), [4], tie)
    assert candidates.position[solved(candidates, [2]).edges].tolist() == [3, 1]


def test_too_few_rows_in_all_lists_and_in_those_of_some() -> None:
    few = assign(naive.lists(np.ones((2, 3)), [3, 3]), 2, np.array([2, 2]))
    assert isinstance(few, Infeasible)
    assert (few.core.tolist(), few.missing) == ([0, 1], 1)
    # cores 0 and 1 share one candidate; core 2 has enough of its own
    candidates = naive.lists(np.array([[0.0, 9, 9, 9], [0.0, 9, 9, 9], [9.0, 0, 0, 0]]), [1, 1, 3])
    some = assign(candidates, 3, np.array([1, 1, 2]))
    assert isinstance(some, Infeasible)
    assert (some.core.tolist(), some.missing) == ([0, 1], 1)


def test_no_core_rows_and_no_candidates() -> None:
    nothing = naive.lists(np.ones((1, 1)), [0])
    assert solved(nothing, np.array([0])).cost == 0
    assert solved(nothing, np.array([2]), partial=True).empty.tolist() == [2]
    assert isinstance(assign(nothing, 1, np.array([1])), Infeasible)


def test_huge_and_tiny_distances_keep_their_order() -> None:
    for unit in (1e-30, 1e30):
        candidates = naive.lists(np.array([[0.0, 5.0, 9.0], [1.0, 2.0, 9.0]]) * unit, [3, 3])
        assert candidates.position[solved(candidates, [1, 1]).edges].tolist() == [0, 1]
