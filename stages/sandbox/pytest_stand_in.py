"""The part of pytest that suites over functions use, in place of the package: a tester has the standard library only.

approx, raises, fail, skip, fixture, and the marks parametrize, skip, skipif and xfail, after pytest's documentation.
Whatever else a suite asks of pytest is an AttributeError, which says that the tests cannot be run.
"""

import math
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from stages.sandbox.frames import Value


class Skipped(Exception):
    """Raised by skip()."""


@dataclass
class Marks:
    """What decorators say of a test function."""

    parameters: list[list[dict[str, Value]]] = field(default_factory=list)
    skip: bool = False
    fails: bool = False
    strict: bool = False
    fixture: bool = False


def marks_of(function: Value) -> Marks:
    """The marks of a function, empty for one that has none."""
    marks = getattr(function, "rlbff_marks", None)
    return marks if isinstance(marks, Marks) else Marks()


def module() -> types.ModuleType:
    """A module to be found as `pytest`."""
    stand_in = types.ModuleType("pytest")
    mark = types.SimpleNamespace(parametrize=_parametrize, skip=_skip_mark, skipif=_skipif, xfail=_xfail)
    for name, value in (("approx", approx), ("raises", raises), ("fail", _fail), ("skip", _skip), ("mark", mark)):
        setattr(stand_in, name, value)
    stand_in.__dict__.update(fixture=_fixture, param=_param, main=lambda *_, **__: 0)
    return stand_in


class approx:  # noqa: N801  # pytest's own name
    """Equal within a tolerance, also inside sequences and mappings: rel 1e-6, abs 1e-12 as in pytest."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        expected: Value,
        rel: float | None = None,
        abs: float | None = None,  # noqa: A002  # as in pytest
        nan_ok: bool = False,
    ) -> None:
        self.expected = expected
        self._options: tuple[float | None, float | None, bool] = (rel, abs, nan_ok)

    def __eq__(self, actual: object) -> bool:
        expected = self.expected
        if isinstance(expected, Mapping):
            return (
                isinstance(actual, Mapping)
                and actual.keys() == expected.keys()
                and all(approx(expected[key], *self._options) == actual[key] for key in expected)
            )
        if isinstance(expected, Sequence) and not isinstance(expected, (str, bytes)):
            return (
                isinstance(actual, Sequence)
                and len(actual) == len(expected)
                and all(approx(own, *self._options) == other for own, other in zip(expected, actual, strict=True))
            )
        return self._close(actual)

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _close(self, actual: Value) -> bool:
        expected = self.expected
        if actual == expected:
            return True
        numbers = (int, float, complex)
        if isinstance(expected, bool) or not isinstance(expected, numbers) or not isinstance(actual, numbers):
            return _close_otherwise(actual, expected)
        relative, absolute, nan_ok = self._options
        if expected != expected:
            return nan_ok and actual != actual
        if math.isinf(abs(expected)) or math.isinf(abs(actual)):
            return False
        if relative is None:
            relative = 0.0 if absolute is not None else 1e-6
        return bool(abs(actual - expected) <= max(relative * abs(expected), 1e-12 if absolute is None else absolute))


class _Raises:
    """A block that must raise one of the expected exceptions, with a text that `match` finds."""

    def __init__(self, expected: Value, match: str | None) -> None:
        self.expected = expected
        self.match = match
        self.type: type[BaseException] | None = None
        self.value: BaseException | None = None

    def __enter__(self) -> "_Raises":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if kind is None or error is None:
            raise AssertionError(f"did not raise {self.expected}")
        if not issubclass(kind, self.expected):
            return False
        if self.match is not None and not re.search(self.match, str(error)):
            raise AssertionError(f"{self.match!r} is not in {str(error)[:200]!r}")
        self.type, self.value = kind, error
        return True


def raises(expected: Value, *call: Value, match: str | None = None, **keywords: Value) -> _Raises:
    """As a context, or with a function and its arguments."""
    block = _Raises(expected, match)
    if call:
        with block:
            call[0](*call[1:], **keywords)
    return block


def _close_otherwise(actual: Value, expected: Value) -> bool:
    """Decimal, Fraction and arrays: by their difference, where they have one."""
    try:
        return bool(abs(float(actual) - float(expected)) <= 1e-6 * abs(float(expected)))
    except (TypeError, ValueError, OverflowError):
        return False


def _own_marks(function: Value) -> Marks:
    if not isinstance(getattr(function, "rlbff_marks", None), Marks):
        function.rlbff_marks = Marks()
    marks: Marks = function.rlbff_marks
    return marks


def _parametrize(names: str | Sequence[str], values: Iterable[Value], **_: Value) -> Callable[[Value], Value]:
    keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    rows = [tuple(value) if len(keys) > 1 or isinstance(value, _Parameters) else (value,) for value in values]

    def mark(function: Value) -> Value:
        _own_marks(function).parameters.append([dict(zip(keys, row, strict=True)) for row in rows])
        return function

    return mark


class _Parameters(tuple[Value, ...]):
    """What param() gives."""


def _param(*values: Value, **_: Value) -> _Parameters:
    return _Parameters(values)


def _skip_mark(function: Value = None, **_: Value) -> Value:
    return _setting(skip=True)(function) if callable(function) else _setting(skip=True)


def _skipif(condition: object, **_: Value) -> Value:
    return _setting(skip=bool(condition))


def _xfail(function: Value = None, *_: Value, strict: bool = False, **__: Value) -> Value:
    mark = _setting(fails=True, strict=strict)
    return mark(function) if callable(function) else mark


def _fixture(function: Value = None, **_: Value) -> Value:
    return _setting(fixture=True)(function) if callable(function) else _setting(fixture=True)


def _setting(**changes: bool) -> Callable[[Value], Value]:
    def mark(function: Value) -> Value:
        for name, value in changes.items():
            setattr(_own_marks(function), name, value or getattr(_own_marks(function), name))
        return function

    return mark


def _fail(reason: str = "", **_: Value) -> NoReturn:
    raise AssertionError(reason)


def _skip(reason: str = "", **_: Value) -> NoReturn:
    raise Skipped(reason)
