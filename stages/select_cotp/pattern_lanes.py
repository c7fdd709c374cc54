"""The steps of the pattern kernel as vector instructions: lay out costs, begin a pair, advance it, finish it.

In which order they are taken, and over what, is in `pattern_tile`. W lanes of a tile are W pool chains; arrays that
hold a vector over the lanes for each column are [columns][W].
"""

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core.base import BaseContext
from numba.core.typing.context import Context
from numba.core.typing.templates import Signature

from stages.select_cotp.lanes import Emit, Lanes, emitted, literal

SQUARE: Final = 16
"""The table's rows are padded to a multiple of this, the largest square that is transposed in registers."""

_INF: Final = float("inf")
_FLOAT: Final = ir.FloatType()
_INT32: Final = ir.IntType(32)


@emitted
def expand(
    _: Context,
    turned: types.Type,
    names: types.Type,
    costs: types.Type,
    column: types.Type,
    square: types.Type,
    width: types.Type,
    stride: types.Type,
    num_lanes: types.Type,
) -> tuple[Signature, Emit]:
    """Writes the costs of one column for the core names of one square: a vector over the lanes for each name."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        total = literal(num_lanes)
        lanes = Lanes(context, builder, min(total, SQUARE))
        size, parts = lanes.width, total // lanes.width
        table, ids, out = (lanes.data(kind, array) for kind, array in zip(signature.args[:3], args[:3], strict=True))
        at, step = args[3:5]
        wide = builder.sdiv(args[5], lanes.integer(size))
        for part in range(parts):
            first = builder.add(builder.mul(at, lanes.integer(total)), lanes.integer(part * size))
            rows = [lanes.element(ids, builder.add(first, lanes.integer(k)), _INT32) for k in range(size)]
            found = [lanes.load(table, builder.add(builder.mul(row, wide), step)) for row in rows]
            for k, vector in enumerate(_transposed(builder, found)):
                name = builder.add(builder.mul(step, lanes.integer(size)), lanes.integer(k))
                place = builder.add(builder.mul(name, args[6]), at)
                lanes.store(vector, out, builder.add(builder.mul(place, lanes.integer(parts)), lanes.integer(part)))
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    kinds = (turned, names, costs, types.intp, types.intp, types.intp, types.intp, num_lanes)
    return types.void(*kinds), emit


@emitted
def begin(
    _: Context, row: types.Type, columns: types.Type, out: types.Type, place: types.Type, num_lanes: types.Type
) -> tuple[Signature, Emit]:
    """Sets D above the first element to infinity, and sends for the cache lines that `_finish` will write to.

    Stores leave the processor in order: one that waits for memory would hold up all those to `row`.
    """

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(num_lanes))
        pointer, results = (lanes.data(signature.args[k], args[k]) for k in (0, 2))
        for lane in (0, lanes.width - 1):
            _fetch_for_writing(builder, results, builder.add(args[3], lanes.integer(lane)))

        def clear(j: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            lanes.store(lanes.constant(_INF), pointer, j)
            return carried

        lanes.loop(lanes.integer(0), args[1], [], clear)
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    return types.void(row, types.intp, out, types.intp, num_lanes), emit


@emitted
def warp(
    _: Context,
    core: types.Type,
    weights: types.Type,
    costs: types.Type,
    row: types.Type,
    first: types.Type,
    num: types.Type,
    stride: types.Type,
    columns: types.Type,
    corner: types.Type,
    num_lanes: types.Type,
    most: types.Type,
    stamp: types.Type,
) -> tuple[Signature, Emit]:
    """Goes with `num`, 1 to `most`, elements of the core over the tile: `row` holds D of the one before, then the last.

    `stamp` only makes the caller's cache depend on other files.
    """

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(num_lanes))
        arrays = [lanes.data(kind, array) for kind, array in zip(signature.args[:4], args[:4], strict=True)]
        after = builder.append_basic_block("after")
        switch = builder.switch(args[5], after)
        for rows in range(1, literal(most) + 1):
            block = builder.append_basic_block(f"rows{rows}")
            switch.add_case(lanes.integer(rows), block)
            builder.position_at_end(block)
            _strip(lanes, arrays, args[4], rows, *args[6:9])
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    indices = (types.intp,) * 4
    kinds = (core, weights, costs, row, *indices, types.float32, num_lanes, most, stamp)
    return types.void(*kinds), emit


@emitted
def finish(
    _: Context,
    row: types.Type,
    lengths: types.Type,
    shortest: types.Type,
    columns: types.Type,
    total: types.Type,
    out: types.Type,
    place: types.Type,
    num_lanes: types.Type,
) -> tuple[Signature, Emit]:
    """Writes each lane's D at its own last column, divided by `total`, from element `place` of `out` on."""

    def emit(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        lanes = Lanes(context, builder, literal(num_lanes))
        whole = ir.VectorType(_INT32, lanes.width)
        found, ends, results = (lanes.data(signature.args[k], args[k]) for k in (0, 1, 5))
        last = builder.load(builder.bitcast(ends, whole.as_pointer()), typ=whole, align=4)

        def choose(j: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            end = builder.trunc(builder.add(j, lanes.integer(1)), _INT32)
            ends_here = builder.icmp_signed("==", last, _splat(builder, end, whole))
            return [builder.select(ends_here, lanes.load(found, j), carried[0])]

        (distance,) = lanes.loop(builder.sub(args[2], lanes.integer(1)), args[3], [lanes.constant(0.0)], choose)
        shares = lanes.quotient(distance, lanes.splat(args[4]))
        lanes.store(shares, _element(builder, results, args[6]), lanes.integer(0))
        return context.get_dummy_value()  # type: ignore[no-untyped-call]  # numba has no types

    kinds = (row, lengths, types.intp, types.intp, types.float32, out, types.intp, num_lanes)
    return types.void(*kinds), emit


def _transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """The columns of a square of 2^k vectors, by swapping the off-diagonal halves of ever smaller squares."""
    size = len(rows)
    rows = list(rows)
    half = size // 2
    while half:
        upper = [k if not k & half else size + k - half for k in range(size)]
        lower = [k + half if not k & half else size + k for k in range(size)]
        masks = [ir.Constant(ir.VectorType(_INT32, size), mask) for mask in (upper, lower)]
        for k in range(size):
            if not k & half:
                pair = rows[k], rows[k + half]
                rows[k], rows[k + half] = (builder.shuffle_vector(*pair, mask) for mask in masks)
        half //= 2
    return rows


def _fetch_for_writing(builder: ir.IRBuilder, pointer: ir.Value, place: ir.Value) -> None:
    byte = ir.IntType(8).as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32])
    prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], signature)
    for_writing, near, data = (ir.Constant(_INT32, value) for value in (1, 3, 1))
    builder.call(prefetch, [builder.bitcast(_element(builder, pointer, place), byte), for_writing, near, data])


