"""CPU seconds of the assignment: ours on candidate lists, scipy's dense Hungarian solver, scipy's sparse matching.

Points in three dimensions, 400 core rows with 5 places each and 20,000 pool rows: for scipy each core row is copied
five times, which makes 2,000 x 20,000. Wide core rows are spread like the pool, clustered ones are near 20 of its
points; alike ones, of which there are 100, near one. Ours and the sparse matching get lists of K nearest rows, found
beforehand; K is doubled until ours certifies the optimum, and all rounds are in our time. Costs are shown equal before
times are. The large cases have lists only, drawn at random, and scipy is not run on them: it would need 500,000 copies.
Medians of rounds that go through all methods in turn.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from stages.select_cotp.arrays import F64, I64, Candidates
from stages.select_cotp.assign import Assignment, assign
from stages.select_cotp.certificate import Solved, solve

ROUNDS = 3
PLACES, NUM_POOL = 5, 20_000
# core rows, and near how many points
SPREADS = {"wide": (400, 0), "clustered": (400, 20), "alike": (100, 1)}
LARGE = (10_000, 50, 200, 1_000_000)


def run() -> Iterator[str]:
    """The lines of the report."""
    rng = np.random.default_rng(0)
    for name, (num_core, clusters) in SPREADS.items():
        yield from _compare(name, _distances(rng, num_core, clusters))
    for name, groups in (("spread", LARGE[0]), ("in fours", LARGE[0] // 4)):
        yield _large(name, groups, rng)


def _compare(name: str, distance: F64) -> Iterator[str]:
    num_core = len(distance)
    order = np.argsort(distance, axis=1, kind="stable")
    capacity = np.full(num_core, PLACES)

    def search(nearest: I64) -> Candidates:
        return _lists(distance, order, nearest)

    def ours() -> Solved:
        first = np.full(len(capacity), 64)
        return solve(lambda nearest: ready[nearest.tobytes()], ready[first.tobytes()], first, capacity, NUM_POOL)

    ready = _searched(search, capacity)
    found = ours()
    copies = np.repeat(distance, PLACES, axis=0)
    sparse = _copied(found.candidates, num_core)
    methods: dict[str, Callable[[], object]] = {
        "dense": lambda: linear_sum_assignment(copies),
        "sparse": lambda: min_weight_full_bipartite_matching(sparse),
        "ours": ours,
        "ours, last lists": lambda: assign(found.candidates, num_core, capacity),
    }
    rows, columns = linear_sum_assignment(copies)
    best = float(copies[rows, columns].sum())
    rows, columns = min_weight_full_bipartite_matching(sparse)
    matched = float(sparse[rows, columns].sum()) - len(rows)
    assert abs(found.assignment.cost - best) <= 1e-9 * best
    assert abs(matched - best) <= 1e-6 * best
    seconds = _medians(methods)
    lists = f"K up to {found.nearest.max()}, {found.rounds} rounds, certified {found.certificate.certified}"
    yield f"{name}: {num_core} x {PLACES} of {NUM_POOL:,}; {lists}, {len(found.candidates):,} edges at last"
    for method, taken in seconds.items():
        yield f"  {method:18} {taken:8.3f} s   {taken / seconds['ours']:7.2f} x ours"


def _large(name: str, groups: int, rng: np.random.Generator) -> str:
    """Core rows of one group have the same 400 nearest rows, in about the same order."""
    num_core, places, nearest, num_pool = LARGE
    group = np.repeat(np.arange(groups), num_core // groups)
    near = rng.integers(0, num_pool, (groups, 2 * nearest)) if groups == num_core else _disjoint(rng, groups)
    distance = np.sort(rng.random((groups, near.shape[1])), axis=1)[group] + 0.1 * rng.random((num_core, near.shape[1]))
    order = np.argsort(distance, axis=1)[:, :nearest]
    core = np.repeat(np.arange(num_core, dtype=np.int32), nearest)
    position = np.take_along_axis(near[group], order, axis=1).ravel()
    candidates = _unique(core, position, np.take_along_axis(distance, order, axis=1).ravel())
    start = time.process_time()
    solution = assign(candidates, num_core, np.full(num_core, places))
    taken = time.process_time() - start
    what = f"cost {solution.cost:.1f}" if isinstance(solution, Assignment) else f"infeasible by {solution.missing:,}"
    return f"large, {name}: {num_core:,} x {places}, {len(candidates):,} edges: {taken:.2f} s, {what}"


def _disjoint(rng: np.random.Generator, groups: int) -> I64:
    return rng.permutation(groups * 400).reshape(groups, 400).astype(np.int64)


def _unique(core: I64, position: I64, distance: F64) -> Candidates:
    """Without repeated pairs."""
    _, first = np.unique(core.astype(np.int64) << 32 | position, return_index=True)
    keep = np.sort(first)
    parts = np.full(len(keep), np.nan, dtype=np.float32)
    return Candidates(core[keep], position[keep], position[keep].astype(np.uint64), distance[keep], parts, parts)


def _distances(rng: np.random.Generator, num_core: int, clusters: int) -> F64:
    pool = rng.normal(size=(NUM_POOL, 3))
    core = rng.normal(size=(num_core, 3))
    if clusters:
        core = pool[rng.integers(0, clusters, num_core)] + 0.01 * core
    return np.sqrt(((core[:, None] - pool[None]) ** 2).sum(-1))


def _lists(distance: F64, order: I64, nearest: I64) -> Candidates:
    core = np.repeat(np.arange(len(distance), dtype=np.int32), nearest)
    position = np.concatenate([order[row, :size] for row, size in enumerate(nearest.tolist())])
    parts = np.full(len(core), np.nan, dtype=np.float32)
    return Candidates(core, position, position.astype(np.uint64), distance[core, position], parts, parts)


def _searched(search: Callable[[I64], Candidates], capacity: I64) -> dict[bytes, Candidates]:
    """All lists that solving will ask for, so that searching is not timed."""
    first = np.full(len(capacity), 64)
    made = {first.tobytes(): search(first)}

    def remember(nearest: I64) -> Candidates:
        made[nearest.tobytes()] = search(nearest)
        return made[nearest.tobytes()]

    solve(remember, made[first.tobytes()], first, capacity, NUM_POOL)
    return made


def _copied(candidates: Candidates, num_core: int) -> csr_array:
    """The lists with each core row five times; 1 is added, since scipy takes a stored 0 for no edge."""
    matrix = csr_array((candidates.distance + 1, (candidates.core, candidates.position)), shape=(num_core, NUM_POOL))
    return csr_array(matrix[np.repeat(np.arange(num_core), PLACES)])


def _medians(methods: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, call in methods.items():
            start = time.process_time()
            call()
            taken[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    for line in run():
        print(line, flush=True)
