"""How a test of a unittest case is found and run: what the case says of it, as exceptions.

unittest is loaded by suites that use it, and by no other process.
"""

import ast
import inspect
import sys
from collections.abc import Callable
from typing import Final

from stages.sandbox.awaiting import settle
from stages.sandbox.frames import Value
from stages.sandbox.nodes import nodes_of
from stages.sandbox.outcomes import Failed, Skipped

_OF_THE_PROGRAM: Final = ("assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs")


def beyond(source: str) -> str | None:
    """The first thing in code that looks at what the program's process warns or logs, which does not cross."""
    if not any(name in source for name in _OF_THE_PROGRAM):
        return None
    return next(
        (one.attr for one in nodes_of(source) if isinstance(one, ast.Attribute) and one.attr in _OF_THE_PROGRAM), None
    )


def is_case(thing: Value) -> bool:
    """Whether a class is a unittest case."""
    return "unittest" in sys.modules and issubclass(thing, sys.modules["unittest"].TestCase)


def names_of(case: Value) -> list[str]:
    """The methods that are tests, in unittest's order."""
    names = list(sys.modules["unittest"].TestLoader().getTestCaseNames(case))
    return names or [name for name in ("runTest",) if hasattr(case, name)]


def skipped(thing: Value) -> str | None:
    """Why a test or a class is not judged, where a decorator of unittest's skips it."""
    if getattr(thing, "__unittest_skip__", False) is True:
        return f"skipped: {getattr(thing, '__unittest_skip_why__', '')}"
    return None


def left_out(case: Value, method: Value) -> str | None:
    """Why a test of a case is not judged, where decorators say so."""
    for thing in (case, method):
        if (why := skipped(thing)) is not None:
            return why
        if getattr(thing, "__unittest_expecting_failure__", False) is True:
            return "expected to fail"
    return None


def run(instance: Value) -> None:
    """Run the test that a case is made for; raises the first thing that goes wrong, and Skipped."""
    name = instance._testMethodName
    method = getattr(instance, name)
    awaits_itself = hasattr(instance, "asyncSetUp") and inspect.iscoroutinefunction(method)
    if not awaits_itself:
        instance.__dict__[name] = _settled(method)
    notes = _Notes()
    instance.run(notes)
    for error in notes.problems:
        if not isinstance(error, Skipped):
            raise error
    for reason in notes.skips:
        raise Skipped(f"skipped: {reason}")
    if notes.problems:
        raise notes.problems[0]


def _settled(method: Callable[[], object]) -> Callable[[], None]:
    return lambda: settle(method())


class _Notes:
    """What unittest asks of a result."""

    failfast: Final = False
    shouldStop: Final = False  # noqa: N815  # unittest's own name

    def __init__(self) -> None:
        self.problems: list[BaseException] = []
        self.skips: list[str] = []

    def startTest(self, test: Value) -> None:  # noqa: N802  # likewise
        """Nothing to note."""

    stopTest = addSuccess = startTest  # noqa: N815

    def addDuration(self, test: Value, elapsed: float) -> None:  # noqa: N802
        """Nothing to note."""

    def addError(self, test: Value, error: Value) -> None:  # noqa: N802
        """An exception in the test or around it."""
        self.problems.append(error[1])

    addFailure = addError  # noqa: N815

    def addSubTest(self, test: Value, subtest: Value, error: Value) -> None:  # noqa: N802
        """One part of the test, with what went wrong in it or None."""
        if error is not None:
            self.problems.append(error[1])

    def addSkip(self, test: Value, reason: str) -> None:  # noqa: N802
        """The test leaves itself out."""
        self.skips.append(reason)

    def addExpectedFailure(self, test: Value, error: Value) -> None:  # noqa: N802
        """It failed, as it was expected to, and says nothing."""
        self.skips.append("expected to fail")

    def addUnexpectedSuccess(self, test: Value) -> None:  # noqa: N802
        """It passed against its own word."""
        self.problems.append(Failed("passes, though it is expected to fail"))
