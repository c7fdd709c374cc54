"""Tagged JSON back into values: only through the constructors written here, so that a hostile sender gains nothing.

Enumerations and named tuples become members and instances of the classes that `resolve` knows by name, otherwise a
stand-in. Every malformed value is a ProtocolError; sets and mappings built to collide are refused, since comparing
them would take the reader's time and not the sender's.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from stages.sandbox.arrays import plain_array
from stages.sandbox.codec import MAX_ELEMENTS
from stages.sandbox.frames import ProtocolError, Value

Resolve = Callable[[str], Value]
"""From the name of a class to the object of that name, or None."""

_MAX_COLLISIONS: Final = 100
_LARGE: Final = 1000
_NUMBER_TEXT: Final = 20_000
_INTEGER_TEXT: Final = 100_000
"""Hexadecimal digits; beyond, turning the number into a Decimal to compare it takes seconds."""


@dataclass(frozen=True)
class EnumValue:
    """A member of an enumeration whose class the reader does not have."""

    kind: str
    name: str
    value: Value


class NamedValues(tuple[Value, ...]):
    """A named tuple whose class the reader does not have: equal to the tuple, with its fields as attributes."""

    def __getattr__(self, name: str) -> Value:
        fields = self.__dict__["fields"]
        if name not in fields:
            raise AttributeError(name)
        return self[fields.index(name)]


def decode(value: Value, resolve: Resolve = lambda name: None, *, live: bool = False) -> Value:
    """The value; raises ProtocolError.

    With `live`, iterators and arrays are what they were, as code expects them; otherwise both become lists.
    """
    try:
        return _Decoder(resolve, live=live).decode(value)
    except ProtocolError:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError) as error:
        raise ProtocolError(f"malformed value: {type(error).__name__}") from None


class _Decoder:
    def __init__(self, resolve: Resolve, *, live: bool) -> None:
        self.resolve = resolve
        self.live = live
        self.count = 0

    def decode(self, value: Value) -> Value:
        kind = type(value)
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise ProtocolError(f"more than {MAX_ELEMENTS} elements")
        if value is None or kind is str or kind is bool or kind is int:
            return value
        if kind is list:
            return [self.decode(item) for item in value]
        if kind is not dict:
            raise ProtocolError("a bare float")
        ((tag, content),) = value.items()
        if tag == "f":
            return float.fromhex(content)
        if tag == "i":
            return _integer(content)
        if tag == "t":
            return tuple(self.items(content))
        if tag == "d":
            return self.mapping(content)
        return _READERS[tag](self, content)

    def items(self, content: Value) -> list[Value]:
        if type(content) is not list:
            raise ProtocolError("a list is missing")
        return [self.decode(item) for item in content]

    def mapping(self, content: Value) -> dict[Value, Value]:
        pairs = [(self.decode(key), self.decode(item)) for key, item in content]
        if len(pairs) > _LARGE:
            _spread(key for key, _ in pairs)
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ProtocolError("a key twice")
        return result

    def hashed(self, content: Value) -> list[Value]:
        items = self.items(content)
        if len(items) > _LARGE:
            _spread(items)
        return items

    def part(self, name: str) -> Value:
        """A class of a module that holds safe types, imported only when a value needs it."""
        module, _, attribute = name.rpartition(".")
        __import__(module)
        return getattr(sys.modules[module], attribute)

    def zone(self, seconds: Value) -> Value:
        if seconds is None:
            return None
        return self.part("datetime.timezone")(self.part("datetime.timedelta")(seconds=seconds))

    def integers(self, name: str, content: Value) -> Value:
        """A value of `name` made of whole numbers: a text such as "1e999999999" would be worked out by Fraction."""
        items = self.items(content)
        if any(type(item) is not int for item in items):
            raise ProtocolError(f"{name} of something else than whole numbers")
        return self.part(name)(*items)

    def clock(self, name: str, content: Value) -> Value:
        *numbers, zone, fold = self.items(content)
        if any(type(item) is not int for item in (*numbers, fold)):
            raise ProtocolError(f"{name} of something else than whole numbers")
        return self.part(name)(*numbers, tzinfo=self.zone(zone), fold=fold)

    def view(self, content: Value) -> Value:
        name, items = content
        items = self.hashed(items)
        if name == "keys":
            return dict.fromkeys(items).keys()
        if name == "values":
            return dict(enumerate(items)).values()
        return dict(items).items()

    def enum(self, content: Value) -> Value:
        kind, name, value, mixed = content
        plain = self.decode(value)
        known = self.resolve(kind)
        if isinstance(known, type) and issubclass(known, Enum) and name in known.__members__:
            return known.__members__[name]
        return plain if mixed is True else EnumValue(str(kind), str(name), plain)

    def named(self, content: Value) -> Value:
        kind, fields, values = content
        plain = self.items(values)
        known = self.resolve(kind)
        if isinstance(known, type) and issubclass(known, tuple) and getattr(known, "_fields", None) == tuple(fields):
            return tuple.__new__(known, plain)
        if len(fields) != len(plain) or len(fields) > _LARGE or any(type(field) is not str for field in fields):
            raise ProtocolError("fields and values do not fit")
        stand_in = NamedValues(plain)
        stand_in.__dict__["fields"] = fields
        return stand_in

    def array(self, content: Value) -> Value:
        dtype, shape, data = content
        raw = bytes.fromhex(data)
        if not self.live or "numpy" not in sys.modules:
            return plain_array(dtype, shape, raw)
        numpy = self.part("numpy.frombuffer")
        if "O" in dtype or "V" in dtype:
            raise ProtocolError("an array of objects")
        flat = numpy(raw, dtype=dtype).copy()
        return flat[0] if shape is None else flat.reshape(shape)


def _spread(keys: Value) -> None:
    """Refuse keys of which many have the same hash: a set of them takes quadratic time."""
    if max(Counter(map(hash, keys)).values()) > _MAX_COLLISIONS:
        raise ProtocolError("keys built to collide")


def _integer(content: Value) -> int:
    if len(content) > _INTEGER_TEXT:
        raise ProtocolError("an integer that is too long")
    return int(content, 16)


def _decimal(decoder: _Decoder, content: Value) -> Value:
    (text,) = decoder.items(content)
    if len(text) > _NUMBER_TEXT:
        raise ProtocolError("a decimal number that is too long")
    return decoder.part("decimal.Decimal")(text)


def _deque(decoder: _Decoder, content: Value) -> Value:
    length, items = decoder.items(content)
    return decoder.part("collections.deque")(items, length)


def _zone(decoder: _Decoder, content: Value) -> Value:
    return decoder.zone(decoder.items(content)[0])


_READERS: Final[dict[str, Callable[[_Decoder, Value], Value]]] = {
    "s": lambda decoder, content: set(decoder.hashed(content)),
    "z": lambda decoder, content: frozenset(decoder.hashed(content)),
    "b": lambda _decoder, content: bytes.fromhex(content),
    "B": lambda _decoder, content: bytearray.fromhex(content),
    "u": lambda _decoder, content: bytes.fromhex(content).decode("utf-32-le", "surrogatepass"),
    "c": lambda _decoder, content: complex(float.fromhex(content[0]), float.fromhex(content[1])),
    "r": lambda decoder, content: decoder.integers("builtins.range", content),
    "I": lambda decoder, content: iter(decoder.items(content)) if decoder.live else decoder.items(content),
    "v": _Decoder.view,
    "E": _Decoder.enum,
    "N": _Decoder.named,
    "n": _Decoder.array,
    "D": _decimal,
    "Q": lambda decoder, content: decoder.integers("fractions.Fraction", content),
    "date": lambda decoder, content: decoder.integers("datetime.date", content),
    "time": lambda decoder, content: decoder.clock("datetime.time", content),
    "datetime": lambda decoder, content: decoder.clock("datetime.datetime", content),
    "delta": lambda decoder, content: decoder.integers("datetime.timedelta", content),
    "zone": _zone,
    "O": lambda decoder, content: decoder.part("collections.OrderedDict")(decoder.mapping(content)),
    "C": lambda decoder, content: decoder.part("collections.Counter")(decoder.mapping(content)),
    "q": _deque,
}
