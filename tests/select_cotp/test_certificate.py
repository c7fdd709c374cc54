from typing import Any

import numpy as np
import pytest

from stages.core.errors import DataError
from stages.select_cotp.arrays import Candidates
from stages.select_cotp.assign import Assignment, assign
from stages.select_cotp.certificate import Certificate, certify, reach, solve, widen
from tests.naive import assign as naive


def drawn(rng: np.random.Generator, trial: int) -> tuple[Any, Any]:
    """Distances (C, N) and capacities: spread out, near copies of one core row, or tied."""
    num_core, places = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    num_pool = num_core * places + int(rng.integers(0, 30))
    if trial % 3 == 0:
        distance = rng.random((num_core, num_pool))
    elif trial % 3 == 1:
        distance = rng.random(num_pool) + 0.01 * rng.random((num_core, num_pool))
    else:
        distance = rng.integers(0, 6, (num_core, num_pool)).astype(float)
    return distance, np.full(num_core, places)


def certified(distance: Any, nearest: Any, capacity: Any) -> tuple[Assignment, Certificate, Candidates] | None:
    nearest, capacity = np.asarray(nearest), np.asarray(capacity)
    candidates = naive.lists(distance, nearest)
    solution = assign(candidates, len(distance), capacity)
    if not isinstance(solution, Assignment):
        return None
    complete_to = reach(candidates, nearest, distance.shape[1])
    return solution, certify(candidates, solution.edges, solution.u, capacity, complete_to), candidates


def worst_case(distance: Any, candidates: Candidates, complete_to: Any, capacity: Any) -> float:
    """The least cost if each pair left out were as near as it can be, in a pool with rows that no list holds."""
    unseen = np.repeat(complete_to[:, None], distance.shape[1] + capacity.sum(), axis=1)
    unseen[np.isinf(unseen)] = 1e6
    unseen[candidates.core, candidates.position] = candidates.distance
    return naive.dense_cost(unseen, capacity)


def test_it_holds_exactly_where_no_pair_left_out_could_be_better() -> None:
    rng, seen = np.random.default_rng(0), {True: 0, False: 0}
    for trial in range(1000):
        distance, capacity = drawn(rng, trial)
        nearest = rng.integers(capacity[0], distance.shape[1] + 1, len(distance))
        made = certified(distance, nearest, capacity)
        if made is None:
            continue
        solution, certificate, candidates = made
        best = naive.dense_cost(distance, capacity)
        true_gap = (solution.cost - best) / solution.cost if solution.cost else 0.0
        assert certificate.gap >= true_gap - 1e-12
        assert certificate.bound <= best + 1e-9
        worst = worst_case(distance, candidates, reach(candidates, nearest, distance.shape[1]), capacity)
        optimal = solution.cost <= worst + 1e-9
        assert certificate.certified == optimal, trial
        assert certificate.certified == (len(certificate.failing) == 0)
        seen[certificate.certified] += 1
        if certificate.certified:
            assert true_gap <= 1e-9
    assert min(seen.values()) > 100


def test_a_price_above_the_last_distance_fails_that_core_row() -> None:
    # core 1 takes row 0 at 1, since row 1 costs it 10, and core 0 takes row 1, by which it loses 1: u = 1 + 1
    candidates = naive.lists(np.array([[0.0, 1.0], [1.0, 10.0]]), [2, 2])
    solution = assign(candidates, 2, np.array([1, 1]))
    assert isinstance(solution, Assignment)
    assert solution.u.tolist() == [1, 2]
    capacity = np.array([1, 1])
    # a third row at 1.5 from core 1 would free row 0: 0 + 1.5
    narrow = certify(candidates, solution.edges, solution.u, capacity, np.array([np.inf, 1.5]))
    assert (narrow.certified, narrow.failing.tolist(), narrow.cost, narrow.bound) == (False, [1], 2, 1.5)
    assert narrow.gap == 0.25
    # at 2 exactly it would change nothing
    just = certify(candidates, solution.edges, solution.u, capacity, np.array([np.inf, 2.0]))
    assert (just.certified, just.gap, just.bound) == (True, 0, 2)


def test_wrong_prices_show_as_a_gap_and_never_as_optimal() -> None:
    rng = np.random.default_rng(1)
    for trial in range(300):
        distance, capacity = drawn(rng, trial)
        made = certified(distance, np.full(len(distance), distance.shape[1]), capacity)
        assert made is not None
        solution, certificate, candidates = made
        assert certificate.certified
        wrong = solution.u + rng.normal(size=len(distance)) * 0.3
        everything = np.full(len(distance), np.inf)
        other = certify(candidates, solution.edges, wrong, capacity, everything)
        assert other.bound <= certificate.cost + 1e-9
        # a worse selection with the right prices
        worse = certify(candidates, worse_selection(candidates, capacity), solution.u, capacity, everything)
        true_gap = (worse.cost - solution.cost) / worse.cost if worse.cost else 0.0
        assert worse.gap == pytest.approx(true_gap, abs=1e-9)
        assert worse.certified == (true_gap <= 1e-9)


def worse_selection(candidates: Candidates, capacity: Any) -> Any:
    """Core rows in turn take the pool rows of the lowest numbers."""
    free = iter(range(int(capacity.sum())))
    wanted = {(i, next(free)) for i in range(len(capacity)) for _ in range(capacity[i])}
    pairs = zip(candidates.core.tolist(), candidates.position.tolist(), strict=True)
    return np.array([edge for edge, pair in enumerate(pairs) if pair in wanted])