def _element(builder: ir.IRBuilder, pointer: ir.Value, place: ir.Value) -> ir.Value:
    """Where the float32 number `place` lies."""
    return builder.gep(builder.bitcast(pointer, _FLOAT.as_pointer()), [place], source_etype=_FLOAT)


def _strip(
    lanes: Lanes, arrays: list[Any], first: ir.Value, rows: int, stride: ir.Value, columns: ir.Value, corner: ir.Value
) -> None:
    """The instructions for `rows` elements from `first` on; `corner` is D left of and above the first cell."""
    builder = lanes.builder
    core, weights, costs, row = arrays
    places = [builder.add(first, lanes.integer(r)) for r in range(rows)]
    weight = [lanes.splat(lanes.element(weights, place)) for place in places]
    offset = [builder.mul(lanes.element(core, place, _INT32), stride) for place in places]

    def column(j: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        left, diagonal = carried[:rows], carried[rows]
        above = up = lanes.load(row, j)
        for r in range(rows):
            # `up` comes last: it is what the next row waits for
            nearest = lanes.smaller(lanes.smaller(left[r], diagonal), up)
            new = lanes.fma(weight[r], lanes.load(costs, builder.add(offset[r], j)), nearest)
            diagonal, left[r], up = left[r], new, new
        lanes.store(up, row, j)
        return [*left, above]

    lanes.loop(lanes.integer(0), columns, [lanes.constant(_INF)] * rows + [lanes.splat(corner)], column)


def _splat(builder: ir.IRBuilder, scalar: ir.Value, kind: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT32, kind.count), [0] * kind.count))
