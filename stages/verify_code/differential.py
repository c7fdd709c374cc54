"""Whether a program does what a trusted reference does: a suite turned into suites that compare the two.

They make the old one's calls, or give its input, and further ones near those. A test of them passes where both do the
same, whatever the old test said of it. They run in the sandbox like any other; what compares is `side_by_side.py`.
"""

import inspect
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from stages.sandbox.jobs import (
    DataTests,
    InProcessTests,
    SplitTests,
    StdioCase,
    StdioTests,
    SuiteTests,
    Tests,
)
from stages.verify_code import side_by_side

NEAR: Final = 64
"""Tests on inputs near those of the suite, dealt out over its cases; our choice."""
_NEAR_A_CALL: Final = 32
_NEAR_SCRIPTS: Final = 16
"""Fewer, since each runs in two processes of its own."""

_LOADED: Final = """
import types
_twins = types.ModuleType("_twins")
exec({driver!r}, _twins.__dict__)
"""
_CHECKER: Final = """
def check(given, output, expected):
    return _twins.prints_alike({reference!r}, given, output)
"""
_CONSTRUCTORS: Final = """
import datetime
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
nan, inf = float("nan"), float("inf")
"""


def differential(tests: Tests, reference: str, entry: str | None) -> Tests | None:
    """A suite that compares a program with `reference` on every input of `tests`; None where that cannot be done.

    As many tests as `tests` has, in the same order. Equal is what == says, NaN equals NaN, exceptions are compared by
    type, and so are changes that a call makes in its arguments. In-process tests are not compared.
    """
    if isinstance(tests, StdioTests):
        return replace(tests, checker=_checker(reference))
    if isinstance(tests, SuiteTests):
        return replace(tests, source=_start(reference, entry) + _imported(tests))
    return _split(tests, [(place, ()) for place in range(len(_codes(tests)))], reference, entry)


def nearby(tests: Tests, reference: str, entry: str | None) -> Tests | None:
    """The same on at most NEAR inputs near those of `tests`; a suite keeps its tests, which make each call repeatedly.

    Near are values that differ in one to three small places. A call that the reference refuses is passed over.
    """
    if isinstance(tests, StdioTests):
        near = tuple(_near(tests.cases[place], seed) for place, seed in _dealt(_NEAR_SCRIPTS, len(tests.cases)))
        return replace(tests, cases=near, checker=_checker(reference))
    if isinstance(tests, SuiteTests):
        return replace(tests, source=_start(reference, entry, tuple(range(_NEAR_A_CALL))) + _imported(tests))
    return _split(tests, [(place, (seed,)) for place, seed in _dealt(NEAR, len(_codes(tests)))], reference, entry)


def _split(
    tests: Tests, chosen: Sequence[tuple[int, tuple[int, ...]]], reference: str, entry: str | None
) -> SplitTests | None:
    """Some of the cases, each with the seeds of what is tried near its calls."""
    if isinstance(tests, InProcessTests):
        return None
    codes = _codes(tests)
    return SplitTests(
        setup=_start(reference, entry) + _executed(tests.setup if isinstance(tests, SplitTests) else _CONSTRUCTORS),
        cases=tuple(f"_side_by_side.case({codes[place]!r}, {seeds!r})" for place, seeds in chosen),
    )


def _codes(tests: Tests) -> Sequence[str]:
    """Cases as code; a value that cannot be written so makes no call, and is not compared."""
    if isinstance(tests, DataTests):
        return [f"candidate(*{case.args!r}, **{dict(case.kwargs)!r})" for case in tests.cases]
    return tests.cases if isinstance(tests, SplitTests) else ()


def _start(reference: str, entry: str | None, near: tuple[int, ...] = ()) -> str:
    start = f"_side_by_side = _twins.SideBySide({reference!r}, {entry!r}, globals(), {near!r})\n"
    return _LOADED.format(driver=_driver()) + start


def _checker(reference: str) -> str:
    return _LOADED.format(driver=_driver()) + _CHECKER.format(reference=reference)


def _imported(tests: SuiteTests) -> str:
    return f"_side_by_side.offer_modules({tests.modules!r})\n" + _executed(tests.source)


@cache
def _driver() -> str:
    return inspect.getsource(side_by_side)


def _executed(source: str) -> str:
    return f"_side_by_side.execute({source!r})\n"


def _dealt(count: int, length: int) -> list[tuple[int, int]]:
    """For each near test the place of its case and a seed; none without cases."""
    return [(number % length, number) for number in range(count)] if length else []


def _near(case: StdioCase, seed: int) -> StdioCase:
    """The input with one of its numbers changed a little; a script that cannot read it is not compared."""
    rng = random.Random(seed)
    numbers = list(re.finditer(r"-?\d+", case.stdin))
    if not numbers:
        return case
    one = rng.choice(numbers)
    changed = str(int(one[0]) + rng.choice([-1, 1, 2]))
    return replace(case, stdin=case.stdin[: one.start()] + changed + case.stdin[one.end() :])
