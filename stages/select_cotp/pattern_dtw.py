"""How far are the pattern chains of pool rows from those of core rows? Exact weighted DTW of all pairs of a block.

Distances of names come as a table and weights as an array; this file knows neither names nor questions. The vector
kernel is `pattern_tile`.

Shapes: C core rows, P pool rows of a block, A core names, U pool names (rows and columns of the table).
"""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature
from numpy.typing import NDArray

from stages.select_cotp.arrays import F32, I32, I64, Codes
from stages.select_cotp.lanes import Emit, Lanes, emitted
from stages.select_cotp.pattern_lanes import SQUARE
from stages.select_cotp.pattern_tile import preferred_lanes, tile_kernel


class PatternKernel:
    """Weighted DTW between the core rows and blocks of pool rows; may be called by several threads at once.

    For a core chain x with weights w and a pool chain y: C[i, j] = w_i * table[x_i, y_j], D[i, j] = C[i, j] +
    min(D[i-1, j], D[i, j-1], D[i-1, j-1]), and the distance is D[n, m] / sum(w). The weight belongs to the core
    element [R]; the step pattern and the divisor are ours [D]. In float32, each cell rounded once.

    `core.values` are rows of `table` (A, U), the values of pools its columns; it is copied. `weights` stand beside
    `core.values`: finite, none negative, no row's all 0. `engine` and `lanes`, which are (lanes, rows) of the vector
    kernel, change no bit of a result. `memory_mb` bounds the costs that one call lays out: where they are more, the
    core rows go in several turns. With thousands of core names it is faster if core rows that share names are
    neighbours, for what they share is then still in the cache.
    """

    def __init__(
        self,
        core: Codes,
        weights: F32,
        table: F32,
        *,
        engine: Literal["simd", "scalar"] = "simd",
        lanes: tuple[int, int] | None = None,
        memory_mb: int = 256,
    ) -> None:
        assert bool((np.diff(core.starts) > 0).all()), "no core chain may be empty"
        assert weights.shape == core.values.shape, (weights.shape, core.values.shape)
        assert 0 <= weights.min() <= weights.max() < np.inf, "weights are finite and not negative"
        assert 0 <= table.min(initial=0) <= table.max(initial=0) < np.inf, "name distances are finite and not negative"
        used, codes = np.unique(core.values, return_inverse=True)
        self._core = Codes(codes.astype(np.int32), _plain(core.starts, np.int64))
        self._weights = _plain(weights, np.float32)
        self._totals = np.add.reduceat(weights.astype(np.float64), core.starts[:-1]).astype(np.float32)
        assert bool((self._totals > 0).all()), "a core row weighs nothing"
        self._engine, self._lanes, self._memory = engine, lanes or preferred_lanes(), memory_mb * 2**20
        self._num_names = table.shape[1]
        self._table = _padded(self._num_names, len(used))
        self._table[:, : len(used)] = table[used].T

    def block(self, pool: Codes) -> F32:
        """The normalised distance of every core row to every pool row, (C, P)."""
        lengths = np.diff(pool.starts)
        out = np.empty((len(self._core), len(pool)), dtype=np.float32)
        if not len(pool):
            return out
        assert bool((lengths > 0).all()), "no pool chain may be empty"
        assert 0 <= pool.values.min() <= pool.values.max() < self._num_names, "a pool name that the table has not"
        chains = _plain(pool.values, np.int32), _plain(pool.starts, np.int64)
        if self._engine == "scalar":
            _warp_all(*self._core, self._weights, self._totals, self._table, *chains, out)
            return out
        order = np.argsort(lengths, kind="stable")
        kernel, order = tile_kernel(*self._lanes), np.pad(order, (0, max(0, self._lanes[0] - len(pool))), mode="edge")
        if len(order) > len(pool):
            out = np.empty((len(self._core), len(order)), dtype=np.float32)
        for rows in self._turns(int(lengths.max())):
            core, weights, table = self._part(rows)
            kernel(*core, weights, self._totals[rows], table, *chains, order, out[rows])
        _put_back(out, order)
        return out[:, : len(pool)]

    def _turns(self, longest: int) -> list[slice]:
        """Core rows that go together, so that the costs of their names fit into the memory."""
        each = 4 * self._lanes[0] * (longest + 1)
        if self._table.shape[1] * each <= self._memory:
            return [slice(0, len(self._core))]
        # the names of a turn need columns of their own, too
        bounds = _cuts(*self._core, self._table.shape[1], self._memory // (each + 4 * self._num_names))
        return [slice(first, end) for first, end in pairwise(bounds.tolist())]

    def _part(self, rows: slice) -> tuple[Codes, F32, F32]:
        """Some core rows with their weights and the columns of their names."""
        if rows == slice(0, len(self._core)):
            return self._core, self._weights, self._table
        starts = self._core.starts[rows.start : rows.stop + 1]
        places = slice(starts[0], starts[-1])
        used, codes = np.unique(self._core.values[places], return_inverse=True)
        table = _padded(self._num_names, len(used))
        np.take(self._table, used, axis=1, out=table[:, : len(used)])
        return Codes(codes.astype(np.int32), starts - starts[0]), self._weights[places], table


def _plain(values: NDArray[Any], kind: type) -> NDArray[Any]:
    """The values as the one kind of array that kernels are compiled for: contiguous, writeable."""
    return np.require(values, kind, ["C", "W"])


def _padded(rows: int, columns: int) -> F32:
    """Zeros, with as many columns as the vector kernel wants."""
    return np.zeros((rows, -(-columns // SQUARE) * SQUARE), dtype=np.float32)


@njit(nogil=True, cache=True)
def _cuts(values: I32, starts: I64, num_names: int, most: int) -> I64:
    """Where core rows are cut into runs of at most `most` different names; a row with more is a run of its own."""
    seen = np.full(num_names, -1, np.int64)
    cuts = [0]
    together = 0
    for row in range(len(starts) - 1):
        new = 0
        for code in values[starts[row] : starts[row + 1]]:
            if seen[code] < cuts[-1]:
                new += 1
        if row > cuts[-1] and together + new > most:
            cuts.append(row)
            together = 0
        for code in values[starts[row] : starts[row + 1]]:
            if seen[code] < cuts[-1]:
                together += 1
            seen[code] = cuts[-1]
    cuts.append(len(starts) - 1)
    return np.array(cuts)


@njit(nogil=True, cache=True)
def _put_back(out: F32, order: I64) -> None:
    """Moves column k to column order[k]."""
    row = np.empty(out.shape[1], np.float32)
    for c in range(out.shape[0]):
        row[:] = out[c]
        for k in range(len(order)):
            out[c, order[k]] = row[k]


@njit(nogil=True, cache=True, error_model="numpy")
def _warp_all(
    core: I32, core_starts: I64, weights: F32, totals: F32, turned: F32, pool: I32, pool_starts: I64, out: F32
) -> None:
    longest = np.max(pool_starts[1:] - pool_starts[:-1])
    costs, row = np.empty((turned.shape[1], longest), np.float32), np.empty(longest, np.float32)
    for p in range(out.shape[1]):
        columns = pool_starts[p + 1] - pool_starts[p]
        for j in range(columns):
            costs[:, j] = turned[pool[pool_starts[p] + j]]
        for c in range(out.shape[0]):
            row[:] = np.inf
            corner = np.float32(0)
            for i in range(core_starts[c], core_starts[c + 1]):
                _warp(weights[i], costs[core[i]], columns, corner, row)
                corner = np.float32(np.inf)
            out[c, p] = row[columns - 1] / totals[c]


@njit(nogil=True, cache=True)
def _warp(weight: np.float32, costs: F32, columns: int, corner: np.float32, row: F32) -> None:
    """One core element: `row` holds D of the element before, then of this one."""
    left, diagonal = np.float32(np.inf), corner
    for j in range(columns):
        above = row[j]
        left = _cell(weight, costs[j], left, diagonal, above)
        diagonal = above
        row[j] = left


@emitted
def _cell(
    _: Context, weight: types.Type, cost: types.Type, left: types.Type, diagonal: types.Type, above: types.Type
) -> tuple[Signature, Emit]:
    """The sum of weight * cost and the least of the others, rounded once whatever a compiler would make of it."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, 1)
        w, c, before, *others = (lanes.splat(arg) for arg in args)
        # `before` comes last: it is what the next cell waits for
        cell = lanes.fma(w, c, lanes.smaller(lanes.smaller(*others), before))
        return builder.extract_element(cell, ir.Constant(ir.IntType(32), 0))

    return types.float32(weight, cost, left, diagonal, above), emit
