"""What is the warped distance of two entropy chains? The plain loops of `dtw`, one pair after another.

The reference that `dtw_tile` equals bit by bit: float32, and each cell min(min(left, diagonal), up) + cost in that
order. It checks nothing; `dtw` does.
"""

import functools
from typing import Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature

from stages.select_cotp.arrays import F32, I64
from stages.select_cotp.dtw_tile import Kernel
from stages.select_cotp.lanes import Emit, emitted

_INF: Final = np.float32(np.inf)


@functools.cache
def scalar_kernel(*, absolute: bool) -> Kernel:
    """What `dtw_tile.tile_kernel` is, without vectors; `order` changes nothing here."""

    @njit(nogil=True, cache=True, error_model="numpy")
    def distance(x: F32, y: F32, radius: int, row: F32) -> np.float32:
        row[: len(y)] = _INF
        for i in range(len(x)):
            start, stop = max(0, i - radius), min(len(y), i + radius + 1)
            diagonal = row[start - 1] if start > 0 else _INF if i > 0 else np.float32(0)
            left = _INF
            for j in range(start, stop):
                up = row[j]
                nearest = left if left < diagonal else diagonal
                nearest = nearest if nearest < up else up
                difference = x[i] - y[j]
                left = nearest + abs(difference) if absolute else _fused(difference, difference, nearest)
                row[j] = left
                diagonal = up
        return row[len(y) - 1] / np.float32(max(len(x), len(y)))  # type: ignore[no-any-return]  # numpy gives Any

    @njit(nogil=True, cache=True)
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
        row = np.empty(np.max(pool_starts[chosen + 1] - pool_starts[chosen]), np.float32)
        for k in order:
            y = pool[pool_starts[chosen[k]] : pool_starts[chosen[k] + 1]]
            if not np.isfinite(y).all():
                return False
            for c in range(len(core_starts) - 1):
                found = distance(core[core_starts[c] : core_starts[c + 1]], y, radius, row)
                out[c, k] = found if found <= most else _INF
        return True

    return kernel


@emitted
def _fused(_: Context, a: types.Type, b: types.Type, c: types.Type) -> tuple[Signature, Emit]:
    """The sum a * b + c of float32, rounded once, as the vectors have it."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), emit
