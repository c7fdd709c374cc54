"""Arrays of numbers as plain lists: what a numpy value becomes where numpy is not loaded."""

import math
import struct
from typing import Final

from stages.sandbox.codec import MAX_ELEMENTS
from stages.sandbox.frames import ProtocolError, Value

# fmt: off
_FORMATS: Final = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d", "c8": "f", "c16": "d",
}
# fmt: on
_MAX_DIMENSIONS: Final = 32


def plain_array(dtype: str, shape: list[int] | None, data: bytes) -> Value:
    """Nested lists of Python numbers, or one number where `shape` is None.

    `dtype` as numpy writes it ("<f8"). Raises ProtocolError for other kinds and for sizes that do not fit.
    """
    order, name = dtype[:1], dtype[1:]
    if name not in _FORMATS or order not in "<>=|":
        raise ProtocolError(f"array of {dtype[:20]!r}")
    code = _FORMATS[name]
    if len(data) % struct.calcsize(f"<{code}"):
        raise ProtocolError("array with half an element")
    flat: list[Value] = [item for (item,) in struct.iter_unpack((">" if order == ">" else "<") + code, data)]
    if name.startswith("c"):
        flat = [complex(real, imag) for real, imag in zip(flat[::2], flat[1::2], strict=True)]
    if shape is None:
        (number,) = flat
        return number
    if len(shape) > _MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise ProtocolError("array with an impossible shape")
    # An array without elements may still be a million empty rows.
    if math.prod(size or 1 for size in shape) > MAX_ELEMENTS:
        raise ProtocolError("array with too many rows")
    if math.prod(shape) != len(flat):
        raise ProtocolError("array whose shape and size differ")
    return _nested(flat, shape)


def _nested(flat: list[Value], shape: list[int]) -> Value:
    if not shape:
        return flat[0]
    for size in reversed(shape[1:]):
        rows = len(flat) // size if size else math.prod(shape[:-1])
        flat = [flat[row * size : (row + 1) * size] for row in range(rows)]
    return flat
