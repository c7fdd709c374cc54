"""What each arm selects by distance: the assignment, and beside it nearest neighbours and greedy.

The paper's method is the assignment; a gain of it says something about assigning only if these arms, under the same
budget, do not have it too. Arms that know no distance are in arms_random.py. Shapes: C core rows, E candidate pairs.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from stages.select_cotp.arrays import F64, I32, I64, Bools, Candidates, Chosen, PoolFacts


class Arm(NamedTuple):
    """What an arm selects, and the core rows whose lists are too short to be sure of it; none: it is exact.

    Where there are such, widen their lists and select again.
    """

    chosen: Chosen
    short: I64


class Nearest(NamedTuple):
    """As `Arm`; `distinct` is how many pool rows plain nearest neighbours give, before the arm is filled up."""

    chosen: Chosen
    short: I64
    distinct: int


class ArmFacts(NamedTuple):
    """An arm in figures; means are None where there is nothing to average.

    `share_correct` is of the rows whose correctness is known. `overlap` is the Jaccard similarity to the main arm: rows
    in both / rows in either. `by_length` (10,): rows in each tenth of the pool by length in tokens.
    """

    rows: int
    tokens: int
    mean_tokens: float | None
    mean_chars: float | None
    share_correct: float | None
    overlap: float | None
    mean_distance: float | None
    by_length: tuple[int, ...]


def from_assignment(candidates: Candidates, edges: I64) -> Chosen:
    """The pairs of an assignment, by their places in the candidates."""
    edges = np.sort(edges)
    picked = candidates.take(edges)
    starts = np.flatnonzero(np.diff(picked.core, prepend=-1))
    rank = np.arange(len(edges)) - np.repeat(starts, np.diff(starts, append=len(edges))) + 1
    return Chosen(
        picked.core, picked.position, rank.astype(np.int32), picked.distance, picked.d_pattern, picked.d_entropy
    )


def knn(candidates: Candidates, capacity: I64, total: int, complete_to: F64) -> Nearest:
    """Each core row's capacity[i] nearest pool rows, each once; then the nearest pairs that are left, up to `total`.

    A pool row that several core rows ask for goes to the one nearest to it. Filling knows no capacities.

    Args:
        candidates: sorted by (core, distance, tie, position).
        capacity: (C,).
        total: pool rows to select, T.
        complete_to: (C,) how far lists reach, see certificate.reach.
    """
    asked = _place_in_list(candidates, len(capacity)) < capacity[candidates.core]
    order = _by_distance(candidates)
    base = _first_of_each_row(candidates, order[asked[order]])
    rest = order[~np.isin(candidates.position[order], candidates.position[base])]
    fill = _first_of_each_row(candidates, rest)[: max(total - len(base), 0)]
    chosen = from_assignment(candidates, np.concatenate([base, fill]))
    sizes = np.bincount(candidates.core, minlength=len(capacity))
    short = np.isfinite(complete_to) & (sizes < capacity)
    if len(chosen) < total:
        short |= np.isfinite(complete_to)
    elif len(fill):
        short |= np.isfinite(complete_to) & _ends_before(candidates, order, fill[-1], len(capacity))
    return Nearest(chosen, np.flatnonzero(short), len(base))


def greedy(candidates: Candidates, capacity: I64, complete_to: F64) -> Arm:
    """Pairs by (distance, tie, position, core row), each if its core row has a place left and its pool row is free.

    Arguments as for `knn`. What is nearest is settled first, so that late core rows may get far pool rows.
    """
    _, column = np.unique(candidates.position, return_inverse=True)
    left = capacity.astype(np.int64)
    taken = _take_in_order(_by_distance(candidates), candidates.core, column.astype(np.int64), left)
    short = np.flatnonzero((left > 0) & np.isfinite(complete_to))
    return Arm(from_assignment(candidates, np.flatnonzero(taken)), short)


def within(candidates: Candidates, max_distance: float, complete_to: F64) -> Arm:
    """All pool rows within `max_distance` of a core row, each with the one nearest to it; no capacities.

    How CoTP (arXiv 2509.21124) is said to make larger sets: by relaxing the threshold.
    """
    near = np.flatnonzero(candidates.distance <= max_distance)
    order = near[_by_distance(candidates.take(near))]
    chosen = from_assignment(candidates, _first_of_each_row(candidates, order))
    return Arm(chosen, np.flatnonzero(complete_to <= max_distance))


def capacity_for_tokens(tokens: float, num_tokens: I64 | I32, num_core: int) -> int:
    """How many pool rows for each core row come nearest to `tokens` in all, by the mean length; at least 1.

    Args:
        tokens: wanted in all.
        num_tokens: (N,) lengths of the rows that may be selected.
        num_core: C.
    """
    mean = float(num_tokens.mean()) if len(num_tokens) else 0.0
    return max(1, round(tokens / (mean * num_core))) if mean > 0 and num_core > 0 else 1


def overlap(one: Chosen, other: Chosen) -> float | None:
    """Jaccard similarity of the pool rows of two arms; None if both are empty."""
    both = len(np.intersect1d(one.position, other.position, assume_unique=True))
    either = len(one) + len(other) - both
    return both / either if either else None


def arm_facts(chosen: Chosen, main: Chosen, facts: PoolFacts) -> ArmFacts:
    """An arm in figures, beside the main arm."""
    at = np.searchsorted(facts.position, chosen.position)
    known = facts.correct[at] >= 0
    tenths = np.bincount(length_tenth(facts.tokens)[at], minlength=10)
    return ArmFacts(
        rows=len(chosen),
        tokens=int(facts.tokens[at].sum()),
        mean_tokens=_mean(facts.tokens[at]),
        mean_chars=_mean(facts.chars[at]),
        share_correct=_mean(facts.correct[at][known] == 1),
        overlap=overlap(chosen, main),
        mean_distance=_mean(chosen.distance[np.isfinite(chosen.distance)]),
        by_length=tuple(tenths.tolist()),
    )


def length_tenth(lengths: I64) -> I64:
    """In which tenth of all lengths each lies (N,), 0 to 9; equal lengths in the same one."""
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    return np.searchsorted(np.quantile(lengths, np.arange(1, 10) / 10), lengths, side="right").astype(np.int64)


def _mean(values: I64 | F64 | Bools) -> float | None:
    return float(values.mean()) if len(values) else None


def _by_distance(candidates: Candidates) -> I64:
    """Places of all pairs by (distance, tie, position, core)."""
    return np.lexsort((candidates.core, candidates.position, candidates.tie, candidates.distance))


def _place_in_list(candidates: Candidates, num_core: int) -> I64:
    starts = np.searchsorted(candidates.core, np.arange(num_core))
    return np.arange(len(candidates)) - starts[candidates.core]


def _first_of_each_row(candidates: Candidates, order: I64) -> I64:
    """Of places in some order, those whose pool row has not come before, in this order."""
    _, first = np.unique(candidates.position[order], return_index=True)
    return order[np.sort(first)]


def _ends_before(candidates: Candidates, order: I64, last: int, num_core: int) -> Bools:
    """Whether each core row's list ends before the pair `last` in `order`, so that it may leave out nearer ones."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    ends = np.full(num_core, -1, dtype=np.int64)
    np.maximum.at(ends, candidates.core, place)
    return np.asarray(ends < place[last], dtype=np.bool_)


@njit(nogil=True, cache=True)
def _take_in_order(order: I64, core: I32, column: I64, left: I64) -> Bools:
    """Which pairs are taken, going by `order`; `left` (C,) counts down."""
    taken = np.zeros(len(order), np.bool_)
    used = np.zeros(len(order), np.bool_)
    for edge in order:
        if left[core[edge]] > 0 and not used[column[edge]]:
            left[core[edge]] -= 1
            used[column[edge]] = True
            taken[edge] = True
    return taken
