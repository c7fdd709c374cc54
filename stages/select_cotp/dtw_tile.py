"""How are W entropy chains warped onto a core chain at once? The vector kernel of `dtw`, compiled for what is asked.

Lanes are pairs: a tile [columns][W] holds W chains of the pool, position-major, and R rows of the core go over it at a
time, their values broadcast and their D[i, j - 1] in registers. Every lane does what `dtw_scalar` does, in that order.
It checks nothing; `dtw` does.
"""

import functools
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature

from stages.select_cotp import dtw_lay
from stages.select_cotp.arrays import F32, I64
from stages.select_cotp.dtw_lay import lay
from stages.select_cotp.lanes import Emit, Lanes, aligned, emitted, literal, stamp_of

_INF: Final = float("inf")
# What the kernels below are made of, beside this file.
_STAMP: Final = stamp_of(__file__, dtw_lay.__file__)

# (core values, core starts, pool values, pool starts, rows, order, radius, most, out) -> whether all were finite
Kernel: TypeAlias = Callable[[F32, I64, F32, I64, I64, I64, int, np.float32, F32], bool]


@functools.cache
def tile_kernel(lanes: int, rows: int, *, absolute: bool, banded: bool, bounded: bool, balanced: bool) -> Kernel:
    """The kernel of W = `lanes` and R = `rows`; compiled at its first call, or read from numba's cache.

    It writes out[c, k], the normalised distance of core chain c and pool chain rows[k], for all c; `order` is the order
    in which the k go into tiles. `absolute`: the cost |x - y|, else its square. `banded`: cells with |i - j| > radius
    are infinite; all chains have one length. `bounded`: what exceeds `most` comes back as infinity, early where a whole
    tile exceeds it. `balanced`: as `lanes.host_balances` says. False: a pool value was not finite, `out` is undefined.
    """
    stamp = _STAMP

    @njit(nogil=True, cache=True, error_model="numpy")
    def kernel(
        core: F32,
        core_starts: I64,
        pool: F32,
        pool_starts: I64,
        chosen: I64,
        order: I64,
        radius: int,
        most: np.float32,
        out: F32,
    ) -> bool:
        longest = np.max(pool_starts[chosen + 1] - pool_starts[chosen])
        tile, row = aligned(longest * lanes), aligned(longest * lanes)
        lowest, divisors, lengths = aligned(lanes), aligned(lanes), np.empty(lanes, np.int64)
        # LLVM must not know that this is 1, or it would turn products with it back into sums
        one = np.float32(min(len(core), 1))
        for start in range(0, len(order), lanes):
            columns = lay(pool, pool_starts, chosen, order[start:], tile, lengths)
            if columns < 0:
                return False
            for c in range(len(core_starts) - 1):
                x = core[core_starts[c] : core_starts[c + 1]]
                _begin(len(x), lengths, divisors, row[: columns * lanes])
                first, alive = 0, True
                while alive and first < len(x):
                    if first + rows <= len(x):
                        _warp(
                            x,
                            tile,
                            row,
                            lowest,
                            first,
                            columns,
                            radius,
                            one,
                            lanes,
                            rows,
                            absolute,
                            banded,
                            bounded,
                            balanced,
                        )
                        first += rows
                    else:
                        _warp(
                            x,
                            tile,
                            row,
                            lowest,
                            first,
                            columns,
                            radius,
                            one,
                            lanes,
                            1,
                            absolute,
                            banded,
                            bounded,
                            balanced,
                        )
                        first += 1
                    if bounded:
                        alive = _any_within(lowest, divisors, most, lanes, stamp)
                _finish(row, lengths, divisors, most, alive, order[start:], out[c])
        return True

    return kernel


@njit(nogil=True, cache=True)
def _begin(n: int, lengths: I64, divisors: F32, row: F32) -> None:
    for lane in range(len(lengths)):
        divisors[lane] = np.float32(max(n, lengths[lane]))
    row[:] = np.inf


@njit(nogil=True, cache=True, error_model="numpy")
def _finish(row: F32, lengths: I64, divisors: F32, most: np.float32, alive: bool, order: I64, out: F32) -> None:
    width = len(lengths)
    for lane in range(min(width, len(order))):
        distance = row[(lengths[lane] - 1) * width + lane] / divisors[lane]
        out[order[lane]] = distance if alive and distance <= most else np.float32(np.inf)


@emitted
def _any_within(
    _: Context, lowest: types.Type, divisors: types.Type, most: types.Type, width: types.Type, stamp: types.Type
) -> tuple[Signature, Emit]:
    """Whether lowest / divisors <= most in any lane. `stamp` only makes the caller's cache depend on other files."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(width))
        left, right = (lanes.load(lanes.data(signature.args[k], args[k]), lanes.integer(0)) for k in (0, 1))
        return lanes.any_at_most(lanes.quotient(left, right), lanes.splat(args[2]))

    return types.boolean(lowest, divisors, most, width, stamp), emit


@emitted
def _warp(
    _: Context,
    x: types.Type,
    tile: types.Type,
    row: types.Type,
    lowest: types.Type,
    first: types.Type,
    columns: types.Type,
    radius: types.Type,
    one: types.Type,
    width: types.Type,
    rows: types.Type,
    absolute: types.Type,
    banded: types.Type,
    bounded: types.Type,
    balanced: types.Type,
) -> tuple[Signature, Emit]:
    """Goes with rows first .. first + rows - 1 of x over the tile: `row` holds D of the row above, then of the last."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(width))
        arrays = [lanes.data(kind, array) for kind, array in zip(signature.args[:4], args[:4], strict=True)]
        strip = _Strip(
            lanes,
            *arrays,
            *args[4:7],
            one=lanes.splat(args[7]) if literal(balanced) else None,
            num_rows=literal(rows),
            absolute=bool(literal(absolute)),
            bounded=bool(literal(bounded)),
        )
        strip.emit(banded=bool(literal(banded)))
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    indices = [types.intp] * 3
    return types.void(
        x, tile, row, lowest, *indices, types.float32, width, rows, absolute, banded, bounded, balanced
    ), emit


