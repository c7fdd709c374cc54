from typing import Any

import numpy as np
import pytest

from stages.select_cotp.arms import (
    arm_facts,
    capacity_for_tokens,
    from_assignment,
    greedy,
    knn,
    length_tenth,
    overlap,
)
from stages.select_cotp.arrays import Candidates, Chosen, PoolFacts
from stages.select_cotp.certificate import reach, widen
from tests.naive import assign as naive


def pairs(chosen: Chosen) -> set[tuple[int, int]]:
    return set(zip(chosen.core.tolist(), chosen.position.tolist(), strict=True))


def drawn(rng: np.random.Generator) -> tuple[Any, Any]:
    """Distances without ties, of core rows that want the same pool rows, and capacities."""
    num_core, most = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    capacity = rng.integers(0, most + 1, num_core)
    num_pool = max(int(capacity.sum()), 1) + int(rng.integers(0, 20))
    return rng.random(num_pool) + 0.2 * rng.random((num_core, num_pool)), capacity


def widened(select: Any, distance: Any, start: int = 1) -> tuple[Any, int]:
    """Select again from longer lists while any are too short."""
    nearest, rounds = np.full(len(distance), start), 1
    while True:
        candidates = naive.lists(distance, nearest)
        arm = select(candidates, reach(candidates, nearest, distance.shape[1]))
        if not len(arm.short):
            return arm, rounds
        wider = widen(nearest, arm.short, distance.shape[1])
        assert (wider[arm.short] > nearest[arm.short]).all()
        nearest, rounds = wider, rounds + 1


def test_rows_of_an_assignment_are_ranked_within_core_rows() -> None:
    candidates = naive.lists(np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]), [3, 3])
    chosen = from_assignment(candidates, np.array([4, 0, 1]))
    assert chosen.core.tolist() == [0, 0, 1]
    assert chosen.position.tolist() == [0, 1, 1]
    assert chosen.rank.tolist() == [1, 2, 1]
    assert chosen.distance.tolist() == [1, 2, 5]
    assert chosen.d_pattern.tolist() == [1, 2, 5]
    assert len(from_assignment(candidates, np.zeros(0, np.int64))) == 0


def test_nearest_neighbours_by_hand() -> None:
    # both ask for rows 0 and 1; row 0 is nearer to core 1, row 1 to core 0; then 3 at 5 and 2 at 6 are nearest
    distance = np.array([[2.0, 3.0, 6.0, 7.0], [1.0, 4.0, 9.0, 5.0]])
    candidates = naive.lists(distance, [4, 4])
    found = knn(candidates, np.array([2, 2]), 4, np.full(2, np.inf))
    assert pairs(found.chosen) == {(1, 0), (0, 1), (1, 3), (0, 2)}
    assert (found.distinct, len(found.short)) == (2, 0)
    assert pairs(knn(candidates, np.array([2, 2]), 3, np.full(2, np.inf)).chosen) == {(1, 0), (0, 1), (1, 3)}
    assert len(knn(candidates, np.array([1, 1]), 0, np.full(2, np.inf)).chosen) == 1


def test_nearest_neighbours_equal_plain_loops_from_whole_and_from_widened_lists() -> None:
    rng, most = np.random.default_rng(0), 0
    for _ in range(300):
        distance, capacity = drawn(rng)
        total = int(capacity.sum())
        wanted, distinct = naive.knn(distance, capacity, total)
        found, rounds = widened(lambda c, reached: knn(c, capacity, total, reached), distance)  # noqa: B023
        assert pairs(found.chosen) == wanted
        assert found.distinct == distinct
        most = max(most, rounds)
    assert most > 3


def test_greedy_by_hand() -> None:
    # 0-0 at 1 comes first, so that core 1 is left with row 1 at 9, where 1-0 and 0-1 would come to 5
    candidates = naive.lists(np.array([[1.0, 3.0], [2.0, 9.0]]), [2, 2])
    found = greedy(candidates, np.array([1, 1]), np.full(2, np.inf))
    assert pairs(found.chosen) == {(0, 0), (1, 1)}
    assert found.chosen.distance.sum() == 10


def test_greedy_equals_plain_loops_from_whole_and_from_widened_lists() -> None:
    rng, most = np.random.default_rng(1), 0
    for _ in range(300):
        distance, capacity = drawn(rng)
        found, rounds = widened(lambda c, reached: greedy(c, capacity, reached), distance)  # noqa: B023
        assert pairs(found.chosen) == naive.greedy(distance, capacity)
        most = max(most, rounds)
    assert most > 3


