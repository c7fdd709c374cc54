"""Which candidate pairs to select: the assignment of least total distance under capacities, with its prices.

CoTP (arXiv 2509.21124) copies each core row and runs the Hungarian method on a dense matrix; this is the same optimum
without copies and without the matrix. It is optimal among the candidates given; whether it is so among all pairs says
certificate.py. Shapes: C core rows, E edges (candidate pairs), P distinct pool rows among them.
"""

from typing import Final, NamedTuple

import numpy as np

from stages.select_cotp.arrays import F64, I64, Candidates
from stages.select_cotp.assign_solver import FAR, Graph, fill, new_scratch, new_state

_ROWS_AT_ONCE: Final = 64  # between two calls into compiled code a signal is heard


class Assignment(NamedTuple):
    """The pairs of least total distance, and prices that prove it.

    `edges`: places in the candidates, rising. `u` (C,): prices of core rows, the lowest of all optimal ones, so that no
    other prices could certify where these do not. `positions` (P,) rising, with `v` (P,) <= 0: prices of pool rows.
    u[core] + v[position] <= distance for every edge, and equal for the selected. `cost` is the sum of distances.
    `empty` (C,): places left empty, `empty_cost` what one counted in the solver; zeros and inf unless `partial`.
    """

    edges: I64
    u: F64
    positions: I64
    v: F64
    cost: float
    empty: I64
    empty_cost: float


class Infeasible(NamedTuple):
    """No assignment fills all places from these lists.

    `core`: the core rows that together have fewer candidates than places. `missing`: at least so many places find no
    pool row.
    """

    core: I64
    missing: int


def assign(candidates: Candidates, num_core: int, capacity: I64, *, partial: bool = False) -> Assignment | Infeasible:
    """Give core row i exactly capacity[i] pool rows, each pool row at most once, at the least sum of distances.

    Distances are rounded to integer multiples of a power of two, at least 2^45 / C steps up to the largest one, and
    the problem is solved exactly for these, so that equal distances stay equal. The result depends on nothing but the
    candidates; of several optima it keeps to the candidates' order as far as paths of one length leave a choice.

    Args:
        candidates: sorted by (core, distance, tie, position); distances finite and >= 0, a pair at most once.
        num_core: C.
        capacity: (C,) >= 0.
        partial: leave places empty where the lists do not suffice: as many pairs as possible, and of these the least
            sum of distances.
    """
    assert capacity.shape == (num_core,)
    distance = candidates.distance
    assert bool((np.isfinite(distance) & (distance >= 0)).all())
    positions, column = np.unique(candidates.position, return_inverse=True)
    too_few = int(capacity.sum()) - len(positions)
    if too_few > 0 and not partial:
        return Infeasible(np.flatnonzero(capacity), too_few)
    starts = np.searchsorted(candidates.core, np.arange(num_core + 1)).astype(np.int64)
    steps = _steps_per_unit(distance, num_core)
    graph = Graph(starts, candidates.core.astype(np.int64), column.astype(np.int64), _rounded(distance, steps))
    # dearer than any chain of exchanges, so that a place stays empty only where there is none
    empty_cost = int(graph.cost.max(initial=0) + 1) * (num_core + 1) if partial else FAR
    state, scratch = new_state(capacity, len(positions)), new_scratch(num_core)
    for first in range(0, num_core, _ROWS_AT_ONCE):
        end = min(first + _ROWS_AT_ONCE, num_core)
        fill(graph, first, end, empty_cost, state, scratch)
    if state.missing.any():
        return Infeasible(np.flatnonzero(state.stuck), int(state.missing.sum()))
    edges = np.sort(state.edge[state.owner >= 0])
    v = np.where(state.owner >= 0, state.owned - state.u[state.owner], 0)
    return Assignment(
        edges=edges,
        u=state.u / steps,
        positions=positions,
        v=v / steps,
        cost=float(distance[edges].sum()),
        empty=state.empty,
        empty_cost=empty_cost / steps if partial else np.inf,
    )


def _steps_per_unit(distance: F64, num_core: int) -> float:
    """The power of two that uses int64 as far as sums of four paths, each through all core rows, leave room."""
    _, exponent = np.frexp(distance.max(initial=0.0))
    return float(np.ldexp(1.0, min(62 - (4 * num_core + 12).bit_length() - int(exponent), 1000)))


def _rounded(distance: F64, steps: float) -> I64:
    return np.rint(distance * steps).astype(np.int64)