def test_a_gap_of_wrong_prices_by_hand() -> None:
    candidates = naive.lists(np.array([[1.0, 2.0]]), [2])
    # u = 0.25 proves no more than a cost of 0.25; u = 4 proves 4 - 3 - 2
    for price, bound in ((0.25, 0.25), (1.0, 1.0), (4.0, -1.0)):
        certificate = certify(candidates, np.array([0]), np.array([price]), np.array([1]), np.array([np.inf]))
        assert (certificate.bound, certificate.gap) == (bound, 1 - bound)
        assert certificate.certified == (price == 1)


def test_an_infeasible_selection_is_refused() -> None:
    candidates = naive.lists(np.ones((2, 2)), [2, 2])
    everything = np.full(2, np.inf)
    for edges in ([0, 2], [0, 1, 3], [0]):  # row 0 twice, core 0 twice, core 1 never
        with pytest.raises(AssertionError):
            certify(candidates, np.array(edges), np.ones(2), np.array([1, 1]), everything)


def test_how_far_lists_reach() -> None:
    candidates = naive.lists(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]), [2, 3, 0])
    assert reach(candidates, np.array([2, 3, 1]), 3).tolist() == [2, np.inf, np.inf]
    assert reach(candidates, np.array([3, 3, 1]), 100).tolist() == [np.inf, 6, np.inf]


def test_lists_of_failing_rows_double_up_to_the_pool() -> None:
    assert widen(np.array([4, 4, 60]), np.array([1, 2]), 100).tolist() == [4, 8, 100]


def run(distance: Any, capacity: Any, start: int, **options: Any) -> tuple[Any, list[list[int]]]:
    asked: list[list[int]] = []

    def search_more(nearest: Any) -> Candidates:
        asked.append(nearest.tolist())
        return naive.lists(distance, nearest)

    nearest = np.full(len(distance), start)
    return solve(search_more, naive.lists(distance, nearest), nearest, capacity, distance.shape[1], **options), asked


def test_lists_are_widened_until_the_optimum_is_certain() -> None:
    rng, rounds, infeasible = np.random.default_rng(2), [], 0
    for trial in range(200):
        distance, capacity = drawn(rng, trial)
        found, asked = run(distance, capacity, int(capacity[0]))
        assert found.certificate.certified
        assert found.assignment.cost == pytest.approx(naive.dense_cost(distance, capacity), abs=1e-9)
        assert found.candidates.distance[found.assignment.edges].sum() == found.assignment.cost
        assert found.rounds == len(asked) + 1
        assert found.nearest.tolist() == (asked[-1] if asked else [capacity[0]] * len(distance))
        rounds.append(found.rounds)
        infeasible += found.infeasible_rounds
    assert max(rounds) >= 4
    assert infeasible > 50


def test_it_stops_at_the_gap_that_is_enough() -> None:
    rng, fewer = np.random.default_rng(3), 0
    for trial in range(100):
        distance, capacity = drawn(rng, trial)
        best, _ = run(distance, capacity, int(capacity[0]))
        early, _ = run(distance, capacity, int(capacity[0]), max_gap=0.2)
        assert early.certificate.gap <= 0.2
        assert early.assignment.cost * 0.8 <= best.assignment.cost + 1e-9
        fewer += early.rounds < best.rounds
    assert fewer >= 3


def test_a_pool_that_is_too_small_says_what_would_fit() -> None:
    with pytest.raises(DataError, match=r"2 core rows with 3 pool rows each need 6 rows, .* has 5; .* --per-core 2"):
        run(np.ones((2, 5)), np.array([3, 3]), 5)
    with pytest.raises(DataError, match="0 core rows"):
        run(np.ones((0, 5)), np.zeros(0, np.int64), 5)


def test_a_pool_that_is_just_large_enough() -> None:
    found, _ = run(np.ones((2, 6)), np.array([3, 3]), 3)
    assert (found.certificate.certified, found.certificate.cost, found.certificate.gap) == (True, 6, 0)


def test_identical_core_rows_compete() -> None:
    found, _ = run(np.tile(np.arange(12.0), (4, 1)), np.full(4, 3), 3)
    assert found.certificate.certified
    assert found.assignment.cost == 66


def test_largest_distance_gives_as_many_pairs_as_there_are_and_certifies_them() -> None:
    rng, empty = np.random.default_rng(4), 0
    for trial in range(200):
        distance, capacity = drawn(rng, trial)
        limit = float(np.quantile(distance, 0.3 * rng.random()))
        found, _ = run(distance, capacity, int(capacity[0]), max_distance=limit)
        dear = 1e4
        allowed = np.where(distance <= limit, distance, 1e9)
        allowed = np.concatenate([allowed, np.full((len(distance), int(capacity.sum())), dear)], axis=1)
        wanted = naive.dense_cost(allowed, capacity)
        assert found.certificate.certified
        assert found.assignment.cost + dear * found.assignment.empty.sum() == pytest.approx(wanted, rel=1e-11)
        assert found.candidates.distance.max(initial=0) <= limit
        empty += int(found.assignment.empty.sum())
    assert empty > 100


def test_a_largest_distance_below_all_selects_nothing() -> None:
    found, asked = run(np.ones((2, 6)), np.array([1, 1]), 1, max_distance=0.5)
    assert (found.certificate.certified, len(found.assignment.edges), asked) == (True, 0, [])


def test_lists_that_go_beyond_the_largest_distance_are_not_widened() -> None:
    found, asked = run(np.array([[0.1, 0.2, 0.9, 1.0]]), np.array([3]), 3, max_distance=0.5)
    assert (found.certificate.certified, found.assignment.empty.tolist(), asked) == (True, [1], [])
    # the list ends at the largest distance, so that there may be more
    found, asked = run(np.array([[0.1, 0.2, 0.2, 1.0]]), np.array([3]), 2, max_distance=0.2)
    assert (found.certificate.certified, found.assignment.empty.tolist(), asked) == (True, [0], [[4]])