def test_lists_that_are_too_short_are_named() -> None:
    distance = np.array([[1.0, 2.0, 3.0, 4.0], [1.5, 2.5, 3.5, 4.5]])
    candidates = naive.lists(distance, [2, 2])
    reached = np.array([2.0, 2.5])
    assert greedy(candidates, np.array([1, 1]), reached).short.tolist() == []
    # core 0 takes rows 0 and 1, core 1 finds none
    assert greedy(candidates, np.array([2, 2]), reached).short.tolist() == [1]
    assert knn(candidates, np.array([3, 1]), 2, reached).short.tolist() == [0]
    assert knn(candidates, np.array([1, 1]), 3, reached).short.tolist() == [0, 1]
    # filled with row 1, which ends the list of core 0, at 2, and that of core 1, farther: nothing nearer is left out
    assert knn(candidates, np.array([1, 1]), 2, reached).short.tolist() == []
    # core 1's list ends before the row that is filled in: it may leave out a nearer one
    uneven = naive.lists(distance, [2, 1])
    assert knn(uneven, np.array([1, 1]), 2, np.array([2.0, 1.5])).short.tolist() == [1]
    # a list that ends with the same row at the same distance leaves out nothing that comes before
    same = naive.lists(np.array([[1.0, 2.0, 9.0], [1.0, 2.0, 9.0]]), [2, 2])
    assert knn(same, np.array([1, 1]), 2, np.array([2.0, 2.0])).short.tolist() == []


@pytest.mark.parametrize("arm", ["knn", "greedy"])
def test_ties_go_by_hash_whatever_the_order_of_the_pool(arm: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        distance = rng.integers(0, 3, (3, 12)).astype(float)
        tie = rng.permutation(12).astype(np.uint64)
        order = rng.permutation(12)
        made = []
        for columns in (np.arange(12), order):
            candidates = naive.lists(distance[:, columns], [12, 12, 12], tie[columns])
            chosen = selected(arm, candidates)
            made.append(sorted(zip(chosen.core.tolist(), tie[columns][chosen.position].tolist(), strict=True)))
            assert len(set(chosen.position.tolist())) == len(chosen)
        assert made[0] == made[1]


def selected(arm: str, candidates: Candidates) -> Chosen:
    capacity, everything = np.array([2, 3, 1]), np.full(3, np.inf)
    if arm == "knn":
        return knn(candidates, capacity, 6, everything).chosen
    return greedy(candidates, capacity, everything).chosen


def test_rows_for_a_number_of_tokens() -> None:
    lengths = np.array([50, 150])  # 100 in the mean
    assert capacity_for_tokens(1200, lengths, 4) == 3
    assert capacity_for_tokens(1399, lengths, 4) == 3
    assert capacity_for_tokens(1401, lengths, 4) == 4
    assert capacity_for_tokens(1, lengths, 4) == 1
    assert capacity_for_tokens(1e10, lengths, 4) == 25_000_000
    assert capacity_for_tokens(5, np.zeros(0, np.int64), 4) == 1


def facts() -> PoolFacts:
    """Ten rows: tokens 10, 20 .. 100, chars ten times as many, the first three right, the fourth wrong."""
    num = 10
    return PoolFacts(
        position=np.arange(0, 20, 2),
        tie=np.arange(num, dtype=np.uint64),
        tokens=10 * np.arange(1, num + 1),
        chars=100 * np.arange(1, num + 1),
        correct=np.array([1, 1, 1, 0, -1, -1, -1, -1, -1, -1], dtype=np.int8),
        question=np.arange(num),
        strata=np.zeros(num, np.int64),
        shortfall=np.zeros(num),
    )


def chosen_rows(position: list[int], distance: list[float]) -> Chosen:
    num = len(position)
    parts = np.zeros(num, np.float32)
    rank = np.arange(1, num + 1, dtype=np.int32)
    return Chosen(np.zeros(num, np.int32), np.array(position, dtype=np.int64), rank, np.array(distance), parts, parts)


def test_figures_of_an_arm_by_hand() -> None:
    main = chosen_rows([0, 2, 4], [0.5, 1.0, 3.0])
    arm = chosen_rows([4, 6, 8], [1.0, 2.0, np.nan])
    figures = arm_facts(arm, main, facts())
    assert figures.rows == 3
    assert figures.tokens == 30 + 40 + 50
    assert figures.mean_tokens == 40
    assert figures.mean_chars == 400
    assert figures.share_correct == 0.5
    assert figures.overlap == 1 / 5
    assert figures.mean_distance == 1.5
    assert figures.by_length == (0, 0, 1, 1, 1, 0, 0, 0, 0, 0)
    assert arm_facts(main, main, facts()).overlap == 1


def test_an_arm_without_rows_has_no_means() -> None:
    nothing = chosen_rows([], [])
    figures = arm_facts(nothing, nothing, facts())
    assert (figures.rows, figures.tokens, figures.mean_chars, figures.share_correct) == (0, 0, None, None)
    assert overlap(nothing, nothing) is None
    assert overlap(nothing, chosen_rows([1], [0.0])) == 0


def test_tenths_by_length() -> None:
    assert length_tenth(np.arange(100)).tolist() == np.repeat(np.arange(10), 10).tolist()
    assert len(set(length_tenth(np.full(5, 7)).tolist())) == 1
    assert len(length_tenth(np.zeros(0, np.int64))) == 0
