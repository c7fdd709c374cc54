"""Which K pool rows are nearest to each core row, while pairs arrive in any order.

A bounded heap for each core row, ordered by (distance, tie, position), which no two pairs share: what a heap holds
depends on the pairs it was offered alone, never on their order, so blocks, threads and shards merge to the same bytes.
It computes no distances.
"""

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from stages.select_cotp.arrays import F32, F64, I32, I64, U64, Candidates

# in a heap, and in what `sorted` gives beside it
BYTES_OF_ENTRY: Final = 32 + 36 + 16


class Store(NamedTuple):
    """The heaps of C core rows, one behind the other, in arrays that compiled functions read and write.

    Core row c has the places `starts[c]` to `starts[c + 1]`, of which the first `filled[c]` are a heap with the largest
    entry first. `worst` (C,) is that entry's distance, infinity while the heap is not full, -infinity if it has no
    place at all: a pair with a larger distance cannot enter.
    """

    starts: I64
    filled: I64
    worst: F64
    distance: F64
    tie: U64
    position: I64
    d_pattern: F32
    d_entropy: F32


class Heaps:
    """Bounded heaps of `num_core` core rows; `nearest` is their size, one for all or one for each (C,)."""

    def __init__(self, num_core: int, nearest: int | I64) -> None:
        sizes = np.broadcast_to(np.asarray(nearest, np.int64), (num_core,))
        assert (sizes >= 0).all()
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        total = int(starts[-1])
        self.store = Store(
            starts=starts,
            filled=np.zeros(num_core, np.int64),
            worst=np.where(sizes > 0, np.inf, -np.inf),
            distance=np.empty(total, np.float64),
            tie=np.empty(total, np.uint64),
            position=np.empty(total, np.int64),
            d_pattern=np.empty(total, np.float32),
            d_entropy=np.empty(total, np.float32),
        )

    def push(self, core: I32, distance: F64, tie: U64, position: I64, d_pattern: F32, d_entropy: F32) -> None:
        """Offer E pairs, all arrays (E,); distances are finite, and no pair may be offered twice."""
        assert len(core) == len(distance) == len(tie) == len(position) == len(d_pattern) == len(d_entropy)
        _push(self.store, core, distance, tie, position, d_pattern, d_entropy)

    def merge(self, found: Candidates) -> None:
        """Offer what other heaps hold, for the same core rows and other pool rows."""
        self.push(found.core, found.distance, found.tie, found.position, found.d_pattern, found.d_entropy)

    def worst(self) -> F64:
        """(C,) the largest distance that may still enter: infinity while a heap is not full."""
        return self.store.worst.copy()

    def sorted(self) -> Candidates:
        """What the heaps hold, sorted by (core, distance, tie, position)."""
        store = self.store
        order = np.concatenate([np.empty(0, np.int64), *(self._order(c) for c in range(len(store.filled)))])
        return Candidates(
            core=np.repeat(np.arange(len(store.filled), dtype=np.int32), store.filled),
            position=store.position[order],
            tie=store.tie[order],
            distance=store.distance[order],
            d_pattern=store.d_pattern[order],
            d_entropy=store.d_entropy[order],
        )

    def _order(self, core: int) -> I64:
        """The places in use of one heap, the smallest entry first."""
        store = self.store
        first = store.starts[core]
        used = slice(first, first + store.filled[core])
        order: I64 = first + np.lexsort((store.position[used], store.tie[used], store.distance[used]))
        return order


@njit(nogil=True, cache=True)
def _push(store: Store, core: I32, distance: F64, tie: U64, position: I64, d_pattern: F32, d_entropy: F32) -> None:
    for e in range(len(core)):
        c = core[e]
        first = store.starts[c]
        size = store.starts[c + 1] - first
        if distance[e] > store.worst[c]:
            continue
        if store.filled[c] < size:
            at = first + store.filled[c]
            store.filled[c] += 1
            _put(store, at, distance[e], tie[e], position[e], d_pattern[e], d_entropy[e])
            _rise(store, first, at)
        elif _before(distance[e], tie[e], position[e], store.distance[first], store.tie[first], store.position[first]):
            _put(store, first, distance[e], tie[e], position[e], d_pattern[e], d_entropy[e])
            _sink(store, first, size)
        if store.filled[c] == size:
            store.worst[c] = store.distance[first]


@njit(nogil=True, cache=True)
def _before(distance: float, tie: int, position: int, distance_2: float, tie_2: int, position_2: int) -> bool:
    if distance != distance_2:
        return distance < distance_2
    if tie != tie_2:
        return tie < tie_2
    return position < position_2


@njit(nogil=True, cache=True)
def _put(store: Store, at: int, distance: float, tie: int, position: int, d_pattern: float, d_entropy: float) -> None:
    store.distance[at] = distance
    store.tie[at] = tie
    store.position[at] = position
    store.d_pattern[at] = d_pattern
    store.d_entropy[at] = d_entropy


@njit(nogil=True, cache=True)
def _ahead(store: Store, a: int, b: int) -> bool:
    """Whether place a holds a smaller entry than place b."""
    return _before(
        store.distance[a], store.tie[a], store.position[a], store.distance[b], store.tie[b], store.position[b]
    )


@njit(nogil=True, cache=True)
def _swap(store: Store, a: int, b: int) -> None:
    store.distance[a], store.distance[b] = store.distance[b], store.distance[a]
    store.tie[a], store.tie[b] = store.tie[b], store.tie[a]
    store.position[a], store.position[b] = store.position[b], store.position[a]
    store.d_pattern[a], store.d_pattern[b] = store.d_pattern[b], store.d_pattern[a]
    store.d_entropy[a], store.d_entropy[b] = store.d_entropy[b], store.d_entropy[a]


@njit(nogil=True, cache=True)
def _rise(store: Store, first: int, at: int) -> None:
    """Move the entry at `at` towards the root until its parent is not smaller."""
    while at > first:
        parent = first + (at - first - 1) // 2
        if not _ahead(store, parent, at):
            return
        _swap(store, parent, at)
        at = parent


@njit(nogil=True, cache=True)
def _sink(store: Store, first: int, size: int) -> None:
    """Move the root's entry down until no child is larger."""
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _ahead(store, first + child, first + child + 1):
            child += 1
        if not _ahead(store, first + at, first + child):
            return
        _swap(store, first + at, first + child)
        at = child
