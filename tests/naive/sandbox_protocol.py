"""What a stream of bytes says in the sandbox's protocol, read as slowly and plainly as possible.

Frames are four bytes of length and JSON. Only the values that the tests use are understood; anything else is UNKNOWN,
which equals nothing.
"""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

UNKNOWN = object()


def frames(data: bytes) -> list[Any]:
    """The frames at the start of a stream; None in the place of the first malformed one, which is the last."""
    found: list[Any] = []
    while len(data) >= 4:
        length = sum(byte << 8 * place for place, byte in enumerate(data[:4]))
        if length > 16 * 2**20:
            return [*found, None]
        if len(data) < 4 + length:
            break
        try:
            text = data[4 : 4 + length].decode("ascii")
            frame = json.loads(text, object_pairs_hook=tag, parse_constant=refused)
        except (ValueError, RecursionError):
            return [*found, None]
        if not isinstance(frame, list) or not frame or not isinstance(frame[0], str):
            return [*found, None]
        found.append(frame)
        data = data[4 + length :]
    return found


def tag(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != 1:
        raise ValueError
    return dict(pairs)


def refused(name: str) -> None:
    raise ValueError(name)


def value(written: Any) -> Any:
    """The value that tagged JSON stands for."""
    if written is None or isinstance(written, (str, bool, int)):
        return written
    if isinstance(written, list):
        return [value(item) for item in written]
    if not isinstance(written, dict):
        return UNKNOWN
    ((name, content),) = written.items()
    try:
        return READERS[name](content)
    except (KeyError, ValueError, TypeError, IndexError, ArithmeticError):
        return UNKNOWN


def several(kind: type) -> Any:
    def read(content: Any) -> Any:
        if not isinstance(content, list):
            raise TypeError
        return kind(value(item) for item in content)

    return read


def number(content: Any) -> Any:
    return float.fromhex(content)


def whole(content: Any) -> Any:
    return int(content, 16)


def fraction(content: Any) -> Any:
    above, below = [value(item) for item in content]
    return Fraction(above, below)


def imaginary(content: Any) -> Any:
    return complex(float.fromhex(content[0]), float.fromhex(content[1]))


def decimal(content: Any) -> Any:
    (text,) = content
    read = Decimal(text)
    return UNKNOWN if read.is_snan() else read


def member(content: Any) -> Any:
    """An enumeration's member stands for its value where it is a number or a text itself."""
    _, _, written, mixed = content
    return value(written) if mixed is True else UNKNOWN


def scalar(content: Any) -> Any:
    kind, shape, data = content
    if kind != "<i8" or shape is not None or len(data) != 16:
        return UNKNOWN
    return int.from_bytes(bytes.fromhex(data), "little", signed=True)


READERS = {
    "f": number,
    "i": whole,
    "t": several(tuple),
    "I": several(list),
    "Q": fraction,
    "c": imaginary,
    "D": decimal,
    "E": member,
    "n": scalar,
}
