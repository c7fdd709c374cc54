"""Values that may cross between processes, as tagged JSON: what a value is turned into.

Exact types of Python's own, and safe forms of a few more (`SAFE`), never pickle. JSON holds None, booleans, small
integers, texts and lists as they are; everything else is an object with one key, the tag. Iterators are read out, up
to the cap, and cross as iterators. Subclasses of builtin types are reduced to their base, so that no foreign method
ever takes part in a comparison; anything else raises NotPlain. The way back is in `decode.py`.
"""

import re
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from stages.sandbox.frames import Value

MAX_DEPTH: Final = 200
MAX_ELEMENTS: Final = 1_000_000
DEEP: Final = 20_000
"""Recursion limit of the harness, since values nest deeper than programs may recurse."""
_SMALL: Final = 2**53
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""Two surrogates that JSON would join to the one character that they encode."""
_BASES: Final = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_ITERATORS: Final = frozenset(
    {
        *(types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(()))),
        *(type(iter({})), type(iter(set())), type(iter("")), type(iter(range(0))), type(reversed([]))),
        *(type(iter({}.values())), type(iter({}.items())), type(iter("é")), type(iter(b""))),
    }
)
_VIEWS: Final = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


class NotPlain(Exception):
    """The value is not of a type that may cross, or it is too deep, too long or holds itself."""


def encode(value: Value, *, reduce: bool = True) -> Value:
    """The value as tagged JSON. Raises NotPlain, and whatever a foreign iterator raises.

    `reduce`: whether a value that is itself of a subclass of a builtin type crosses as its base; what it holds does.
    """
    return _Encoder(reduce=reduce).encode(value, 0)


def too_large(value: Value) -> str | None:
    """Why a value of ours cannot cross whatever its types: deeper or longer than the caps, or holding itself.

    Walks level by level, since what is nested deeper than the stack would end the process that encodes or compares it.
    """
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        following: list[Value] = []
        for whole in level:
            if isinstance(whole, (list, tuple, set, frozenset, deque)):
                following += whole
            elif isinstance(whole, dict):
                following += whole.keys()
                following += whole.values()
            if count + len(following) > MAX_ELEMENTS:
                return f"more than {MAX_ELEMENTS} elements"
        if not following:
            return None
        count += len(following)
        level = following
    return f"deeper than {MAX_DEPTH} levels"


@contextmanager
def deep_recursion() -> Iterator[None]:
    """A recursion limit under which every value that may cross can be encoded and compared."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class _Encoder:
    """One walk through one value; counts elements, so that cycles and floods end."""

    def __init__(self, *, reduce: bool) -> None:
        self.count = 0
        self._reduce = reduce

    def encode(self, value: Value, depth: int) -> Value:
        kind = type(value)
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise NotPlain(f"more than {MAX_ELEMENTS} elements")
        if value is None or kind is bool:
            return value
        if kind is str:
            return value if value.isascii() or _PAIR.search(value) is None else _apart(value)
        if kind is int:
            return value if -_SMALL < value < _SMALL else {"i": hex(value)}
        if kind is float:
            return {"f": value.hex()}
        if depth >= MAX_DEPTH:
            raise NotPlain(f"deeper than {MAX_DEPTH} levels")
        if kind is list:
            return [self.encode(item, depth + 1) for item in value]
        write = _WRITERS.get(kind)
        if write is not None:
            return write(self, value, depth + 1)
        return self._other(value, kind, depth + 1)

    def items(self, values: Iterable[Value], depth: int) -> list[Value]:
        return [self.encode(item, depth) for item in values]

    def _other(self, value: Value, kind: type, depth: int) -> Value:
        safe = SAFE.get((kind.__module__, kind.__qualname__))
        if safe is not None:
            return {safe[0]: self.items(safe[1](value), depth)}
        if kind in _ITERATORS or kind.__module__ == "itertools":
            return {"I": self.items(value, depth)}
        if kind in _VIEWS:
            return {"v": [_VIEWS[kind], self.items(value, depth)]}
        if kind.__module__ == "numpy":
            return _numpy(self, value, depth)
        if type(kind).__module__ == "enum":
            return self._enum(value, kind, depth)
        if issubclass(kind, tuple) and type(fields := getattr(kind, "_fields", None)) is tuple:
            return {"N": [kind.__name__, list(map(str, fields)), self.items(tuple.__iter__(value), depth)]}
        for base in _BASES:
            if issubclass(kind, base) and (self._reduce or depth > 1):
                return self.encode(_reduced(value, base), depth)
        raise NotPlain(f"{kind.__module__}.{kind.__qualname__}"[:200])

    def _enum(self, value: Value, kind: type, depth: int) -> Value:
        mixed = isinstance(value, (int, str, float))
        return {"E": [kind.__name__, str(value.name), self.encode(value.value, depth), mixed]}


