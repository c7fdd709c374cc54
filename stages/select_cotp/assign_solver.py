"""The assignment on candidate lists, exactly, over integers: successive shortest augmenting paths in numba.

Each core row takes its places one by one; a place is filled along the cheapest chain of exchanges that ends at a pool
row nobody holds (Jonker and Volgenant, Computing 38, 1987; here with capacities instead of copies of rows). Shapes:
C core rows, E edges, P distinct pool rows ("columns").
"""

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from stages.select_cotp.arrays import I64

FAR: Final = 2**62
"""More than any cost of a path."""


class Graph(NamedTuple):
    """Edges of core row i are starts[i]:starts[i + 1], by rising cost. `starts` (C + 1,), all others (E,)."""

    starts: I64
    row: I64
    column: I64
    cost: I64


class State(NamedTuple):
    """A part of the assignment that is optimal for the places filled so far, with its prices.

    Shortest paths raise prices no more than they must, so that they stay the lowest of all optimal ones.
    `u` (C,): prices of core rows. `owner` (P,): the core row that holds a column, or -1; `edge` (P,): by which edge;
    `owned` (P,): that edge's cost. A column's price v is owned - u[owner], at most 0, and 0 where nobody holds it.
    `empty` (C,): places left empty at the cost of an empty place. `missing` (C,): places not filled yet.
    `stuck` (C,): 1 for core rows that together have fewer columns than places; no exchange leads out of them.
    """

    u: I64
    owner: I64
    edge: I64
    owned: I64
    empty: I64
    missing: I64
    stuck: I64


class Scratch(NamedTuple):
    """Of one search, all (C,): path lengths, the edges by which rows were reached, a heap of rows, places in it.

    `place` is -1 for rows not reached and -2 for those whose shortest path is known; `reached` lists the others.
    """

    length: I64
    by: I64
    heap: I64
    place: I64
    reached: I64


def new_state(capacity: I64, num_columns: int) -> State:
    """Nothing is assigned and all prices are 0, which is feasible for costs that are not negative."""
    rows, columns = np.zeros((3, len(capacity)), np.int64), np.zeros((3, num_columns), np.int64)
    return State(rows[0], columns[0] - 1, columns[1], columns[2], rows[1], capacity.astype(np.int64), rows[2])


def new_scratch(num_core: int) -> Scratch:
    """For searches among this many core rows."""
    rows = np.zeros((4, num_core), np.int64)
    return Scratch(rows[0], rows[1], rows[2], rows[3] - 1, np.zeros(num_core, np.int64))


@njit(nogil=True, cache=True)
def fill(graph: Graph, first: int, end: int, empty_cost: int, state: State, scratch: Scratch) -> None:
    """Fill the places of core rows first:end, changing `state`; a place may stay empty for `empty_cost` (FAR: never).

    Path lengths stay below (C + 1) x the largest cost, or below empty_cost; that and the sum of four such must fit
    into int64. Of equally short paths the one found first wins: nearer candidates before farther ones.
    """
    for row in range(first, end):
        for missing in range(state.missing[row], 0, -1):
            length, edge, last, num_reached = _search(graph, row, empty_cost, state, scratch)
            if length != FAR:
                _exchange(graph, row, edge, last, state, scratch)
                state.missing[row] = missing - 1
            for at in range(num_reached):
                one = scratch.reached[at]
                if length == FAR:
                    state.stuck[one] = 1
                elif scratch.length[one] < length:
                    state.u[one] += length - scratch.length[one]
                scratch.place[one] = -1
            if length == FAR:
                break  # no later exchange opens a path that there is not now


@njit(nogil=True, cache=True)
def _search(graph: Graph, row: int, empty_cost: int, state: State, scratch: Scratch) -> tuple[int, int, int, int]:
    """The shortest path from `row` to a free column: its length, last edge (-1: an empty place), last row; rows seen.

    Dijkstra over core rows by reduced costs: from r by a column that k holds to k.
    """
    best, best_edge, best_row = FAR, -1, -1
    scratch.length[row], scratch.by[row], scratch.reached[0] = 0, -1, row
    num_reached, size, current = 1, 0, row
    while True:
        scratch.place[current] = -2
        base = scratch.length[current] - state.u[current]
        if empty_cost != FAR and base + empty_cost < best:
            best, best_edge, best_row = base + empty_cost, -1, current
        for edge in range(graph.starts[current], graph.starts[current + 1]):
            direct = base + graph.cost[edge]
            if direct >= best:
                break  # prices of columns are <= 0 and costs rise, so that all further edges are longer still
            column = graph.column[edge]
            owner = state.owner[column]
            if owner < 0:
                best, best_edge, best_row = direct, edge, current
            elif scratch.place[owner] != -2 and not state.stuck[owner]:
                length = direct - (state.owned[column] - state.u[owner])
                if length < best and _reach(scratch, owner, length, edge, size, num_reached):
                    size, num_reached = size + 1, num_reached + 1
        if size == 0 or scratch.length[scratch.heap[0]] >= best:
            return best, best_edge, best_row, num_reached
        current = scratch.heap[0]
        size -= 1
        _sink(scratch, size)


@njit(nogil=True, cache=True)
def _reach(scratch: Scratch, row: int, length: int, edge: int, size: int, num_reached: int) -> bool:
    """Note a path to `row` if it is the shortest so far; whether it is the first."""
    is_new = scratch.place[row] < 0
    if is_new:
        scratch.reached[num_reached] = row
        scratch.place[row] = size
    elif length >= scratch.length[row]:
        return False
    scratch.length[row], scratch.by[row] = length, edge
    _rise(scratch, row)
    return bool(is_new)


@njit(nogil=True, cache=True)
def _exchange(graph: Graph, row: int, edge: int, last: int, state: State, scratch: Scratch) -> None:
    """Walk the path back: its last row takes the free column (or an empty place), each other row the next one's."""
    if edge < 0:
        state.empty[last] += 1
    while True:
        if edge >= 0:
            column = graph.column[edge]
            state.owner[column], state.edge[column], state.owned[column] = last, edge, graph.cost[edge]
        if last == row:
            return
        edge = scratch.by[last]
        last = graph.row[edge]


@njit(nogil=True, cache=True)
def _before(scratch: Scratch, one: int, other: int) -> bool:
    """By length, then by number, so that the order of insertion does not matter."""
    lengths = scratch.length
    return lengths[one] < lengths[other] or (lengths[one] == lengths[other] and one < other)


@njit(nogil=True, cache=True)
def _rise(scratch: Scratch, row: int) -> None:
    """Move a row, new or with a shorter path, up the heap from its place."""
    at = scratch.place[row]
    while at > 0:
        parent = scratch.heap[(at - 1) // 2]
        if not _before(scratch, row, parent):
            break
        scratch.heap[at], scratch.place[parent] = parent, at
        at = (at - 1) // 2
    scratch.heap[at], scratch.place[row] = row, at


@njit(nogil=True, cache=True)
def _sink(scratch: Scratch, size: int) -> None:
    """Put the heap's last row, which stands at `size`, in the place of its first and let it sink."""
    row, at = scratch.heap[size], 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _before(scratch, scratch.heap[child + 1], scratch.heap[child]):
            child += 1
        if not _before(scratch, scratch.heap[child], row):
            break
        scratch.heap[at] = scratch.heap[child]
        scratch.place[scratch.heap[at]] = at
        at = child
    if size > 0:
        scratch.heap[at], scratch.place[row] = row, at
