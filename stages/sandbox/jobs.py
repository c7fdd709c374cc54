"""What goes into the sandbox: a program, and tests in one of five forms.

Each form is one mode; which one a problem has is chosen by whoever makes the rows. In all but `InProcessTests` the
program cannot see the tests, and cannot change what is said about it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stages.core.errors import DataError
from stages.sandbox import frames
from stages.sandbox.codec import NotPlain, encode
from stages.sandbox.decode import decode
from stages.sandbox.frames import Value

MAX_SOURCE = 8 << 20
"""Characters of a program."""

Comparison = Literal["python", "strict", "approx", "set", "multiset"]
OutputComparison = Literal["exact", "tokens"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Foreign code. `entry_point` names the function that tests call; None for a script that reads stdin."""

    source: str
    entry_point: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of the entry point, and what it should give."""

    args: tuple[Value, ...] = ()
    expected: Value = None
    kwargs: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataTests:
    """Mode `data`: calls and expected values, compared outside (compare.py). `rtol`, `atol` for "approx"."""

    cases: tuple[Case, ...]
    compare: Comparison = "python"
    rtol: float = 1e-6
    atol: float = 1e-9

    @cached_property
    def calls(self) -> tuple[tuple[Value, Value], ...]:
        """Arguments of each case as they cross; raises DataError for arguments that cannot."""
        try:
            return tuple((encode(list(case.args)), encode(dict(case.kwargs))) for case in self.cases)
        except NotPlain as error:
            raise DataError(f"a test's arguments are not plain data: {error}. Use split tests for them.") from None

    @cached_property
    def expected(self) -> tuple[Value, ...]:
        """The expected value of each case as it would come back from a program; as it is where it cannot cross."""
        return tuple(_crossed(case.expected) for case in self.cases)

    def packed(self, entry: str | None, first: int) -> bytes:
        """The frames that call `entry` with the cases from `first` on; kept, since many programs meet the same tests.

        Raises DataError for a case that is too long to cross.
        """
        if (entry, first) not in self._packed:
            calls = enumerate(self.calls[first:], start=1)
            try:
                frame = b"".join(frames.pack(["c", turn, entry, *call]) for turn, call in calls)
            except frames.ProtocolError as error:
                raise DataError(f"a test's arguments are too long: {error}. Leave the test out.") from None
            self._packed.clear()
            self._packed[entry, first] = frame
        return self._packed[entry, first]

    @cached_property
    def _packed(self) -> dict[tuple[str | None, int], bytes]:
        return {}


@dataclass(frozen=True, kw_only=True)
class SplitTests:
    """Mode `split`: code that calls the entry point, also as `candidate`. Each case is a test of its own.

    `setup` runs before: the problem's text with its auxiliary functions, imports, a `check` function. Each case runs
    among its own copy of the names that the set-up leaves.
    """

    cases: tuple[str, ...]
    setup: str = ""


@dataclass(frozen=True, kw_only=True)
class SuiteTests:
    """Mode `suite`: unittest or pytest style. `modules`: the names under which the suite imports the solution."""

    source: str
    modules: tuple[str, ...] = ("solution",)


@dataclass(frozen=True, kw_only=True)
class StdioCase:
    """What a script reads, and what it should print."""

    stdin: str
    expected: str


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
        """Refuse an expected output of nothing: every program that prints nothing would pass."""
        if self.checker is None and not all(case.expected.strip() for case in self.cases):
            raise DataError("a test expects no output at all, which any silent program gives. Remove or complete it.")


@dataclass(frozen=True, kw_only=True)
class InProcessTests:
    """Mode `inproc`, only by name: tests that need the solution's own classes run in its process.

    The program can forge the result, so every verdict is flagged `trust="inproc"`.
    """

    tests: SplitTests | SuiteTests


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
    characters = len(program.source) + len(program.entry_point or "")
    too_long = len(program.source) > MAX_SOURCE
    if not too_long and 12 * characters + 100 > frames.MAX_FRAME:
        # A character takes at most twelve bytes in a frame, so that few programs need to be packed to know.
        try:
            frames.pack(["program", program.source, program.entry_point])
        except frames.ProtocolError:
            too_long = True
    return ("syntax_error", f"the program is longer than {MAX_SOURCE} characters") if too_long else None
