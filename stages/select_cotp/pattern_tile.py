"""How are W pattern chains warped onto all core chains at once? The vector kernel of `pattern_dtw`.

Lanes are pairs. For a tile of W pool chains the costs of all core names are laid out once, [name][column][lane], by
transposing squares of the table in registers; then R elements of a core chain go over the tile at a time, their costs
loaded and their D[i, j - 1] in registers. Every lane does what the scalar engine does, in that order.
It checks nothing; `pattern_dtw` does.
"""

import functools
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numba import njit

from stages.select_cotp import pattern_lanes
from stages.select_cotp.arrays import F32, I32, I64
from stages.select_cotp.lanes import aligned, host_lanes, stamp_of
from stages.select_cotp.pattern_lanes import SQUARE, begin, expand, finish, warp

# What the kernel is made of, beside this file.
_STAMP: Final = stamp_of(pattern_lanes.__file__)

# (core codes, core starts, weights, totals, turned table, pool codes, pool starts, order, out)
Kernel: TypeAlias = Callable[[I32, I64, F32, F32, F32, I32, I64, I64, F32], None]


def preferred_lanes() -> tuple[int, int]:
    """(lanes, rows) that suit this processor: as many registers as `host_lanes` says, but few lanes.

    Costs take memory in proportion to the lanes and are read once, so that half the lanes stay in a nearer cache.
    """
    lanes, rows = host_lanes()
    return min(lanes, SQUARE), max(rows, rows * lanes // SQUARE)


@functools.cache
def tile_kernel(lanes: int, rows: int) -> Kernel:
    """The kernel of W = `lanes` and R = `rows`; compiled at its first call, or read from numba's cache.

    It writes out[c, k], WDTW / totals[c] of core chain c and pool chain order[k]; `order` has at least W chains, none
    shorter than the one before. Core codes are columns of `turned`, pool codes its rows; the number of columns is a
    multiple of SQUARE.
    """
    stamp = _STAMP

    @njit(nogil=True, cache=True, error_model="numpy")
    def kernel(
        core: I32,
        core_starts: I64,
        weights: F32,
        totals: F32,
        turned: F32,
        pool: I32,
        pool_starts: I64,
        order: I64,
        out: F32,
    ) -> None:
        longest = pool_starts[order[-1] + 1] - pool_starts[order[-1]]
        costs, row = aligned(turned.shape[1] * _stride(longest) * lanes), aligned(longest * lanes)
        names, lengths = np.empty(longest * lanes, np.int32), np.empty(lanes, np.int32)
        for tile in range(0, len(order), lanes):
            # the last tile overlaps the one before and finds the same again
            start = min(tile, len(order) - lanes)
            columns = _place(pool, pool_starts, order[start : start + lanes], names, lengths)
            stride = _stride(columns)
            for j in range(columns):
                for square in range(turned.shape[1] // min(lanes, SQUARE)):
                    expand(turned, names, costs, j, square, turned.shape[1], stride, lanes)
            for c in range(len(core_starts) - 1):
                place = c * len(order) + start
                begin(row, columns, out, place, lanes)
                first, corner = core_starts[c], np.float32(0)
                for strips in range((core_starts[c + 1] - first + rows - 1) // rows, 0, -1):
                    num = (core_starts[c + 1] - first + strips - 1) // strips
                    warp(core, weights, costs, row, first, num, stride, columns, corner, lanes, rows, stamp)
                    first, corner = first + num, np.float32(np.inf)
                finish(row, lengths, lengths[0], columns, totals[c], out, place, lanes)

    return kernel


@njit(nogil=True, cache=True)
def _stride(columns: int) -> int:
    """Vectors from one name to the next: odd, or the strips that are read together would fall on the same cache set."""
    return columns | 1


@njit(nogil=True, cache=True)
def _place(pool: I32, starts: I64, order: I64, names: I32, lengths: I32) -> int:
    """Lays chains side by side and returns the columns; beyond its end a chain is repeated, which nobody reads."""
    width = len(order)
    columns = starts[order[-1] + 1] - starts[order[-1]]
    for lane in range(width):
        row = order[lane]
        lengths[lane] = starts[row + 1] - starts[row]
        for j in range(columns):
            names[j * width + lane] = pool[starts[row] + min(j, lengths[lane] - 1)]
    return int(columns)
