"""The heaps keep exactly the nearest pairs, whatever the order in which they come."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.select_cotp.arrays import Candidates
from stages.select_cotp.heaps import Heaps


def _offer(heaps: Heaps, pairs: list[tuple[int, float, int, int]]) -> None:
    heaps.push(
        np.array([pair[0] for pair in pairs], np.int32),
        np.array([pair[1] for pair in pairs], np.float64),
        np.array([pair[2] for pair in pairs], np.uint64),
        np.array([pair[3] for pair in pairs], np.int64),
        np.array([pair[3] + 0.25 for pair in pairs], np.float32),
        np.array([pair[3] + 0.5 for pair in pairs], np.float32),
    )


def _rows(found: Candidates) -> list[tuple[int, float, int, int]]:
    assert (found.d_pattern == found.position + 0.25).all()
    assert (found.d_entropy == found.position + 0.5).all()
    return list(
        zip(found.core.tolist(), found.distance.tolist(), found.tie.tolist(), found.position.tolist(), strict=True)
    )


def test_the_two_nearest_of_four_by_hand() -> None:
    heaps = Heaps(1, 2)
    _offer(heaps, [(0, 0.5, 9, 1), (0, 0.25, 9, 2), (0, 0.75, 9, 3), (0, 0.125, 9, 4)])
    assert _rows(heaps.sorted()) == [(0, 0.125, 9, 4), (0, 0.25, 9, 2)]
    assert heaps.worst().tolist() == [0.25]


def test_worst_is_infinite_until_a_heap_is_full_and_below_all_where_it_has_no_place() -> None:
    heaps = Heaps(3, np.array([2, 1, 0]))
    _offer(heaps, [(0, 0.5, 0, 1), (1, 0.5, 0, 1), (2, 0.5, 0, 1)])
    assert heaps.worst().tolist() == [np.inf, 0.5, -np.inf]
    assert _rows(heaps.sorted()) == [(0, 0.5, 0, 1), (1, 0.5, 0, 1)]


def test_equal_distances_go_by_tie_as_an_unsigned_number_then_by_position() -> None:
    heaps = Heaps(1, 2)
    _offer(heaps, [(0, 1.0, 2**63 + 1, 7), (0, 1.0, 2**64 - 1, 1), (0, 1.0, 2**63 + 1, 6), (0, 1.0, 2**63 + 1, 8)])
    assert [row[3] for row in _rows(heaps.sorted())] == [6, 7]


def test_what_is_sorted_is_a_copy() -> None:
    heaps = Heaps(1, 2)
    _offer(heaps, [(0, 1.0, 0, 1), (0, 2.0, 0, 2)])
    before = heaps.sorted()
    _offer(heaps, [(0, 0.5, 0, 3)])
    assert before.position.tolist() == [1, 2]
    assert heaps.sorted().position.tolist() == [3, 1]


def test_no_pairs_at_all() -> None:
    found = Heaps(2, 3).sorted()
    assert len(found) == 0
    assert [array.dtype for array in found] == [np.int32, np.int64, np.uint64, np.float64, np.float32, np.float32]


_PAIRS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.1, 0.1 + 1e-16, 0.2, 3.0]), st.integers(0, 3)), max_size=60
)


@settings(max_examples=100, deadline=None)
@given(_PAIRS, st.lists(st.integers(0, 7), min_size=3, max_size=3), st.randoms(use_true_random=False))
def test_any_order_and_any_parts_give_what_sorting_gives(
    pairs: list[tuple[int, float, int]], sizes: list[int], random: Random
) -> None:
    rows = [(core, distance, tie, position) for position, (core, distance, tie) in enumerate(pairs)]
    expected = [row for core in range(3) for row in sorted(r for r in rows if r[0] == core)[: sizes[core]]]
    random.shuffle(rows)
    whole, parts = Heaps(3, np.array(sizes)), [Heaps(3, np.array(sizes)) for _ in range(3)]
    _offer(whole, rows)
    assert _rows(whole.sorted()) == expected
    for at, part in enumerate(parts):
        _offer(part, rows[at::3])
    random.shuffle(parts)
    first, second, third = parts
    second.merge(third.sorted())
    first.merge(second.sorted())
    assert _rows(first.sorted()) == expected
    assert first.worst().tolist() == whole.worst().tolist()
