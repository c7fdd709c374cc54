"""How are vector instructions written from numba? As LLVM IR over `<W x float>`, emitted inside an `intrinsic`.

numba vectorises no dynamic programme by itself: kernels emit the inner loop with `Lanes` and leave the rest to numba.
What is computed, and in which tiles, is the kernels' own. All of it is IEEE arithmetic in the order written.
"""

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core.base import BaseContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from stages.select_cotp.arrays import F32

# Written only on comparisons and on what chooses by them: inputs have no NaN and no -0 that matters, so that a minimum
# becomes one instruction. Never on sums: these would be reassociated. Infinity stays legal.
_ORDERED: Final = ("nnan", "nsz")

_FLOAT: Final = ir.FloatType()
_INT32: Final = ir.IntType(32)
_INTP: Final = ir.IntType(64)
_CACHE_LINE: Final = 64

Emit: TypeAlias = Callable[[BaseContext, ir.IRBuilder, Signature, list[ir.Value]], ir.Value]
"""Writes the instructions of a call: (context, builder, types of the call, arguments) -> the result."""


def host_lanes(features: Mapping[str, bool] | None = None) -> tuple[int, int]:
    """(lanes, rows) that suit the registers of this processor, or of one with these LLVM `features`.

    R rows of W lanes need R * W / (lanes of a register) registers beside R broadcast values, and about eight of them
    hide the latency of a minimum and an addition.
    """
    features = _host_features() if features is None else features
    if features.get("avx512f"):  # 32 registers of 16 lanes
        return 32, 4
    if features.get("avx2"):  # 16 registers of 8; broadcast values come from memory
        return 16, 8
    if features.get("neon"):  # 32 registers of 4
        return 16, 4
    return 8, 4


def host_balances(features: Mapping[str, bool] | None = None) -> bool:
    """Whether sums are better written as a * 1 + b on this processor, or on one with these LLVM `features`.

    The bits are the same. Minima and sums go through one half of the vector pipes of AMD's processors, fused products
    through the other, so that a loop with as many minima as sums gains half its speed; Intel's do not care, and ARM's
    have other pipes.
    """
    features = _host_features() if features is None else features
    return bool(features.get("fma"))


def emitted(define: Callable[..., tuple[Signature, Emit]]) -> Callable[..., Any]:
    """What compiled functions may call: `define(context, *kinds)`, at the top of a module, gives signature and `Emit`.

    Arguments that are constants of the caller arrive as literal kinds. A function that captures an intrinsic, rather
    than finding it in its module, is never found in numba's cache again.
    """
    return intrinsic(prefer_literal=True)(define)


def literal(kind: types.Type) -> int:
    """The constant that this kind of an argument stands for."""
    assert isinstance(kind, types.Literal), f"{kind} must be a constant of the calling function"
    return int(kind.literal_value)


def stamp_of(*files: str) -> int:
    """A checksum of this file and `files`, to be closed over by a cached function that emits what is written there.

    numba compiles a cached function anew when its own file or a value it closes over changes, and knows no other file.
    """
    return zlib.crc32(b"".join(Path(file).read_bytes() for file in (__file__, *files)))


