"""The tests of a row, sorted by kind but not yet in the form in which the sandbox runs them.

What makes them of a row's columns is `forms.py`, what makes a suite of them `building.py`.
"""

from dataclasses import dataclass, field
from typing import Final

from stages.sandbox.frames import Value
from stages.sandbox.jobs import StdioCase

UNKNOWN: Final = object()
"""Stands for an expected value that the row does not give."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the entry point; `expected` may be UNKNOWN."""

    args: tuple[Value, ...]
    kwargs: tuple[tuple[str, Value], ...] = ()
    expected: Value = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls with what they should give.

    `entry_point` where the tests name it. `tuples_as_lists`: an expected list may stand for a tuple, since JSON and
    tables have none.
    """

    calls: tuple[Call, ...]
    names: tuple[str, ...]
    entry_point: str | None = None
    tuples_as_lists: bool = False


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Arguments alone, whose expected values the reference gives; `oracle` names a comparison of its own."""

    inputs: tuple[tuple[Value, ...], ...]
    names: tuple[str, ...]
    atol: float
    rtol: float
    oracle: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """What scripts read, and what they should print."""

    cases: tuple[StdioCase, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Snippets:
    """Pieces of code, each a test of its own; `setup` runs before."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Code that holds tests in one of several styles; `setup` runs before."""

    source: str
    setup: str = field(default="")


Material = Calls | Inputs | Scripts | Snippets | Code


def numbers(count: int, before: str = "") -> tuple[str, ...]:
    """Names for tests that have none: their places, from 0."""
    return tuple(f"{before}{number}" for number in range(count))
