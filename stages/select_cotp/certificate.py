"""Is the assignment on candidate lists the best among all pairs? A bound from its prices, and longer lists until it is.

Nothing is believed of the solver: the bound is computed anew from distances and prices of core rows, whatever these
are, so that a fault would show as a gap. Section 8.2 of the specification of select-cotp, a use of weak duality of
linear programs; ours, not the paper's. Shapes: C core rows, E candidate pairs, S selected pairs.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from stages.core.errors import DataError
from stages.select_cotp.arrays import F64, I64, Candidates
from stages.select_cotp.assign import Assignment, Infeasible, assign

_ROUNDING: Final = 1e-9  # of the cost: distances themselves are float32, good to 6e-8
_SLIGHTLY: Final = 1e-12  # of the largest distance: the solver's steps are finer


class Certificate(NamedTuple):
    """What the prices prove. `bound` <= cost of the best assignment among all pairs of core and pool <= `cost`.

    `gap` = (cost - bound) / sum of selected distances, 0 where these are all 0 and no place is empty. `certified`: the
    assignment is optimal among all pairs. `failing`: core rows whose price is above what their lists reach to; or,
    where there are none and prices are not optimal, all core rows whose lists are not complete.
    """

    cost: float
    bound: float
    gap: float
    certified: bool
    failing: I64


class Solved(NamedTuple):
    """An assignment, what is proven of it, and what that took.

    `candidates`: the lists it was found on, which its edges point into. `rounds` of solving; `infeasible_rounds` among
    them had no assignment. `nearest` (C,): how long the lists were asked to be at last.
    """

    assignment: Assignment
    certificate: Certificate
    candidates: Candidates
    rounds: int
    infeasible_rounds: int
    nearest: I64


def reach(candidates: Candidates, nearest: I64, pool_rows: int) -> F64:
    """To which distance each core row's list is complete (C,): its last distance; inf if it holds the whole pool.

    `nearest` (C,) is how many were asked for; a list that is shorter holds all there are.
    """
    starts = np.searchsorted(candidates.core, np.arange(len(nearest) + 1))
    sizes = np.diff(starts)
    complete = (sizes < nearest) | (sizes >= pool_rows)
    last = candidates.distance[np.maximum(starts[1:] - 1, 0)] if len(candidates) else np.zeros(len(nearest))
    return np.where(complete, np.inf, last)


def certify(
    candidates: Candidates, edges: I64, u: F64, capacity: I64, complete_to: F64, *, empty_cost: float = np.inf
) -> Certificate:
    """Bound the best assignment among all pairs by u'[i] = min(u[i], complete_to[i]) and v'[j] <= 0 to match.

    With v'[j] = min(0, least D[i, j] - u'[i] over candidates), (u', v') is feasible in the dual of the full problem,
    omitted pairs included, since these have D[i, j] >= complete_to[i] >= u'[i]. Certified iff u[i] <= complete_to[i]
    for every i and the bound equals the cost within rounding.

    Args:
        candidates: (E,) pairs, sorted by core.
        edges: (S,) places of the selected pairs in them; asserted to keep to capacities and to use a row once.
        u: (C,) any prices of core rows.
        capacity: (C,) places of each core row.
        complete_to: (C,) as `reach` gives it.
        empty_cost: what an empty place counts; inf if none may be.
    """
    _, times = np.unique(candidates.position[edges], return_counts=True)
    empty = capacity - np.bincount(candidates.core[edges], minlength=len(capacity))
    assert bool((times == 1).all())
    assert bool((empty >= 0).all())
    assert np.isfinite(empty_cost) or not empty.any()
    distances = float(candidates.distance[edges].sum())
    cost = distances + (empty_cost * int(empty.sum()) if empty.any() else 0.0)
    price = np.minimum(np.minimum(u, complete_to), empty_cost)
    positions, column = np.unique(candidates.position, return_inverse=True)
    v = np.zeros(len(positions))
    np.minimum.at(v, column, candidates.distance - price[candidates.core])
    bound = float((capacity * price).sum() + v.sum())
    gap = _share(max(cost - bound, 0.0), distances, bool(empty.any()))
    slightly = _SLIGHTLY * float(candidates.distance.max(initial=0.0))
    failing = np.flatnonzero((u > complete_to + slightly) & (capacity > 0))
    certified = gap <= _ROUNDING and not len(failing)
    if not certified and not len(failing):
        failing = np.flatnonzero(np.isfinite(complete_to))
    return Certificate(cost, bound, gap, certified, failing)


def widen(nearest: I64, failing: I64, pool_rows: int) -> I64:
    """How many candidates to ask for next (C,): twice as many for failing core rows, at most the whole pool."""
    wider = nearest.copy()
    wider[failing] = np.minimum(2 * wider[failing], pool_rows)
    return wider


def solve(
    search_more: Callable[[I64], Candidates],
    first: Candidates,
    nearest: I64,
    capacity: I64,
    pool_rows: int,
    *,
    max_gap: float = 0.0,
    max_distance: float | None = None,
) -> Solved:
    """Assign, and widen the lists that the certificate fails on until it holds or the gap is at most `max_gap`.

    With a `max_distance`, pairs above it do not exist and places may stay empty: as many pairs as possible, then the
    least sum of distances.

    Args:
        search_more: given how many nearest pool rows each core row needs (C,), the new lists, as `first`.
        first: the lists to begin with; at least nearest[i] pairs of core row i, or all of the pool.
        nearest: (C,) >= 1.
        capacity: (C,) places of each core row.
        pool_rows: N, rows that may be selected.
        max_gap: as a share of the cost.
        max_distance: at most this far.

    Raises:
        DataError: the pool has fewer rows than there are places, and no max_distance is given.
    """
    if max_distance is None:
        _check_enough(capacity, pool_rows)
    found, rounds, infeasible_rounds = first, 0, 0
    while True:
        complete_to = reach(found, nearest, pool_rows)
        if max_distance is not None:
            complete_to[complete_to > max_distance] = np.inf
            found = found.take(found.distance <= max_distance)
        solution = assign(found, len(capacity), capacity, partial=max_distance is not None)
        rounds += 1
        if isinstance(solution, Infeasible):
            infeasible_rounds += 1
            failing = solution.core
        else:
            certificate = certify(
                found, solution.edges, solution.u, capacity, complete_to, empty_cost=solution.empty_cost
            )
            if certificate.certified or certificate.gap <= max_gap or not np.isfinite(complete_to).any():
                return Solved(solution, certificate, found, rounds, infeasible_rounds, nearest)
            failing = certificate.failing
        wider = widen(nearest, failing[np.isfinite(complete_to[failing])], pool_rows)
        assert bool((wider > nearest).any()), "lists that hold the whole pool are enough"
        nearest = wider
        found = search_more(nearest)


def _share(excess: float, distances: float, any_empty: bool) -> float:
    """What the cost exceeds the bound by, as a share of the distances; a sum of 0 cannot be improved."""
    if distances > 0:
        return excess / distances
    return np.inf if any_empty and excess > 0 else 0.0


def _check_enough(capacity: I64, pool_rows: int) -> None:
    places, num_core = int(capacity.sum()), len(capacity)
    if num_core == 0 or places > pool_rows:
        most = pool_rows // num_core if num_core else 0
        raise DataError(
            f"{num_core} core rows with {int(capacity.max(initial=0))} pool rows each need {places} rows, and the pool"
            f" has {pool_rows}; the most for each core row is --per-core {most}, or use a smaller core set."
        )