@njit(nogil=True, cache=True)
def aligned(num: int) -> F32:
    """`num` uninitialised float32 that begin at a cache line, so that no vector straddles two."""
    room = np.empty(num + _CACHE_LINE // 4, np.float32)
    skip = (-room.ctypes.data % _CACHE_LINE) // 4
    return room[skip : skip + num]


@functools.cache
def _host_features() -> Mapping[str, bool]:
    try:
        found: Mapping[str, bool] = binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know this processor, as numba allows too
        return {}
    return found


class Lanes:
    """Emits instructions over vectors of `width` float32 at the place where `builder` stands.

    A vector in memory is `width` neighbours, and `load` and `store` count in vectors. Values are llvmlite's.
    """

    def __init__(self, context: BaseContext, builder: ir.IRBuilder, width: int) -> None:
        self.context = context
        self.builder = builder
        self.width = width
        self.type = ir.VectorType(_FLOAT, width)
        self._bits = ir.VectorType(_INT32, width)

    def data(self, array_type: types.Array, array: ir.Value) -> ir.Value:
        """The pointer to the first element of a contiguous array."""
        view = self.context.make_array(array_type)  # type: ignore[no-untyped-call]  # numba has no types
        return view(self.context, self.builder, array).data

    def integer(self, value: int) -> ir.Value:
        """An index as a constant."""
        return ir.Constant(_INTP, value)

    def element(self, pointer: ir.Value, index: ir.Value, kind: ir.Type = _FLOAT) -> ir.Value:
        """One scalar, by default float32; an integer is widened to an index."""
        place = self._place(pointer, index, kind)
        value = self.builder.load(place, typ=kind)
        narrow = isinstance(kind, ir.IntType) and kind.width < _INTP.width
        return self.builder.sext(value, _INTP) if narrow else value

    def load(self, pointer: ir.Value, index: ir.Value) -> ir.Value:
        """Vector number `index`."""
        return self.builder.load(self._place(pointer, index, self.type), typ=self.type, align=4)

    def store(self, value: ir.Value, pointer: ir.Value, index: ir.Value) -> None:
        """Write vector number `index`."""
        self.builder.store(value, self._place(pointer, index, self.type), align=4)

    def load_from(self, pointer: ir.Value, element: ir.Value) -> ir.Value:
        """The vector that begins at element number `element`."""
        return self.builder.load(self._begin(pointer, element), typ=self.type, align=4)

    def store_from(self, value: ir.Value, pointer: ir.Value, element: ir.Value) -> None:
        """Write the vector that begins at element number `element`."""
        self.builder.store(value, self._begin(pointer, element), align=4)

    def splat(self, scalar: ir.Value) -> ir.Value:
        """The scalar in every lane."""
        undefined = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(self._bits, [0] * self.width))

    def constant(self, value: float) -> ir.Value:
        """The number in every lane."""
        return ir.Constant(self.type, [value] * self.width)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The sums a + b."""
        return self.builder.fadd(a, b)

    def sub(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The differences a - b."""
        return self.builder.fsub(a, b)

    def negative(self, a: ir.Value) -> ir.Value:
        """The vector -a."""
        return self.builder.fneg(a)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """The sums a * b + c, each rounded once."""
        name = f"llvm.fma.v{self.width}f32"
        module = self.builder.module
        signature = ir.FunctionType(self.type, [self.type] * 3)
        return self.builder.call(module.globals.get(name) or ir.Function(module, signature, name), [a, b, c])

    def quotient(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The quotients a / b."""
        return self.builder.fdiv(a, b)

    def absolute(self, a: ir.Value) -> ir.Value:
        """|a|, by clearing the sign bit."""
        kept = ir.Constant(self._bits, [0x7FFFFFFF] * self.width)
        return self.builder.bitcast(self.builder.and_(self.builder.bitcast(a, self._bits), kept), self.type)

    def smaller(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The smaller of a and b, in one instruction."""
        less = self.builder.fcmp_ordered("<", a, b, flags=_ORDERED)
        return self.builder.select(less, a, b, flags=_ORDERED)

    def where(self, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        """All of `a` if the condition, one bit, holds, else all of `b`."""
        return self.builder.select(condition, a, b)

    def any_at_most(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Whether a <= b in any lane; one bit."""
        mask = self.builder.bitcast(self.builder.fcmp_ordered("<=", a, b), ir.IntType(self.width))
        return self.builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))

    def transposed(self, rows: Sequence[ir.Value]) -> list[ir.Value]:
        """The columns of W vectors; W is a power of two."""
        half = self.width // 2
        zips = [[first + k // 2 + k % 2 * self.width for k in range(self.width)] for first in (0, half)]
        masks = [ir.Constant(self._bits, places) for places in zips]
        for _ in range(self.width.bit_length() - 1):
            pairs = [(rows[k], rows[k + half]) for k in range(half)]
            rows = [self.builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in masks]
        return list(rows)

    def loop(
        self,
        start: ir.Value,
        stop: ir.Value,
        carried: Sequence[ir.Value],
        body: Callable[[ir.Value, list[ir.Value]], Sequence[ir.Value]],
    ) -> list[ir.Value]:
        """What is carried after `for index in range(start, stop): carried = body(index, carried)`."""
        before = self.builder.block
        head, inside, after = (self.builder.append_basic_block(name) for name in ("head", "inside", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = self.builder.phi(_INTP)
        index.add_incoming(start, before)
        phis = [self.builder.phi(value.type) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        self.builder.cbranch(self.builder.icmp_signed("<", index, stop), inside, after)
        self.builder.position_at_end(inside)
        values = body(index, list(phis))
        index.add_incoming(self.builder.add(index, self.integer(1)), self.builder.block)
        for phi, value in zip(phis, values, strict=True):
            phi.add_incoming(value, self.builder.block)
        self.builder.branch(head)
        self.builder.position_at_end(after)
        return phis

    def _begin(self, pointer: ir.Value, element: ir.Value) -> ir.Value:
        place = self._place(pointer, element, _FLOAT)
        return self.builder.bitcast(place, self.type.as_pointer())

    def _place(self, pointer: ir.Value, index: ir.Value, kind: ir.Type) -> ir.Value:
        # the type is named again at each use, for pointers know theirs only in older llvmlite
        return self.builder.gep(self.builder.bitcast(pointer, kind.as_pointer()), [index], source_etype=kind)
