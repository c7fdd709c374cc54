"""What a stranger is, the tests that most of them face, and how one is put into the table.

A stranger is a program by somebody who had not read the sandbox. Each has the statuses that describe it rightly and the
tests that it may pass. No test library is imported: the unprivileged run has the bare interpreter.
"""

# ruff: noqa: E501 - a program in one line is read as one thing

from dataclasses import dataclass, replace

from stages.sandbox.jobs import Case, DataTests, SplitTests, StdioCase, StdioTests, SuiteTests, Tests
from stages.sandbox.limits import Limits
from stages.sandbox.verdict import Status

LIMITS = Limits(test_cpu=0.4, program_cpu=0.8, memory=256 << 20)
PATIENCE_S = 25.0
"""A verdict that takes longer is a hang: the limits above allow under a second of CPU time."""


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """One program, its tests, the statuses that are right for it, and the tests that it may (honest: must) pass.

    `then` is a program that runs right after it and must not notice. `slow`: it ends by a time limit.
    """

    name: str
    kind: str
    tests: Tests
    source: str
    want: frozenset[Status]
    entry_point: str | None = "add"
    passes: frozenset[int] = frozenset()
    honest: bool = False
    slow: bool = False
    then: "Stranger | None" = None


DONE = frozenset({Status.DONE})
ENDED = frozenset({Status.CRASH, Status.LOAD_ERROR})
STOPPED = frozenset({Status.CRASH, Status.LOAD_ERROR, Status.PROTOCOL_ERROR, Status.TIMEOUT, Status.MEMORY})
TIMEOUT = frozenset({Status.TIMEOUT})
SYNTAX = frozenset({Status.SYNTAX_ERROR})
NO_ENTRY = frozenset({Status.NO_ENTRY_POINT})
FLOOD = frozenset({Status.OUTPUT_LIMIT})
ANY = DONE | STOPPED | FLOOD
"""Anything that speaks of the program: never an error of the tests, which would leave the row out."""


# --- tests -----------------------------------------------------------------------------------------------------------

ADD_SPLIT = SplitTests(
    setup="def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-4, 4) == 0\n",
    cases=("check(candidate)", "assert add(2, 2) == 4", "assert candidate(10, -3) == 7"),
)
ADD_DATA = DataTests(cases=(Case(args=(1, 2), expected=3), Case(args=(5, 5), expected=10)))
ADD_STRICT = DataTests(cases=(Case(args=(1, 0), expected=1), Case(args=(0, 0), expected=0)), compare="strict")
ADD_UNITTEST = SuiteTests(
    source="""\
import unittest
from solution import add
class Adding(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(add(1, 2), 3)
        self.assertTrue(add(20, 1) == 21)
    def test_type(self):
        with self.assertRaises(TypeError):
            add(1, None)
    def test_in(self):
        self.assertIn(add(1, 1), [2])
"""
)
ADD_PYTEST = SuiteTests(
    source="""\
import pytest
import solution
@pytest.mark.parametrize("a, b, total", [(1, 2, 3), (4, 5, 9)])
def test_sum(a, b, total):
    assert solution.add(a, b) == total
def test_type():
    with pytest.raises(TypeError):
        solution.add(1, None)
"""
)
NUMBERS = DataTests(
    cases=(
        Case(args=([1.0, 2.0],), expected=[0.5, 1.0]),
        Case(args=([4.0],), expected=[float("inf")]),
        Case(args=([0.0, 0.0],), expected=3.0),
    ),
    compare="approx",
)
WORDS_SET = DataTests(
    cases=(Case(args=("b a",), expected=["a", "b"]), Case(args=("x",), expected=["x"])), compare="set"
)
WORDS_MULTISET = DataTests(
    cases=(Case(args=("b a b",), expected=["a", "b", "b"]), Case(args=("x",), expected=["x"])), compare="multiset"
)
ORDERED = SplitTests(
    setup="import copy\ndef fresh():\n    return [3, 1, 2]\n",
    cases=(
        "assert add(fresh()) == [1, 2, 3]",
        "given = fresh(); want = sorted(given); assert add(given) == want",
        "given = {'k': fresh()}; kept = copy.deepcopy(given); add(given['k']); assert kept['k'] == [3, 1, 2] and add([9]) == [9]",
    ),
)
TOKENS = ("EXPECT-0a94c1e7bb25d830", "EXPECT-5f03d2a8e1907c64", "EXPECT-c6b8135f9e2d704a")
TOKEN_DATA = DataTests(cases=tuple(Case(args=(i,), expected=token) for i, token in enumerate(TOKENS)))
TOKEN_SPLIT = SplitTests(
    setup=f"WANT = {TOKENS!r}\n",
    cases=tuple(f"assert add({i}) == WANT[{i}] == {token!r}" for i, token in enumerate(TOKENS)),
)
TOKEN_SUITE = SuiteTests(
    source="import unittest\nfrom solution import add\nclass Reading(unittest.TestCase):\n"
    + "".join(f"    def test_{i}(self):\n        self.assertEqual(add({i}), {t!r})\n" for i, t in enumerate(TOKENS))
)
TOKEN_STDIO = StdioTests(cases=tuple(StdioCase(stdin=f"{i}\n", expected=f"{t}\n") for i, t in enumerate(TOKENS)))
SUM_STDIO = StdioTests(cases=(StdioCase(stdin="1 2\n", expected="3\n"), StdioCase(stdin="40 2\n", expected="42\n")))
SUM_TOKENS = StdioTests(cases=SUM_STDIO.cases, compare="tokens", rtol=1e-6)
SUM_CHECKED = replace(
    SUM_STDIO,
    checker="def check(input, output, expected):\n    try:\n        return int(output) == sum(map(int, input.split()))\n    except ValueError:\n        return False\n",
)
SUM_EVAL = replace(
    SUM_STDIO,
    checker="def check(input, output, expected):\n    try:\n        value = eval(output)\n    except Exception:\n        return False\n    return type(value) is int and value == int(expected)\n",
)
SUM_BARE = replace(SUM_STDIO, checker="def check(input, output, expected):\n    return int(output) == int(expected)\n")
SUM_JSON = replace(
    SUM_STDIO,
    checker="import json\ndef check(input, output, expected):\n    return json.loads(output)['sum'] == int(expected)\n",
)

