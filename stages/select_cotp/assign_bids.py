"""A quick start for the assignment: core rows bid for pool rows, as in an auction without a least raise.

Whatever bids leave open, the search of assign_solver.py closes; they only save it work where core rows compete (the
"augmenting row reduction" of Jonker and Volgenant, Computing 38, 1987, with capacities).
"""

import numpy as np
from numba import njit

from stages.select_cotp.arrays import I64
from stages.select_cotp.assign_solver import Graph, State


@njit(nogil=True, cache=True)
def bid(graph: Graph, state: State, most: int) -> None:
    """Let each core row bid at most `most` times, changing `state`; rows that lose a column queue up again.

    A row with m open places takes the m columns that cost it least at their prices, and raises its own price to what
    the next best would cost, so that all it holds stays exactly tight. Nobody gives a column back, hence free columns
    keep price 0. Rows that see no next best one below the largest cost leave their places open.
    """
    num_core, highest = len(state.u), 0
    for edge in range(len(graph.cost)):
        highest = max(highest, graph.cost[edge])
    queue = np.arange(num_core)
    waiting = np.ones(num_core, np.int64)
    bids = np.zeros(num_core, np.int64)
    head, size = 0, num_core
    found = np.empty((2, state.missing.max() + 1 if num_core else 1), np.int64)
    while size > 0:
        row = queue[head]
        head, size = (head + 1) % num_core, size - 1
        waiting[row] = 0
        bids[row] += 1
        open_places = state.missing[row]
        if open_places == 0 or not _best(graph, row, state, found) or found[0, open_places] > highest:
            continue
        state.u[row] = found[0, open_places]
        state.missing[row] = 0
        for at in range(open_places):
            edge = found[1, at]
            column = graph.column[edge]
            loser = state.owner[column]
            state.owner[column], state.edge[column], state.owned[column] = row, edge, graph.cost[edge]
            if loser >= 0:
                state.missing[loser] += 1
                if waiting[loser] == 0 and bids[loser] < most:
                    queue[(head + size) % num_core] = loser
                    waiting[loser] = 1
                    size += 1


@njit(nogil=True, cache=True)
def _best(graph: Graph, row: int, state: State, found: I64) -> bool:
    """The `missing` + 1 columns that cost `row` least at their prices, of those it does not hold: costs and edges.

    Of equal ones those earlier in the list. False if there are fewer.
    """
    wanted, num = state.missing[row] + 1, 0
    for edge in range(graph.starts[row], graph.starts[row + 1]):
        cost = graph.cost[edge]
        if num == wanted and cost >= found[0, num - 1]:
            break
        column = graph.column[edge]
        owner = state.owner[column]
        if owner == row:
            continue
        if owner >= 0:
            cost -= state.owned[column] - state.u[owner]
        if num == wanted:
            if cost >= found[0, num - 1]:
                continue
        else:
            num += 1
        at = num - 1
        while at > 0 and found[0, at - 1] > cost:
            found[0, at], found[1, at] = found[0, at - 1], found[1, at - 1]
            at -= 1
        found[0, at], found[1, at] = cost, edge
    return bool(num == wanted)
