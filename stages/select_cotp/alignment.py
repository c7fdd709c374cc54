"""How two chains warp onto each other: the optimal path itself, for the few pairs that a person looks at.

Distances that decide come from the kernels; here the same recurrence is done in float64 and its choices are kept.

Shapes: n elements of the core chain, m of the pool chain, P links of the path.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.select_cotp.arrays import F32, F64, I64
from stages.select_cotp.ngrams import MeasureName, name_distances

MOST_CELLS: Final = 2**22
"""Pairs of chains with more cells than this are aligned by the means of pieces: no picture shows more."""
LONGEST: Final = 2048

_DIAGONAL, _UP, _LEFT = 0, 1, 2


class Alignment(NamedTuple):
    """An optimal warping path: `core` and `pool` (P,) are the places that are linked, both rising by at most one.

    `costs` (P,) are what the links cost; their sum, undivided, is the warping distance.
    """

    core: I64
    pool: I64
    costs: F64


class Curves(NamedTuple):
    """Two entropy chains in nats as they are aligned, (n,) and (m,), and their alignment."""

    core: F64
    pool: F64
    alignment: Alignment


def align(cost: F64, radius: int | None = None) -> list[tuple[int, int]]:
    """The path from (0, 0) to (n - 1, m - 1) with the smallest sum of `cost` (n, m), all finite and >= 0.

    Moves (1, 1), (1, 0) and (0, 1), each at weight 1 ("symmetric1", Sakoe and Chiba 1978); among equally good ones the
    diagonal comes first, then the step of the core chain alone. `radius`: links (i, j) keep abs(i - j) <= radius; the
    chains are then equally long.
    """
    assert cost.ndim == 2
    assert cost.size
    assert radius is None or (cost.shape[0] == cost.shape[1] and radius >= 0)
    matrix = np.ascontiguousarray(cost, dtype=np.float64)
    assert np.isfinite(matrix).all()
    steps = _steps(matrix, max(matrix.shape) if radius is None else radius)
    i, j = matrix.shape[0] - 1, matrix.shape[1] - 1
    path = [(i, j)]
    while i or j:
        step = steps[i, j]
        i, j = i - (step != _LEFT), j - (step != _UP)
        path.append((i, j))
    return path[::-1]


def pattern_alignment(
    core: Sequence[str], weights: F32 | F64, pool: Sequence[str], measure: MeasureName = "dice"
) -> Alignment:
    """How the names of a pool chain warp onto those of a core chain with `weights` (n,): a link costs w_i * delta."""
    assert len(core) == len(weights)
    return _aligned(np.asarray(weights, np.float64)[:, None] * name_distances(core, pool, measure).astype(np.float64))


def entropy_alignment(core: F32 | F64, pool: F32 | F64, radius: int | None = None) -> Curves:
    """How two entropy chains (n,) and (m,) warp onto each other: a link costs the absolute difference.

    Chains that together have more than `MOST_CELLS` cells are shortened to the means of `LONGEST` equal pieces first.
    """
    ours, theirs = np.asarray(core, np.float64), np.asarray(pool, np.float64)
    if len(ours) * len(theirs) > MOST_CELLS:
        assert radius is None or len(ours) == len(theirs)
        radius = None if radius is None else -(-radius * LONGEST // len(ours))
        ours, theirs = shortened(ours, LONGEST), shortened(theirs, LONGEST)
    return Curves(ours, theirs, _aligned(np.abs(ours[:, None] - theirs[None, :]), radius))


def shortened(chain: F64, most: int) -> F64:
    """The means of `most` equal pieces of a longer chain, as entropies are binned; else the chain."""
    if len(chain) <= most:
        return chain
    starts = np.arange(most) * len(chain) // most
    return np.asarray(np.add.reduceat(chain, starts) / np.diff(starts, append=len(chain)))


def _aligned(cost: F64, radius: int | None = None) -> Alignment:
    core, pool = np.array(align(cost, radius), dtype=np.int64).T
    return Alignment(core, pool, cost[core, pool])


@njit(nogil=True, cache=True)
def _steps(cost: F64, radius: int) -> NDArray[np.uint8]:
    """The move by which each cell (n, m) is best reached."""
    n, m = cost.shape
    steps = np.full((n, m), _LEFT, dtype=np.uint8)
    row = np.full(m, np.inf)
    for i in range(n):
        before = np.inf if i else 0.0
        left = np.inf
        for j in range(m):
            up = row[j]
            best, move = before, _DIAGONAL
            if up < best:
                best, move = up, _UP
            if left < best:
                best, move = left, _LEFT
            before = up
            left = best + cost[i, j] if abs(i - j) <= radius else np.inf
            row[j], steps[i, j] = left, move
    return steps