# --- beginnings of programs ------------------------------------------------------------------------------------------

MARK = """\
import os, sys, ctypes, time, socket, signal
MARKS = []
def mark(what):
    MARKS.append("ESC" + "APE_" + what)
def add(*_):
    raise RuntimeError(" ".join(MARKS)[:300] or "nothing gained")
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
call = libc.syscall
CANARY, HARNESS, PORT, NAME = "@CANARY@", @HARNESS@, @PORT@, "\\0@NAME@"
"""
"""What a program gained it raises in each test, so that it stands in the verdict."""

HUNT = """\
import os, re, sys
PATTERN = re.compile(rb"EXPECT-[0-9a-f]{16}")
FOUND = []
def look(thing):
    blob = thing if isinstance(thing, bytes) else repr(thing).encode("utf-8", "replace")
    FOUND.extend(x.decode() for x in PATTERN.findall(blob) if x.decode() not in FOUND)
def add(i=0):
    try:
        search()
    except BaseException as error:
        if not FOUND:
            raise
    return sorted(FOUND)[i % len(FOUND)] if FOUND else None
"""
"""Looks for the expected values and returns what it finds; expected values sort as their tests do."""

WALK = """\
def search():
    for root in ("/proc/self", "/proc/%d" % os.getppid(), "/proc/@HARNESS@", "/proc/1"):
        for name in ("environ", "cmdline", "maps", "mountinfo", "stat"):
            try:
                look(open(root + "/" + name, "rb").read())
            except OSError:
                pass
"""

AT_LOAD = "\nif 'add' not in globals():\n    def add(*_): return None\n"
"""Ends a program that has done its deed while it was loaded."""

STRANGERS: list[Stranger] = []


def hostile(
    name: str,
    kind: str,
    tests: Tests,
    source: str,
    want: frozenset[Status] = DONE,
    *,
    passes: tuple[int, ...] = (),
    slow: bool = False,
    entry_point: str | None = "add",
    then: Stranger | None = None,
) -> Stranger:
    """A program that must pass no test but `passes`; scripts have no entry point."""
    entry = None if isinstance(tests, StdioTests) else entry_point
    stranger = Stranger(
        name=name,
        kind=kind,
        tests=tests,
        source=source,
        want=want,
        entry_point=entry,
        passes=frozenset(passes),
        slow=slow,
        then=then,
    )
    STRANGERS.append(stranger)
    return stranger


def honest(name: str, tests: Tests, source: str, *, entry_point: str | None = "add", follows: bool = False) -> Stranger:
    """An unusual program that must pass every test; `follows`: it is only ever run after another."""
    entry = None if isinstance(tests, StdioTests) else entry_point
    stranger = Stranger(name=name, kind="honest", tests=tests, source=source, want=DONE, entry_point=entry, honest=True)
    if not follows:
        STRANGERS.append(stranger)
    return stranger


def poison(
    name: str, first: str, then: Stranger, tests: Tests = ADD_DATA, *, slow: bool = False, passes: tuple[int, ...] = ()
) -> None:
    """A program that tries to change what becomes of the next."""
    hostile(name, "poison", tests, first + AT_LOAD, ANY, slow=slow, then=then, passes=passes)


def relay(name: str, first: str, second: str, *, slow: bool = False) -> None:
    """A program that leaves a word for the next, which answers rightly only if it finds it."""
    lazy = Stranger(name=name, kind="poison", tests=ADD_DATA, source=second, want=ANY)
    hostile(name, "poison", ADD_DATA, first + AT_LOAD, ANY, slow=slow, then=lazy)


PLAIN = honest("plain", ADD_DATA, "def add(a, b):\n    return a + b\n", follows=True)
PLAIN_BY_TESTS = {
    "split": honest("plain_split", ADD_SPLIT, PLAIN.source, follows=True),
    "unittest": honest("plain_unittest", ADD_UNITTEST, PLAIN.source, follows=True),
    "pytest": honest("plain_pytest", ADD_PYTEST, PLAIN.source, follows=True),
    "stdio": honest("plain_stdio", SUM_STDIO, "print(sum(map(int, input().split())))\n", follows=True),
    "checked": honest("plain_checked", SUM_CHECKED, "print(sum(map(int, input().split())))\n", follows=True),
}
WRONG_CHECKED = Stranger(
    name="wrong", kind="poison", tests=SUM_CHECKED, source="print(7)\n", want=DONE, entry_point=None
)