def _apart(text: str) -> Value:
    return {"u": text.encode("utf-32-le", "surrogatepass").hex()}


def _reduced(value: Value, base: Value) -> Value:
    """The plain value in an instance of a subclass, read by the base's own methods."""
    if base in (bool, int, float, complex):
        return base.__pos__(value)
    if base is str:
        return str.__str__(value)
    if base is bytes or base is bytearray:
        return base(memoryview(value))
    if base is dict:
        return dict(dict.items(value))
    return base(base.__iter__(value))


def _pairs(encoder: _Encoder, value: dict[Value, Value], depth: int) -> list[Value]:
    return [[encoder.encode(key, depth), encoder.encode(item, depth)] for key, item in dict.items(value)]


_Writer = Callable[[_Encoder, Value, int], Value]
_WRITERS: Final[dict[type, _Writer]] = {
    tuple: lambda encoder, value, depth: {"t": encoder.items(value, depth)},
    dict: lambda encoder, value, depth: {"d": _pairs(encoder, value, depth)},
    set: lambda encoder, value, depth: {"s": encoder.items(value, depth)},
    frozenset: lambda encoder, value, depth: {"z": encoder.items(value, depth)},
    bytes: lambda _encoder, value, _depth: {"b": value.hex()},
    bytearray: lambda _encoder, value, _depth: {"B": value.hex()},
    complex: lambda _encoder, value, _depth: {"c": [value.real.hex(), value.imag.hex()]},
    range: lambda encoder, value, depth: {"r": encoder.items((value.start, value.stop, value.step), depth)},
}


def _zone(value: Value) -> Value:
    offset = value.utcoffset() if value.tzinfo is not None else None
    return None if offset is None else offset.total_seconds()


def _clock(value: Value) -> tuple[Value, ...]:
    return (value.hour, value.minute, value.second, value.microsecond, _zone(value), value.fold)


SAFE: Final[dict[tuple[str, str], tuple[str, Callable[[Value], Iterable[Value]]]]] = {
    ("decimal", "Decimal"): ("D", lambda value: (str(value),)),
    ("fractions", "Fraction"): ("Q", lambda value: (value.numerator, value.denominator)),
    ("datetime", "date"): ("date", lambda value: (value.year, value.month, value.day)),
    ("datetime", "time"): ("time", _clock),
    ("datetime", "datetime"): ("datetime", lambda value: (value.year, value.month, value.day, *_clock(value))),
    ("datetime", "timedelta"): ("delta", lambda value: (value.days, value.seconds, value.microseconds)),
    ("datetime", "timezone"): ("zone", lambda value: (value.utcoffset(None).total_seconds(),)),
    ("collections", "OrderedDict"): ("O", lambda value: [list(pair) for pair in dict.items(value)]),
    ("collections", "Counter"): ("C", lambda value: [list(pair) for pair in dict.items(value)]),
    ("collections", "defaultdict"): ("d", lambda value: [list(pair) for pair in dict.items(value)]),
    ("collections", "deque"): ("q", lambda value: (value.maxlen, list(value))),
}
"""By (module, name) of the type, so that encoding imports nothing: the tag, and the parts to encode."""


def _numpy(encoder: _Encoder, value: Value, depth: int) -> Value:
    """Arrays and scalars of numbers: dtype, shape, bytes. Objects and records are not plain."""
    dtype = getattr(value, "dtype", None)
    if dtype is None or dtype.kind not in "biufcSUmM" or type(value).__name__ in ("matrix", "recarray"):
        raise NotPlain(f"numpy.{type(value).__name__}")
    encoder.count += value.size
    if encoder.count > MAX_ELEMENTS:
        raise NotPlain(f"more than {MAX_ELEMENTS} elements")
    return {"n": [dtype.str, list(value.shape) if hasattr(value, "__setitem__") else None, value.tobytes().hex()]}
