"""How do chains come to lie side by side, one in each lane of a tile? In squares that are turned in registers."""

from typing import Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature

from stages.select_cotp.arrays import F32, I64
from stages.select_cotp.lanes import Emit, Lanes, emitted, literal

_SQUARE: Final = 8


@njit(nogil=True, cache=True)
def lay(pool: F32, starts: I64, chosen: I64, order: I64, tile: F32, lengths: I64) -> int:
    """Lays chains chosen[order[lane]] of the pool into tile[column][lane]; the columns, or -1 if a value is not finite.

    `lengths` (W,) are written. Short chains go on with their last value, and lanes without a chain repeat the last
    chain; nobody reads these.
    """
    width = len(lengths)
    begins = np.empty(width, np.int64)
    for lane in range(width):
        row = chosen[order[min(lane, len(order) - 1)]]
        begins[lane], lengths[lane] = starts[row], starts[row + 1] - starts[row]
    columns = int(np.max(lengths))
    whole = np.min(lengths) // _SQUARE * _SQUARE if width % _SQUARE == 0 else 0
    for lane in range(0, width, _SQUARE):
        for j in range(0, whole, _SQUARE):
            _turn(pool, begins, tile, lane, j, width, _SQUARE)
    for lane in range(width):
        x = pool[begins[lane] : begins[lane] + lengths[lane]]
        for j in range(whole, columns):
            tile[j * width + lane] = x[min(j, len(x) - 1)]
    largest = np.uint32(0)
    for bits in tile[: columns * width].view(np.uint32):
        largest = max(largest, bits & np.uint32(0x7FFFFFFF))
    return columns if largest < np.uint32(0x7F800000) else -1


@emitted
def _turn(
    _: Context,
    pool: types.Type,
    begins: types.Type,
    tile: types.Type,
    lane: types.Type,
    j: types.Type,
    width: types.Type,
    side: types.Type,
) -> tuple[Signature, Emit]:
    """Lays values j .. j + side - 1 of as many chains into lanes lane .. lane + side - 1 of a tile `width` wide."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(side))
        values, places, out = (lanes.data(signature.args[k], args[k]) for k in range(3))
        first, column, across = args[3:6]
        rows = []
        for k in range(lanes.width):
            begin = lanes.element(places, builder.add(first, lanes.integer(k)), ir.IntType(64))
            rows.append(lanes.load_from(values, builder.add(begin, column)))
        for k, value in enumerate(lanes.transposed(rows)):
            place = builder.mul(builder.add(column, lanes.integer(k)), across)
            lanes.store_from(value, out, builder.add(place, first))
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    return types.void(pool, begins, tile, types.intp, types.intp, types.intp, side), emit
