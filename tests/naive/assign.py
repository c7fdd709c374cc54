"""The assignment by a dense Hungarian solver on copies of core rows, and the control arms with plain loops."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from stages.select_cotp.arrays import Candidates

Matrix = Any
Pair = tuple[int, int]


def dense_cost(distance: Matrix, capacity: Matrix) -> float:
    """The least sum of distances (C, N) with capacity[i] pool rows for core row i; inf entries are no pairs."""
    copies = np.repeat(distance, capacity, axis=0)
    rows, columns = linear_sum_assignment(copies)
    return float(copies[rows, columns].sum())


def lists(distance: Matrix, nearest: Matrix, tie: Matrix | None = None, position: Matrix | None = None) -> Candidates:
    """The nearest[i] pairs of each row of a dense matrix (C, N), by (distance, tie, position)."""
    num_core, num_pool = distance.shape
    ties = np.arange(num_pool, dtype=np.uint64) if tie is None else tie
    positions = np.arange(num_pool) if position is None else position
    core, place = [], []
    for i in range(num_core):
        order = sorted(range(num_pool), key=lambda j: (distance[i, j], ties[j], positions[j]))[: nearest[i]]
        core += [i] * len(order)
        place += order
    at = np.array(place, dtype=np.int64)
    cores = np.array(core, dtype=np.int32)
    parts = distance[cores, at].astype(np.float32)
    return Candidates(cores, positions[at].astype(np.int64), ties[at], distance[cores, at].astype(float), parts, parts)


def greedy(distance: Matrix, capacity: Matrix) -> set[Pair]:
    """All pairs (core, pool row) by distance, each if there is room; no two distances may be equal."""
    left, used, chosen = list(capacity), set(), set()
    pairs = sorted((distance[i, j], i, j) for i in range(len(distance)) for j in range(distance.shape[1]))
    for _, i, j in pairs:
        if left[i] and j not in used:
            left[i] -= 1
            used.add(j)
            chosen.add((i, j))
    return chosen


def knn(distance: Matrix, capacity: Matrix, total: int) -> tuple[set[Pair], int]:
    """Each core row's nearest, each with the nearest core row that asks for it, then the nearest pairs left."""
    asked: dict[int, tuple[float, int]] = {}
    for i, row in enumerate(distance):
        for j in np.argsort(row)[: capacity[i]]:
            asked[int(j)] = min(asked.get(int(j), (np.inf, -1)), (row[j], i))
    distinct = len(asked)
    while len(asked) < min(total, distance.shape[1]):
        rest = [
            (distance[i, j], j, i) for i in range(len(distance)) for j in range(distance.shape[1]) if j not in asked
        ]
        least, j, i = min(rest)
        asked[j] = (least, i)
    return {(i, j) for j, (_, i) in asked.items()}, distinct
