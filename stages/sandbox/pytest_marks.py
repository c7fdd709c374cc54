"""What decorators of pytest's say of a test: marks, sets of parameters, and whether the test is to be left out."""

import inspect
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from stages.sandbox.frames import Value
from stages.sandbox.outcomes import BadTests


class Mark(NamedTuple):
    """One mark: `pytest.mark.name(*args, **kwargs)`."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = {}  # noqa: RUF012  # never changed


class Parameters(NamedTuple):
    """The values for one run of a test, with marks for that run."""

    values: tuple[Value, ...]
    marks: tuple[Mark, ...] = ()


class Decorator:
    """A mark to put on a function or class, or to be called for one with arguments."""

    def __init__(self, mark: Mark) -> None:
        self.mark = mark

    def __call__(self, *args: Value, **kwargs: Value) -> Value:
        """The function or class, marked, or the mark with these arguments."""
        if len(args) == 1 and not kwargs and (inspect.isroutine(args[0]) or isinstance(args[0], type)):
            _put(args[0], self.mark)
            return args[0]
        return self.with_args(*args, **kwargs)

    def with_args(self, *args: Value, **kwargs: Value) -> "Decorator":
        """The mark with these arguments, also where the only one is a function."""
        return Decorator(Mark(self.mark.name, self.mark.args + args, self.mark.kwargs | kwargs))


class Marker:
    """`pytest.mark`: any name is a mark; those that nobody knows say nothing."""

    def __getattr__(self, name: str) -> Decorator:
        if name.startswith("_"):
            raise AttributeError(name)
        return Decorator(Mark(name))


def param(*values: Value, marks: Value = (), id: object = None) -> Parameters:  # noqa: A002  # as in pytest
    """`pytest.param`."""
    return Parameters(values, tuple(_marks(marks)))


def marks_of(thing: Value) -> list[Mark]:
    """The marks of a function, of a class with its bases, or of a module given by its names."""
    if isinstance(thing, dict):
        return list(_marks(thing.get("pytestmark", ())))
    if isinstance(thing, type):
        return [mark for base in reversed(thing.__mro__) for mark in _marks(vars(base).get("pytestmark", ()))]
    return list(_marks(getattr(thing, "pytestmark", ())))


def parameter_sets(mark: Mark, test: str) -> tuple[list[str], list[Parameters], set[str]]:
    """Of a mark `parametrize`: the names, their values for each run, and the names that go to fixtures."""
    named = dict(zip(("argnames", "argvalues", "indirect"), mark.args, strict=False)) | mark.kwargs
    if not {"argnames", "argvalues"} <= named.keys():
        raise BadTests(f"{test}: parametrize needs names and values")
    names = named["argnames"]
    keys = [name.strip() for name in names.split(",") if name.strip()] if isinstance(names, str) else list(names)
    single = isinstance(names, str) and len(keys) == 1
    rows = [_row(value, single=single) for value in named["argvalues"]]
    for row in rows:
        if len(row.values) != len(keys):
            raise BadTests(f"{test}: parametrize names {len(keys)} parameters and gives {len(row.values)} values")
    indirect = named.get("indirect", False)
    return keys, rows, (set(keys) if indirect else set()) if isinstance(indirect, bool) else set(indirect)


def left_out(marks: list[Mark], names: dict[str, Value]) -> str | None:
    """Why a test with these marks is not judged: skipped, or expected to fail; None for a test that is."""
    for mark in marks:
        if mark.name not in ("skip", "skipif", "xfail"):
            continue
        conditions = () if mark.name == "skip" else mark.args or tuple(_given(mark, "condition"))
        if not conditions or any(_holds(condition, names) for condition in conditions):
            what = "expected to fail" if mark.name == "xfail" else "skipped"
            return f"{what}: {mark.kwargs.get('reason', mark.args[0] if mark.name == 'skip' and mark.args else '')}"
    return None


def _given(mark: Mark, name: str) -> Iterator[Value]:
    if name in mark.kwargs:
        yield mark.kwargs[name]


def _holds(condition: Value, names: dict[str, Value]) -> bool:
    """A condition may be an expression in a text, which pytest works out among the module's names."""
    if isinstance(condition, str):
        import platform

        return bool(eval(condition, {"os": os, "sys": sys, "platform": platform} | names))
    return bool(condition)


def _row(value: Value, *, single: bool) -> Parameters:
    if isinstance(value, Parameters):
        return value
    return Parameters((value,) if single else tuple(value))


def _marks(value: Value) -> Iterator[Mark]:
    for one in value if isinstance(value, (list, tuple)) and not isinstance(value, Mark) else [value]:
        if isinstance(one, (Decorator, Mark)):
            yield one.mark if isinstance(one, Decorator) else one


def _put(thing: Value, mark: Mark) -> None:
    thing = thing.__func__ if isinstance(thing, (staticmethod, classmethod)) else thing
    own = vars(thing).get("pytestmark", [])
    thing.pytestmark = [*_marks(own), mark]
