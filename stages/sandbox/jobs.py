"""What goes into the sandbox: a program, and tests in one of five forms.

Each form is one mode; which one a problem has is chosen by whoever makes the rows. In all but `InProcessTests` the
program cannot see the tests, and cannot change what is said about it.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stages.core.errors import DataError
from stages.sandbox import frames
from stages.sandbox.codec import NotPlain, deep_recursion, encode, too_large
from stages.sandbox.decode import decode
from stages.sandbox.frames import Value

MAX_SOURCE = 8 << 20
"""Characters of a program."""
MAX_TESTS = 12 << 20
"""Bytes of tests that are code, or of a checker with its longest case, as they cross; the rest of a frame is for what
a program prints and for names."""
_MAX_NAME = 1000

Comparison = Literal["python", "strict", "approx", "set", "multiset"]
OutputComparison = Literal["exact", "tokens"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Foreign code. `entry_point` names the function that tests call; None for a script that reads stdin."""

    source: str
    entry_point: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of the entry point, and what it should give. Raises DataError for values beyond the codec's caps."""

    args: tuple[Value, ...] = ()
    expected: Value = None
    kwargs: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is nested so deep that to compare it would end our own process, and what holds itself."""
        for what, value in (("arguments", self.args), ("arguments", self.kwargs), ("expected value", self.expected)):
            if (problem := too_large(value)) is not None:
                raise DataError(f"a test's {what} cannot be compared: {problem}. Leave the test out.")


@dataclass(frozen=True, kw_only=True)
class DataTests:
    """Mode `data`: calls and expected values, compared outside (compare.py). `rtol`, `atol` for "approx".

    Raises DataError for arguments that cannot cross.
    """

    cases: tuple[Case, ...]
    compare: Comparison = "python"
    rtol: float = 1e-6
    atol: float = 1e-9

    def __post_init__(self) -> None:
        """Refuse arguments that are not plain data, or too long for a frame."""
        try:
            with deep_recursion():
                longest = max((len(frames.pack(["c", 0, "", *call])) for call in self.calls), default=0)
        except NotPlain as error:
            raise DataError(f"a test's arguments are not plain data: {error}. Use split tests for them.") from None
        except frames.ProtocolError:
            longest = frames.MAX_FRAME
        if longest + 12 * _MAX_NAME + 100 > frames.MAX_FRAME:
            raise DataError(f"a test's arguments take more than {frames.MAX_FRAME} bytes. Leave the test out.")

    @cached_property
    def calls(self) -> tuple[tuple[Value, Value], ...]:
        """Arguments of each case as they cross."""
        return tuple((encode(list(case.args)), encode(dict(case.kwargs))) for case in self.cases)

    @cached_property
    def expected(self) -> tuple[Value, ...]:
        """The expected value of each case as it would come back from a program; as it is where it cannot cross."""
        return tuple(_crossed(case.expected) for case in self.cases)

    def packed(self, entry: str | None, first: int) -> bytes:
        """The frames that call `entry` with the cases from `first` on; kept, as many programs have the same tests."""
        if (entry, first) not in self._packed:
            calls = enumerate(self.calls[first:], start=1)
            self._packed.clear()
            self._packed[entry, first] = b"".join(frames.pack(["c", turn, entry, *call]) for turn, call in calls)
        return self._packed[entry, first]

    @cached_property
    def _packed(self) -> dict[tuple[str | None, int], bytes]:
        return {}


@dataclass(frozen=True, kw_only=True)
class SplitTests:
    """Mode `split`: code that calls the entry point, also as `candidate`. Each case is a test of its own.

    `setup` runs before: the problem's text with its auxiliary functions, imports, a `check` function. Each case runs
    among its own copy of the names that the set-up leaves. Raises DataError for a case without a statement.
    """

    cases: tuple[str, ...]
    setup: str = ""

    def __post_init__(self) -> None:
        """Refuse a case of nothing, which every program passes, and tests that are too long to cross."""
        for number, case in enumerate(self.cases):
            if not any(line and not line.startswith("#") for line in map(str.strip, case.splitlines())):
                raise DataError(f"test {number} has no statement, so that every program passes. Remove or complete it.")
        _refuse_long("the tests", [self.setup, *self.cases])


@dataclass(frozen=True, kw_only=True)
class SuiteTests:
    """Mode `suite`: unittest or pytest style. `modules`: the names under which the suite imports the solution."""

    source: str
    modules: tuple[str, ...] = ("solution",)

    def __post_init__(self) -> None:
        """Refuse a suite that is too long to cross."""
        _refuse_long("the suite", [self.source, *self.modules])


@dataclass(frozen=True, kw_only=True)
class StdioCase:
    """What a script reads, and what it should print; bytes that are no UTF-8 as Python's "surrogateescape" has them."""

    stdin: str
    expected: str

    def __post_init__(self) -> None:
        """Refuse texts that no file can hold."""
        for what, text in (("input", self.stdin), ("expected output", self.expected)):
            try:
                text.encode("utf-8", "surrogateescape")
            except UnicodeEncodeError as error:
                raise DataError(
                    f"a test's {what} holds {text[error.start]!a}, half a character, which no file can hold. "
                    "Leave the test out."
                ) from None


