"""What comes out of the sandbox: an outcome for each test, a status for the program, and what it used.

What varies between two runs, time and memory, is kept apart in `Usage`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from stages.sandbox.frames import Value
from stages.sandbox.layers import Layer, Level

MAX_DETAIL: Final = 500
"""Characters of a detail."""


class Outcome(StrEnum):
    """What became of one test. Only PASS is a pass."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    NOT_PLAIN = "not_plain"
    OUTPUT_LIMIT = "output_limit"
    PROTOCOL_ERROR = "protocol_error"
    NOT_RUN = "not_run"


class Status(StrEnum):
    """What became of the program: DONE where every test ran to its end, otherwise what stopped it first."""

    DONE = "done"
    NO_CODE = "no_code"
    NO_ENTRY_POINT = "no_entry_point"
    SYNTAX_ERROR = "syntax_error"
    LOAD_ERROR = "load_error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    OUTPUT_LIMIT = "output_limit"
    PROTOCOL_ERROR = "protocol_error"
    TESTER_ERROR = "tester_error"
    """The tests themselves do not run: nothing is said about the program."""


Mode = Literal["data", "split", "suite", "stdio", "inproc"]


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """One test: its name or number, its outcome, and at most 500 characters that say why."""

    test: str
    outcome: Outcome
    detail: str = ""

    def __post_init__(self) -> None:
        """Escape what the program and its tests may have said: names, and at most MAX_DETAIL characters of detail."""
        object.__setattr__(self, "test", escaped(self.test))
        object.__setattr__(self, "detail", escaped(self.detail)[:MAX_DETAIL])


class Answer(NamedTuple):
    """What a program gives for one input: its return value or printed text where `outcome` is PASS, else None.

    PASS means that it answered, not that the answer is right. `detail` says why there is none.
    """

    outcome: Outcome
    value: Value | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a verdict took: summed over the program's processes, memory as their largest. Varies between runs."""

    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    max_rss_kb: int = 0
    near_limit: bool = False
    """Whether a test came within a fifth of its time limit, so that another run may end otherwise."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known of one program and its tests.

    `trust` is "full", or "inproc" where the program could forge its result. `signal` is what ended its process, 0 if
    none did. `stderr_head`: the first 2 KB that it printed on stderr, control characters escaped.
    """

    status: Status
    results: tuple[CaseResult, ...]
    mode: Mode
    level: Level
    layers: tuple[Layer, ...]
    detail: str = ""
    trust: Literal["full", "inproc"] = "full"
    signal: int = 0
    stderr_head: str = ""
    usage: Usage = Usage()

    def __post_init__(self) -> None:
        """Escape the detail, as those of the results."""
        object.__setattr__(self, "detail", escaped(self.detail)[:MAX_DETAIL])

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(result.outcome is Outcome.PASS for result in self.results)

    @property
    def all_passed(self) -> bool:
        """Whether there are tests and every one passed."""
        return bool(self.results) and self.passed == len(self.results)


def printable(data: bytes, most: int = 2048) -> str:
    """The first bytes of foreign output, with whatever a terminal would act upon escaped."""
    return escaped(data[:most].decode("utf-8", "backslashreplace"))


def escaped(text: str) -> str:
    """A foreign text that can be shown and stored: control characters and lone surrogates as their escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