class _Strip:
    """The instructions of `_warp`: `x`, `tile`, `row`, `lowest` are pointers, `first`, `columns`, `radius` indices."""

    def __init__(
        self,
        lanes: Lanes,
        x: ir.Value,
        tile: ir.Value,
        row: ir.Value,
        lowest: ir.Value,
        first: ir.Value,
        columns: ir.Value,
        radius: ir.Value,
        *,
        one: ir.Value | None,
        num_rows: int,
        absolute: bool,
        bounded: bool,
    ) -> None:
        self.lanes, self.tile, self.row, self.lowest = lanes, tile, row, lowest
        self.first, self.columns, self.radius = first, columns, radius
        self.one = one
        self.num_rows, self.absolute, self.bounded = num_rows, absolute, bounded
        places = [lanes.builder.add(first, lanes.integer(r)) for r in range(num_rows)]
        self.x = [lanes.splat(lanes.element(x, place)) for place in places]

    def emit(self, *, banded: bool) -> None:
        """All columns of the strip, and the smallest D of its last row where that is wanted."""
        lanes, inf = self.lanes, self.lanes.constant(_INF)
        begins = lanes.builder.icmp_signed("==", self.first, lanes.integer(0))
        corner = lanes.where(begins, lanes.constant(0.0), inf)
        carried = [inf] * self.num_rows + [corner] + [inf] * self.bounded
        if banded:
            start, inner, outer, stop = self._edges()
            carried[self.num_rows] = self._before(start, corner)
            carried = lanes.loop(start, inner, carried, functools.partial(self._column, masked=True))
            carried = lanes.loop(inner, outer, carried, functools.partial(self._column, masked=False))
            carried = lanes.loop(outer, stop, carried, functools.partial(self._column, masked=True))
        else:
            whole = functools.partial(self._column, masked=False)
            carried = lanes.loop(lanes.integer(0), self.columns, carried, whole)
        if self.bounded:
            lanes.store(carried[-1], self.lowest, lanes.integer(0))

    def _column(self, j: ir.Value, carried: list[ir.Value], *, masked: bool) -> list[ir.Value]:
        """`carried`: D[i, j - 1] of each row, D above the first of these, and the smallest D of the last row so far."""
        lanes = self.lanes
        left, diagonal = carried[: self.num_rows], carried[self.num_rows]
        y, above = lanes.load(self.tile, j), lanes.load(self.row, j)
        up = above
        for r in range(self.num_rows):
            # `up` comes last: it is what the next row waits for
            nearest = lanes.smaller(lanes.smaller(left[r], diagonal), up)
            new = self._cell(self.x[r], y, nearest)
            if masked:
                new = lanes.where(self._inside(r, j), new, lanes.constant(_INF))
            diagonal, left[r], up = left[r], new, new
        lanes.store(up, self.row, j)
        return [*left, above, *(lanes.smaller(least, up) for least in carried[self.num_rows + 1 :])]

    def _cell(self, x: ir.Value, y: ir.Value, nearest: ir.Value) -> ir.Value:
        lanes = self.lanes
        difference = lanes.sub(x, y) if self.one is None else lanes.fma(lanes.negative(y), self.one, x)
        if not self.absolute:
            return lanes.fma(difference, difference, nearest)
        cost = lanes.absolute(difference)
        return lanes.add(nearest, cost) if self.one is None else lanes.fma(cost, self.one, nearest)

    def _edges(self) -> list[ir.Value]:
        """Columns: the first in the band of any row, the first in that of all, the first not so, the first in none."""
        builder, index = self.lanes.builder, self.lanes.integer
        last = builder.add(self.first, index(self.num_rows - 1))
        start = self._extreme(">", index(0), builder.sub(self.first, self.radius))
        inner = self._extreme("<", self.columns, self._extreme(">", start, builder.sub(last, self.radius)))
        past = builder.add(builder.add(self.first, self.radius), index(1))
        outer = self._extreme("<", self.columns, self._extreme(">", inner, past))
        stop = self._extreme("<", self.columns, builder.add(builder.add(last, self.radius), index(1)))
        return [start, inner, outer, stop]

    def _before(self, start: ir.Value, corner: ir.Value) -> ir.Value:
        """D above and left of the first column: it is in `row` unless that column is the first of all."""
        builder, zero = self.lanes.builder, self.lanes.integer(0)
        within = builder.icmp_signed(">", start, zero)
        place = self.lanes.where(within, builder.sub(start, self.lanes.integer(1)), zero)
        return self.lanes.where(within, self.lanes.load(self.row, place), corner)

    def _inside(self, r: int, j: ir.Value) -> ir.Value:
        builder = self.lanes.builder
        i = builder.add(self.first, self.lanes.integer(r))
        after = builder.icmp_signed(">=", j, builder.sub(i, self.radius))
        return builder.and_(after, builder.icmp_signed("<=", j, builder.add(i, self.radius)))

    def _extreme(self, sign: str, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.lanes.where(self.lanes.builder.icmp_signed(sign, a, b), a, b)