@dataclass(frozen=True, kw_only=True)
class StdioTests:
    """Mode `stdio`: scripts. "tokens" compares at white space, numbers within the tolerances.

    `checker` is code that defines check(input, output, expected), run in its own sandbox, in place of a comparison.
    """

    cases: tuple[StdioCase, ...]
    compare: OutputComparison = "exact"
    rtol: float = 0.0
    atol: float = 0.0
    checker: str | None = None

    def __post_init__(self) -> None:
        """Refuse an expected output of nothing, which every silent program gives, and texts too long for a checker."""
        if self.checker is None and not all(case.expected.strip() for case in self.cases):
            raise DataError("a test expects no output at all, which any silent program gives. Remove or complete it.")
        if self.checker is not None:
            for case in self.cases:
                _refuse_long("a test with its checker", [self.checker, case.stdin, case.expected])

    @cached_property
    def checker_faults(self) -> dict[StdioCase, str]:
        """What the checker raises for a case whatever the output, "" for nothing; found by those who ask it."""
        return {}


@dataclass(frozen=True, kw_only=True)
class InProcessTests:
    """Mode `inproc`, only by name: tests that need the solution's own classes run in its process.

    The program can forge the result, so every verdict is flagged `trust="inproc"`.
    """

    tests: SplitTests | SuiteTests


def _refuse_long(what: str, texts: list[str]) -> None:
    # A character takes at most twelve bytes in a frame, so that few tests need to be packed to know.
    if 12 * sum(map(len, texts)) + 100 > MAX_TESTS:
        length = 0 if sum(map(len, texts)) > MAX_TESTS else len(json.dumps(texts))
        if not 0 < length <= MAX_TESTS:
            raise DataError(f"{what} is longer than the {MAX_TESTS} bytes that can cross. Shorten or split it.")


def _crossed(value: Value) -> Value:
    try:
        return decode(encode(value))
    except (NotPlain, frames.ProtocolError):
        return value


Tests = DataTests | SplitTests | SuiteTests | StdioTests | InProcessTests


def program_problem(program: Program) -> tuple[str, str] | None:
    """What keeps a program from being run at all, as (status, detail): nothing in it, or too much."""
    if not program.source.strip():
        return "no_code", "the program is empty"
    if len(program.entry_point or "") > _MAX_NAME:
        return "no_entry_point", f"the entry point's name is longer than {_MAX_NAME} characters"
    too_long = len(program.source) > MAX_SOURCE
    if not too_long and 12 * (len(program.source) + _MAX_NAME) > frames.MAX_FRAME:
        # A character takes at most twelve bytes in a frame, so that few programs need to be packed to know.
        try:
            frames.pack(["program", program.source, program.entry_point])
        except frames.ProtocolError:
            too_long = True
    return ("syntax_error", f"the program is longer than {MAX_SOURCE} characters") if too_long else None
