"""When is a value close to what a test expects? pytest.approx, after pytest's documentation.

Numbers agree within max(rel * |expected|, abs); what is no number, booleans and None too, is compared by ==. Other
than pytest's own, it also descends into containers within containers.
"""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Complex
from typing import Final, NoReturn

from stages.sandbox.frames import Value

_RELATIVE: Final = 1e-6
_ABSOLUTE: Final = 1e-12
_WHOLE: Final = (str, bytes, bytearray)
"""Sequences that are compared as one thing."""


class approx:  # noqa: N801  # pytest's own name
    """Equal within a tolerance, also inside sequences, mappings and arrays; NaN equals NaN only with `nan_ok`."""

    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None
    __array_priority__ = 100

    def __init__(
        self,
        expected: Value,
        rel: Value = None,
        abs: Value = None,  # noqa: A002  # as in pytest
        nan_ok: bool = False,
    ) -> None:
        """Raises TypeError for an expected value without an order, such as a set."""
        ordered = isinstance(expected, (Mapping, Sequence)) or _is_array(expected)
        if not ordered and hasattr(expected, "__iter__") and hasattr(expected, "__len__"):
            raise TypeError(f"pytest.approx() only supports ordered sequences, but got: {expected!r}")
        self.expected = expected
        self.rel, self.abs, self.nan_ok = rel, abs, nan_ok

    def __eq__(self, actual: object) -> bool:
        return self._near(actual, self.expected)

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def __bool__(self) -> NoReturn:
        raise AssertionError("approx() is not supported in a boolean context: compare with it, assert a == approx(b)")

    def _near(self, actual: Value, expected: Value) -> bool:
        if _is_array(expected):
            return self._near_array(actual, expected)
        if isinstance(expected, Mapping):
            same_keys = isinstance(actual, Mapping) and actual.keys() == expected.keys()
            return same_keys and all(self._near(actual[key], value) for key, value in expected.items())
        if isinstance(expected, Sequence) and not isinstance(expected, _WHOLE):
            if not hasattr(actual, "__len__") or not hasattr(actual, "__iter__") or len(actual) != len(expected):
                return False
            return all(self._near(one, other) for one, other in zip(actual, expected, strict=True))
        if _is_array(actual):
            return all(self._near(one, expected) for one in actual.flat)
        return self._near_number(actual, expected)

    def _near_array(self, actual: Value, expected: Value) -> bool:
        try:
            array = sys.modules["numpy"].asarray(actual)
        except ValueError:
            return False
        if array.shape != expected.shape:
            return False
        return all(self._near_number(one, other) for one, other in zip(array.flat, expected.flat, strict=True))

    def _near_number(self, actual: Value, expected: Value) -> bool:
        if _is_bool(expected):
            return _is_bool(actual) and bool(actual == expected)
        if actual == expected:
            return True
        if not isinstance(expected, (Complex, Decimal)) or not isinstance(actual, (Complex, Decimal)):
            return False
        if expected != expected:
            return self.nan_ok and bool(actual != actual)
        if abs(expected) == float("inf"):
            return False
        if isinstance(expected, Decimal) != isinstance(actual, Decimal):
            actual, expected = _alike(actual, expected)
        return bool(abs(expected - actual) <= self._tolerance(expected))

    def _tolerance(self, expected: Value) -> Value:
        kind = Decimal if isinstance(expected, Decimal) else lambda value: value
        absolute = kind(_ABSOLUTE if self.abs is None else self.abs)
        if not absolute >= 0:
            raise ValueError(f"absolute tolerance can't be negative or NaN: {absolute}")
        if self.rel is None and self.abs is not None:
            return absolute
        relative = kind(_RELATIVE if self.rel is None else self.rel) * abs(expected)
        if not relative >= 0:
            raise ValueError(f"relative tolerance can't be negative or NaN: {relative}")
        return max(relative, absolute)


def _alike(actual: Value, expected: Value) -> tuple[Value, Value]:
    """A decimal number and another one, both as the other kind."""
    return (float(actual), expected) if isinstance(actual, Decimal) else (actual, float(expected))


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _is_bool(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return isinstance(value, bool) or (numpy is not None and isinstance(value, numpy.bool_))
