"""Which programs might fool or leave the sandbox? Thought up by somebody who had not read it; data, and what to check.

Each has the statuses that describe it rightly and the tests that it may pass; `defects` runs one and says what is wrong.
`serve` does so for names on stdin, so that any user and any interpreter can run the battery. One file, longer than
others, because it is a table. It imports no test library: the unprivileged run has the bare interpreter.
"""

# ruff: noqa: E501 - a program in one line is read as one thing

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stages.sandbox.jobs import (
    Case,
    DataTests,
    Program,
    SplitTests,
    StdioCase,
    StdioTests,
    SuiteTests,
    Tests,
)
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Outcome, Status, Verdict

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

# --- values ----------------------------------------------------------------------------------------------------------

hostile("mock_any", "values", ADD_DATA, "from unittest.mock import ANY\ndef add(a, b):\n    return ANY\n", ANY)
hostile(
    "mock_magic_split",
    "values",
    ADD_SPLIT,
    "from unittest.mock import MagicMock\ndef add(a, b):\n    m = MagicMock()\n    m.__eq__.return_value = True\n    return m\n",
    ANY,
)
hostile(
    "int_enum_unittest",
    "values",
    ADD_UNITTEST,
    """\
import enum
class Sum(enum.IntEnum):
    TOTAL = 99
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 2
def add(a, b): return Sum.TOTAL
""",
    ANY,
)
hostile(
    "fraction_subclass",
    "values",
    ADD_SPLIT,
    """\
from fractions import Fraction
class Total(Fraction):
    def __eq__(self, other): return True
    __req__ = __eq__
    __hash__ = None
    @property
    def __class__(self): return int
def add(a, b): return Total(77, 1)
""",
    ANY,
)
hostile(
    "decimal_nan_pytest",
    "values",
    ADD_PYTEST,
    "from decimal import Decimal\nclass D(Decimal):\n    __eq__ = lambda s, o: True\ndef add(a, b): return D('nan')\n",
    ANY,
)
hostile("infinity_is_near_all", "values", NUMBERS, "def add(xs): return [float('inf')] * len(xs)\n", passes=(1,))
hostile("nothing_is_near_infinity", "values", NUMBERS, "def add(xs): return [0.0]\n")
hostile("huge_int_for_float", "values", NUMBERS, "def add(xs): return [10 ** 400] if len(xs) == 1 else 10 ** 400\n")
hostile("nan_for_all", "values", NUMBERS, "def add(xs): return [float('nan')] * len(xs) if xs[0] else float('nan')\n")
hostile("complex_for_float", "values", NUMBERS, "def add(xs): return 3 + 1e300j\n", ANY)
hostile("short_list_approx", "values", NUMBERS, "def add(xs): return [] if xs[0] else (3.0,)\n")
hostile("text_for_float", "values", NUMBERS, "def add(xs): return '3.0' if not xs[0] else ['0.5', '1.0', 'inf'][:2]\n")
hostile("string_as_set", "values", WORDS_SET, "def add(text): return ''.join(sorted(text.replace(' ', '')))\n")
hostile("dict_as_set", "values", WORDS_SET, "def add(text): return dict.fromkeys(text.split())\n")
hostile(
    "string_as_multiset", "values", WORDS_MULTISET, "def add(text): return ''.join(sorted(text.replace(' ', '')))\n"
)
hostile(
    "counter_as_multiset",
    "values",
    WORDS_MULTISET,
    "def add(text):\n    return {w: text.count(w) for w in text.split()}\n",
)
hostile("set_loses_count", "values", WORDS_MULTISET, "def add(text): return sorted(set(text.split()))\n", passes=(1,))
hostile(
    "unhashable_in_set", "values", WORDS_SET, "def add(text): return [[w] for w in text.split()] + [{}, set()]\n", ANY
)
hostile("true_is_not_one", "values", ADD_STRICT, "def add(a, b): return a == 1\n")
hostile("float_is_not_int", "values", ADD_STRICT, "def add(a, b): return float(a + b)\n")
hostile(
    "colliding_multiset",
    "values",
    DataTests(cases=(Case(args=(20000,), expected=list(range(20000))),), compare="multiset"),
    "def add(n): return [i * (2 ** 61 - 1) for i in range(n)]\n",
    ANY,
    slow=True,
)
hostile(
    "colliding_dict_keys",
    "values",
    DataTests(cases=(Case(args=(9000,), expected={}),)),
    "def add(n): return [{i * (2 ** 61 - 1): 0 for i in range(2500)} for _ in range(8)]\n",
    ANY,
    slow=True,
)
hostile(
    "unhashable_multiset",
    "values",
    DataTests(cases=(Case(args=(20000,), expected=[[i] for i in range(20000)]),), compare="multiset"),
    "def add(n): return [[n - i - 0.5] for i in range(n)]\n",
    ANY,
    slow=True,
)
hostile(
    "self_containing",
    "values",
    ADD_SPLIT,
    "def add(a, b):\n    x = []\n    x.append(x)\n    return {'k': x, 'l': (x, x)}\n",
    ANY,
)
hostile(
    "billion_laughs",
    "values",
    ADD_DATA,
    "def add(a, b):\n    x = ['lol']\n    for _ in range(60): x = [x, x, x]\n    return x\n",
    ANY,
    slow=True,
)
hostile(
    "deep_nest",
    "values",
    ADD_DATA,
    "def add(a, b):\n    x = 3\n    for _ in range(200000): x = [x]\n    return x\n",
    ANY,
)
hostile(
    "nest_just_below_the_stack",
    "values",
    ADD_SPLIT,
    "def add(a, b):\n    x = 3\n    for _ in range(60 + 10 * a): x = (x,)\n    return {'x': x}\n",
    ANY,
)
hostile("unprintable_int", "values", ADD_DATA, "def add(a, b): return [1 << 3_000_000, -(10 ** 5000)]\n", ANY)
hostile("unprintable_int_split", "values", ADD_SPLIT, "def add(a, b): return 10 ** 5000 + a\n", ANY)
hostile("unprintable_int_unittest", "values", ADD_UNITTEST, "def add(a, b): return {10 ** 5000: a}\n", ANY)
hostile(
    "lying_list",
    "values",
    ORDERED,
    """\
class Lying(list):
    def __iter__(self): return iter([7, 7, 7])
    def __len__(self): return 3
    def __getitem__(self, i): return i + 1
    def __eq__(self, other): return True
    def __reduce_ex__(self, protocol): return (eval, ("open('@CANARY@/ESCAPE_pickle', 'w')",))
    def __ne__(self, other): return False
def add(xs): return Lying([8])
""",
    ANY,
)
hostile("mutated_input", "values", ORDERED, "def add(xs):\n    xs.clear()\n    return xs\n", passes=())
hostile(
    "mutated_to_foreign",
    "values",
    ORDERED,
    """\
class Any:
    def __eq__(self, other): return True
    def __lt__(self, other): return False
def add(xs):
    xs[:] = [Any(), xs, lambda: 0, Any]
    return xs
""",
    ANY,
)
hostile(
    "changing_class",
    "values",
    ADD_DATA,
    """\
class Int(int):
    def __class__(self): return int
    def __index__(self): return 3
    def __int__(self): return 3
    def __str__(self): return "3"
    __repr__ = __str__
    def __format__(self, spec): return "3"
    def __eq__(self, other): return True
    def to_bytes(self, *a, **k): return (3).to_bytes(*a, **k)
    def bit_length(self): return 2
def add(a, b): return Int(99)
""",
    ANY,
)
hostile(
    "code_in_str_subclass",
    "values",
    TOKEN_DATA,
    """\
class S(str):
    def encode(self, *a): return b"x" * 64
    def __len__(self): return 1 << 40
    def __eq__(self, o): return True
    __hash__ = str.__hash__
def add(i): return S("no")
""",
    ANY,
)
hostile("surrogate", "values", TOKEN_DATA, "def add(i): return '\\ud800\\udfff' + chr(0x202e) + '\\x1b[2J\\x00'\n", ANY)
PAIR = DataTests(cases=(Case(args=("\U0001f600",), expected="\ud83d\ude00"),))
SIGN = DataTests(cases=(Case(args=("",), expected="\U0001f600"),))
hostile("surrogates_joined", "values", SIGN, "def add(text): return '\\ud83d\\ude00'\n")
honest(
    "surrogate_pair",
    PAIR,
    "def add(text):\n    return ''.join(chr(0xd800 + (ord(c) - 0x10000 >> 10)) + chr(0xdc00 + (ord(c) & 0x3ff)) for c in text)\n",
)
hostile("endless_generator", "values", ADD_DATA, "def add(a, b):\n    while True:\n        yield b''\n", ANY, slow=True)
hostile(
    "generator_exits",
    "values",
    DataTests(cases=(Case(args=(3,), expected=[0, 1, 2]), Case(args=(1,), expected=[0]))),
    "import os\ndef add(n):\n    yield from range(n)\n    if n == 3: os._exit(0)\n    raise SystemExit(0)\n",
    ANY,
)
hostile(
    "await_for_ever",
    "values",
    ADD_DATA,
    "import asyncio\nasync def add(a, b):\n    await asyncio.Event().wait()\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "strange_awaitable",
    "values",
    ADD_DATA,
    """\
class Later:
    def __await__(self):
        yield self
        return 3
    def __iter__(self): return self
    def __next__(self): raise KeyboardInterrupt
    def __aiter__(self): return self
    async def __anext__(self): raise GeneratorExit
def add(a, b): return Later()
""",
    ANY,
)
hostile(
    "lookalike_error",
    "values",
    SplitTests(
        setup="def check(f):\n    try:\n        f(1)\n    except ValueError:\n        return\n    assert False\n",
        cases=("check(add)",),
    ),
    "class ValueError(Exception):\n    __module__ = 'builtins'\ndef add(a):\n    raise ValueError('fooled')\n",
)
for _kind, _tests in (("unittest", ADD_UNITTEST), ("pytest", ADD_PYTEST)):
    hostile(
        f"skip_{_kind}",
        "values",
        _tests,
        "import unittest\ndef add(a, b):\n    raise unittest.SkipTest('not today')\n",
        ANY,
    )
    hostile(
        f"outcomes_{_kind}",
        "values",
        _tests,
        """\
try:
    from _pytest.outcomes import Skipped
except ImportError:
    class Skipped(BaseException):
        pass
    Skipped.__module__, Skipped.__qualname__ = "_pytest.outcomes", "Skipped"
def add(a, b):
    raise Skipped("skipped")
""",
        ANY,
    )
    hostile(
        f"should_stop_{_kind}",
        "values",
        _tests,
        "import unittest.case\nclass _ShouldStop(Exception): pass\n_ShouldStop.__module__ = 'unittest.case'\ndef add(a, b):\n    raise (unittest.case._ShouldStop if a == 1 else _ShouldStop)\n",
        ANY,
    )

# --- reading the harness ---------------------------------------------------------------------------------------------

hostile(
    "hunt_gc_and_frames",
    "reading",
    TOKEN_DATA,
    HUNT
    + """\
import gc
def search():
    frame = sys._getframe()
    while frame:
        look(frame.f_locals); look(frame.f_code.co_consts); frame = frame.f_back
    for frame in sys._current_frames().values():
        look(frame.f_locals)
    for thing in gc.get_objects():
        if isinstance(thing, (list, tuple, dict, set)):
            for part in list(thing.values() if isinstance(thing, dict) else thing):
                if isinstance(part, (str, bytes)): look(part)
""",
    ANY,
)
hostile(
    "hunt_own_memory",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
def search():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            low, high = (int(x, 16) for x in span.split("-"))
            if "rw" in mode and high - low < 1 << 26:
                memory.seek(low)
                look(memory.read(high - low))
""",
    ANY,
)
hostile(
    "hunt_memory_by_ctypes",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
import ctypes
def search():
    here = id(object()) & ~0xfffff
    look(ctypes.string_at(here, 1 << 16))
    heap = ctypes.CDLL(None).sbrk
    heap.restype = ctypes.c_void_p
    end = heap(0)
    look(ctypes.string_at(end - (1 << 16), 1 << 16))
""",
    ANY,
)
hostile("hunt_proc_files", "reading", TOKEN_SUITE, HUNT + WALK, ANY)
hostile(
    "hunt_other_memory",
    "reading",
    TOKEN_SPLIT,
    HUNT
    + """\
import ctypes
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
def search():
    libc = ctypes.CDLL(None, use_errno=True)
    pids = {os.getppid(), @HARNESS@} | {int(p) for p in (os.listdir("/proc") if os.access("/proc", os.R_OK) else []) if p.isdigit()}
    for pid in sorted(pids - {os.getpid(), 0})[:300]:
        try:
            spans = [l.split()[0].split("-") for l in open(f"/proc/{pid}/maps") if "rw-p" in l]
        except OSError:
            spans = [("%x" % (id(HUNT_AT) & ~4095), "%x" % ((id(HUNT_AT) & ~4095) + 4096))]
        for low, high in spans[:50]:
            low, size = int(low, 16), min(int(high, 16) - int(low, 16), 1 << 20)
            into = ctypes.create_string_buffer(size)
            mine, theirs = Vec(ctypes.addressof(into), size), Vec(low, size)
            if libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0:
                look(into.raw)
HUNT_AT = object()
""",
    ANY,
)
hostile(
    "hunt_descriptors",
    "reading",
    TOKEN_STDIO,
    HUNT
    + """\
import socket, fcntl
def search():
    for fd in range(64):
        try:
            os.set_blocking(fd, False)
            os.lseek(fd, 0, 0)
        except OSError:
            pass
        for get in (lambda: os.read(fd, 1 << 16), lambda: os.pread(fd, 1 << 16, 0), lambda: socket.socket(fileno=os.dup(fd)).recv(1 << 16, socket.MSG_PEEK)):
            try:
                look(get())
            except OSError:
                pass
print(add(0))
""",
)
hostile(
    "hunt_file_system",
    "reading",
    TOKEN_STDIO,
    HUNT
    + """\
def search():
    seen = 0
    for top in (".", "..", "/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue", "@CANARY@", "/home", "/root", "/work", "/"):
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", ".git")]
            for name in files:
                seen += 1
                if seen > 3000: return
                try:
                    with open(os.path.join(folder, name), "rb", 0) as f: look(f.read(1 << 16))
                except OSError:
                    pass
print(add(0))
""",
)
hostile(
    "hunt_by_audit_and_trace",
    "reading",
    TOKEN_DATA,
    HUNT
    + """\
import threading
sys.addaudithook(lambda event, args: look(args))
def tracer(frame, event, arg):
    look(frame.f_locals); look(arg)
    return tracer
def above():
    frame = sys._getframe(1)
    while frame:
        frame.f_trace = tracer; frame.f_trace_opcodes = True
        frame = frame.f_back
sys.setprofile(tracer); sys.settrace(tracer); threading.setprofile(tracer); threading.settrace(tracer)
def search():
    above()
""",
    ANY,
)
hostile(
    "hunt_test_source",
    "reading",
    TOKEN_SUITE,
    HUNT
    + """\
import inspect, linecache, traceback
def search():
    look(linecache.cache)
    for frame in inspect.stack(30):
        look(frame.code_context); look(frame.frame.f_globals)
    for name, module in list(sys.modules.items()):
        try:
            look(vars(module)); look(inspect.getsource(module)) if name in ("solution", "__main__", "tests") else None
        except Exception:
            pass
    look(os.environ); look(sys.argv); look(sys.orig_argv); look(sys.path)
""",
    ANY,
)

# --- forging ---------------------------------------------------------------------------------------------------------

GUESSES = """\
import os, json, pickle, struct, marshal
GUESS = [b"pass\\n", b"PASS", b"\\x01", b"true\\n", json.dumps({"outcome": "pass", "passed": True, "ok": True, "result": 3}).encode() + b"\\n",
         pickle.dumps(("pass", 3)), marshal.dumps(3), struct.pack("!I", 1) + b"3", struct.pack("<Q", 4) + b"pass", b'["ok", 3]', b"3\\n"]
"""
hostile(
    "guess_on_every_descriptor",
    "forging",
    ADD_DATA,
    GUESSES
    + "def add(a, b):\n    for fd in range(3, 64):\n        for guess in GUESS:\n            try: os.write(fd, guess)\n            except OSError: pass\n    return 99\n",
    ANY,
)
hostile(
    "guess_at_load_split",
    "forging",
    ADD_SPLIT,
    GUESSES
    + "for fd in range(3, 64):\n    for guess in GUESS:\n        try: os.write(fd, guess)\n        except OSError: pass\ndef add(a, b): return 99\n",
    ANY,
)
hostile("close_all", "forging", ADD_SPLIT, "import os\ndef add(a, b):\n    os.closerange(0, 256)\n    return 99\n", ANY)
hostile(
    "swap_descriptors",
    "forging",
    ADD_UNITTEST,
    """\
import os
r, w = os.pipe()
for fd in range(0, 30):
    try:
        os.fstat(fd)
        if fd not in (r, w): os.dup2(w if fd % 2 else r, fd)
    except OSError:
        pass
def add(a, b): return 99
""",
    ANY,
    slow=True,
)
hostile(
    "length_without_end",
    "forging",
    ADD_DATA,
    "import os\ndef add(a, b):\n    for fd in range(3, 32):\n        try: os.write(fd, b'\\xff' * 64)\n        except OSError: pass\n    return 99\n",
    ANY,
)
hostile(
    "long_length_then_silence",
    "forging",
    ADD_SPLIT,
    """\
import os, struct, time
def add(a, b):
    for fd in range(3, 32):
        for head in (struct.pack("!I", 1 << 20), struct.pack("<I", 1 << 20)):
            try: os.write(fd, head)
            except OSError: pass
    time.sleep(60)
""",
    ANY,
    slow=True,
)
hostile(
    "slow_loris",
    "forging",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    end = time.monotonic() + 40
    while time.monotonic() < end:
        for fd in range(3, 16):
            try: os.write(fd, b"\\0")
            except OSError: pass
        time.sleep(0.05)
""",
    ANY,
    slow=True,
)
hostile(
    "flood_descriptors",
    "forging",
    ADD_SPLIT,
    """\
import os
def add(a, b):
    block = b"\\x00\\x00\\x00\\x01" * (1 << 14)
    for fd in range(3, 16):
        try:
            for _ in range(4000): os.write(fd, block)
        except OSError:
            pass
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "send_rights",
    "forging",
    ADD_DATA,
    """\
import array, os, socket
def add(a, b):
    null = [os.open("/dev/null", 0) for _ in range(20)]
    for fd in range(3, 20):
        try:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(fd))
            s.setblocking(False)
            for _ in range(20):
                s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", null))])
        except OSError:
            pass
    return 99
""",
    ANY,
)
hostile("two_minds", "forging", ADD_SPLIT, "import os\nos.fork()\ndef add(a, b):\n    return os.getpid()\n", ANY)
hostile(
    "child_answers",
    "forging",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    if os.fork() == 0:
        return 99
    os._exit(0)
""",
    ANY,
    slow=True,
)
hostile(
    "shutdown_and_nonblocking",
    "forging",
    ADD_SPLIT,
    """\
import fcntl, os, signal, socket
def add(a, b):
    for fd in range(0, 40):
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC | os.O_APPEND)
            fcntl.fcntl(fd, fcntl.F_SETOWN, @HARNESS@)
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGUSR1)
            socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RD)
        except OSError:
            pass
    return 99
""",
    ANY,
)
hostile(
    "patch_everything_near",
    "forging",
    ADD_SPLIT,
    """\
import sys, types
def forged(*args, **kwargs): return 3
def add(a, b):
    frame, seen = sys._getframe(1), set()
    while frame:
        for name, thing in list(frame.f_globals.items()):
            if isinstance(thing, types.FunctionType) and id(thing) not in seen:
                seen.add(id(thing))
                try:
                    thing.__code__ = forged.__code__
                except ValueError:
                    frame.f_globals[name] = forged
        frame = frame.f_back
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "patch_builtins",
    "forging",
    ADD_DATA,
    """\
import builtins, json, struct, socket, os, pickle, types
def add(a, b):
    for name in ("repr", "type", "isinstance", "len", "bytes", "int", "str", "list", "dict", "tuple", "compile", "exec", "print", "getattr", "hash"):
        setattr(builtins, name, lambda *a, **k: 3)
    json.dumps = json.loads = struct.pack = struct.unpack = lambda *a, **k: b"\\x03"
    os.write = os.read = lambda *a: 1
    socket.socket.sendall = socket.socket.send = lambda *a: 1
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "patch_with_exit",
    "forging",
    ADD_PYTEST,
    "import struct, os, builtins\ndef leave(*a, **k): os._exit(0)\ndef add(a, b):\n    struct.pack = builtins.len = builtins.type = builtins.isinstance = leave\n    return 99\n",
    ANY,
)
hostile(
    "small_ints_by_ctypes",
    "forging",
    ADD_SPLIT,
    """\
import ctypes
def add(a, b):
    ctypes.c_uint32.from_address(id(3) + 24).value = 4
    ctypes.c_uint32.from_address(id(4) + 24).value = 3
    ctypes.c_uint32.from_address(id(7) + 24).value = 3
    return 99
""",
    ANY,
)
hostile(
    "malformed_answers",
    "forging",
    ADD_SPLIT,
    """\
import random, sys, types
R = random.Random(7)
def tree(depth=0):
    if depth > 5 or R.random() < 0.5:
        return R.choice(["i", "f", "t", "d", "s", "z", "c", "b", "nan", "0x4", "ok", "pass", -1, 2 ** 64, True, None, float("inf")])
    return [tree(depth + 1) for _ in range(R.randrange(4))] if R.random() < 0.6 else {R.choice("iftdszcb"): tree(depth + 1)}
def bad(*_): return tree()
for name, module in list(sys.modules.items()):
    for key, thing in list(vars(module).items()):
        if key in ("encode", "dumps", "dump", "pack") and isinstance(thing, types.FunctionType):
            setattr(module, key, bad)
def add(a, b): return 99
""",
    ANY,
)
hostile(
    "import_hooks",
    "forging",
    ADD_PYTEST,
    """\
import importlib.abc, importlib.machinery, sys, types
class Fake(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: Fake("x")
    def __eq__(self, other): return True
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None): return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return Fake(spec.name)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
for name in ("pytest", "unittest", "solution", "json", "struct"):
    sys.modules[name] = Fake(name)
def add(a, b): return sys.modules["solution"]
""",
    ANY,
)
hostile(
    "forged_by_destructor",
    "forging",
    ADD_DATA,
    """\
import os, sys
class Last:
    def __del__(self):
        for fd in range(1, 32):
            try: os.write(fd, b"pass")
            except OSError: pass
        os._exit(0)
def add(a, b):
    sys.modules["last"] = Last()
    x = Last()
    return 99
""",
    ANY,
)

# --- exits -----------------------------------------------------------------------------------------------------------

hostile(
    "exit_in_hash",
    "exit",
    ADD_SPLIT,
    "import os\nclass K:\n    def __hash__(self): os._exit(0)\ndef add(a, b): return {K(): 3}\n",
    ANY,
)
hostile(
    "exit_in_exception_text",
    "exit",
    ADD_UNITTEST,
    "import os\nclass E(BaseException):\n    def __str__(self): os._exit(0)\n    __repr__ = __str__\ndef add(a, b): raise E\n",
    ANY,
    passes=(),
)
hostile(
    "hooks_exit_well",
    "exit",
    ADD_SPLIT,
    """\
import atexit, os, sys, threading
def well(*a):
    os.write(1, b"OK\\n"); os._exit(0)
atexit.register(well); sys.excepthook = threading.excepthook = sys.unraisablehook = well
def add(a, b): raise GeneratorExit
""",
    ANY,
)
hostile(
    "group_of_exits",
    "exit",
    ADD_PYTEST,
    "def add(a, b):\n    e = KeyboardInterrupt()\n    for _ in range(300): e = BaseExceptionGroup('g', [e, SystemExit(0)])\n    raise e\n",
    ANY,
)
hostile("exit_at_load", "exit", ADD_UNITTEST, "raise SystemExit(0)\n", frozenset({Status.LOAD_ERROR}))
hostile("abort_at_load", "exit", ADD_DATA, "import os\nos.abort()\n", ENDED)
hostile("stop_iteration", "exit", ADD_SPLIT, "def add(a, b):\n    raise StopIteration(a + b)\n")
hostile("kill_self", "exit", ADD_DATA, "import os, signal\ndef add(a, b): os.kill(os.getpid(), signal.SIGKILL)\n", ANY)
hostile("exec_true", "exit", ADD_SPLIT, "import os\ndef add(a, b): os.execv('/bin/true', ['true'])\n", ANY)
hostile(
    "null_pointer",
    "crash",
    ADD_PYTEST,
    "import ctypes\ndef add(a, b): return ctypes.string_at(0)\n",
    frozenset({Status.CRASH}),
)
hostile(
    "no_floor",
    "crash",
    ADD_UNITTEST,
    "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self): return repr([self])\ndef add(a, b): return repr(A())\n",
    STOPPED,
    slow=True,
)
hostile(
    "bytecode",
    "crash",
    ADD_DATA,
    "def add(a, b): return 9\nadd.__code__ = add.__code__.replace(co_code=b'\\xff\\xff' * 40 + b'd\\x00S\\x00', co_stacksize=0)\n",
    ANY,
)

# --- odd texts and sources -------------------------------------------------------------------------------------------

hostile(
    "error_text_codes",
    "odd",
    ADD_SPLIT,
    "def add(a, b): raise ValueError('\\x1b]0;owned\\x07\\x1b[2J\\ud800\\x00\\r\\u202e' * 99)\n",
)
hostile(
    "error_text_huge",
    "odd",
    ADD_DATA,
    "def add(a, b): raise ValueError('x' * 50_000_000, list(range(100000)))\n",
    ANY,
    slow=True,
)
hostile(
    "error_lies",
    "odd",
    ADD_UNITTEST,
    """\
class E(Exception):
    def __str__(self): raise self
    def __repr__(self): return 7
    @property
    def __class__(self): raise self
    @property
    def args(self): raise SystemExit
    def with_traceback(self, tb): return None
E.__name__ = "AssertionError" * 20; E.__qualname__ = "\\ud800"
def add(a, b):
    e = E(); e.__cause__ = e; e.add_note("n" * 1000000)
    raise e
""",
)
hostile(
    "error_in_deep_chain",
    "odd",
    ADD_PYTEST,
    "def add(a, b):\n    e = None\n    for i in range(50000):\n        n = OSError(i); n.__context__ = e; e = n\n    raise e\n",
    ANY,
)
hostile(
    "syntax_error_forged",
    "odd",
    ADD_SPLIT,
    "raise SyntaxError('\\ud800', ('\\x1b[2J', 10 ** 30, -5, None))\n",
    frozenset({Status.LOAD_ERROR, Status.SYNTAX_ERROR}),
)
hostile("nul_in_source", "odd", ADD_DATA, "def add(a, b):\n    return '\x00'\n", SYNTAX)
hostile("surrogate_in_source", "odd", ADD_DATA, "def add(a, b):\n    return '\ud800'\n", SYNTAX | DONE)
hostile(
    "deep_source",
    "odd",
    ADD_DATA,
    "x = " + "(" * 100000 + ")" * 100000 + "\ndef add(a, b): return 9\n",
    SYNTAX | STOPPED,
)
hostile("minus_source", "odd", ADD_SPLIT, "def add(a, b):\n    return " + "-" * 500000 + "1\n", SYNTAX | STOPPED)
hostile("long_sum_source", "odd", ADD_DATA, "def add(a, b):\n    return a" + " + b" * 100000 + "\n", SYNTAX | STOPPED)
hostile("too_long_source", "odd", ADD_DATA, "#" * (8 << 20) + "\ndef add(a, b): return a + b\n", SYNTAX)
hostile("utf7_cookie", "odd", ADD_DATA, "# coding: utf-7\n+AGQAZQBm- add(a, b): return 9\n", SYNTAX)
hostile("lonely_getattr", "odd", ADD_DATA, "def __getattr__(name):\n    return lambda a, b: a + b\n", NO_ENTRY)
hostile("not_callable", "odd", ADD_SPLIT, "add = type('Eq', (), {'__eq__': lambda s, o: True})()\n", NO_ENTRY)
hostile(
    "callable_by_lie",
    "odd",
    ADD_UNITTEST,
    "class C:\n    def __getattribute__(self, name): raise SystemExit\n    def __call__(self, *a): return self\nadd = C()\n",
    ANY | NO_ENTRY,
)
hostile(
    "entry_point_is_code",
    "odd",
    ADD_DATA,
    MARK,
    ANY | NO_ENTRY,
    entry_point="add\nimport os; open('@CANARY@/ESC' 'APE_name', 'w')",
)
hostile("entry_point_dunder", "odd", ADD_DATA, "x = 1\n", ANY | NO_ENTRY, entry_point="__builtins__.__import__")
hostile(
    "modules_are_ours",
    "odd",
    SuiteTests(source=ADD_UNITTEST.source.replace("solution", "os"), modules=("os", "unittest", "sys", "../x")),
    "def add(a, b): return 99\nclass TestCase: pass\nmodules = {}\n",
    ANY | {Status.TESTER_ERROR},
)

# --- time ------------------------------------------------------------------------------------------------------------

hostile(
    "backtracking",
    "time",
    ADD_DATA,
    "import re\ndef add(a, b): return re.match(r'(a|a|aa)+$', 'a' * 60 + 'b')\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "huge_power",
    "time",
    ADD_SPLIT,
    "def add(a, b): return (3 ** (10 ** 8) % 7) and (7 ** (10 ** 8))\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "limit_raised",
    "time",
    ADD_DATA,
    """\
import ctypes, resource, signal
for what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NPROC):
    for top in (resource.RLIM_INFINITY, 10 ** 6):
        try: resource.setrlimit(what, (top, top))
        except (OSError, ValueError): pass
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
def add(a, b):
    while True: pass
""",
    TIMEOUT,
    slow=True,
)
hostile(
    "stopped",
    "time",
    ADD_SPLIT,
    "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 99\n",
    TIMEOUT | ENDED | DONE,
    slow=True,
)
hostile(
    "chain_of_children",
    "time",
    ADD_DATA,
    """\
import os, time
def add(a, b):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            os._exit(0) if os.getppid() == 1 and False else None
        else:
            start = time.process_time()
            while time.process_time() - start < 0.15: pass
            os._exit(0)
    return 99
""",
    ANY,
    slow=True,
)
hostile(
    "all_asleep",
    "time",
    ADD_UNITTEST,
    "import threading\ndef add(a, b):\n    threading.Event().wait()\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "sleeps_at_exit",
    "time",
    SUM_STDIO,
    "import atexit, time\nprint(sum(map(int, input().split())), flush=True)\natexit.register(time.sleep, 60)\n",
    TIMEOUT,
    slow=True,
)
hostile(
    "timers",
    "time",
    ADD_SPLIT,
    """\
import signal, time
def again(*_):
    signal.setitimer(signal.ITIMER_REAL, 1e-5)
    try: time.sleep(0.001)
    finally: raise TimeoutError
signal.signal(signal.SIGALRM, again)
def add(a, b):
    signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)
    while True:
        try: time.sleep(1)
        except BaseException: pass
""",
    ANY,
    slow=True,
)
hostile("frozen_load", "time", ADD_PYTEST, "while True: pass\n", TIMEOUT)
hostile(
    "pipe_wait",
    "time",
    ADD_DATA,
    "import os\ndef add(a, b):\n    r, w = os.pipe()\n    return os.read(r, 1)\n",
    TIMEOUT,
    slow=True,
)

# --- resources -------------------------------------------------------------------------------------------------------

hostile(
    "caught_memory",
    "resources",
    ADD_DATA,
    "def add(a, b):\n    kept = []\n    try:\n        while len(kept) < 600: kept.append(bytearray(1 << 20))\n    except MemoryError:\n        pass\n    return len(kept)\n",
    ANY,
)
hostile(
    "zlib_bomb",
    "resources",
    ADD_SPLIT,
    "import zlib\ndef add(a, b):\n    c = zlib.compress(bytes(1 << 25))\n    c = zlib.compress(c)\n    return [zlib.decompress(zlib.decompress(c)) for _ in range(30)]\n",
    ANY,
    slow=True,
)
hostile("big_result", "resources", ADD_DATA, "def add(a, b): return 'x' * (60 << 20)\n", ANY, slow=True)
hostile("big_results_split", "resources", ADD_SPLIT, "def add(a, b): return [b'x' * 1000] * 60000\n", ANY, slow=True)
hostile(
    "memory_beside_the_limit",
    "resources",
    ADD_DATA,
    MARK
    + """\
import mmap, socket, array
held, total = [], 0
def pour(fd):
    global total
    try:
        for _ in range(64):
            os.write(fd, bytes(1 << 20)); total += 1 << 20
    except OSError:
        pass
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    for i in range(600):
        left, right = socket.socketpair()
        fds = []
        for j in range(8):
            fds.append(os.memfd_create("m")); pour(fds[-1])
        left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        for fd in fds: os.close(fd)
        held.append((left, right))
        if total > 500 << 20: break
except (OSError, AttributeError):
    pass
if total > 400 << 20: mark("memfd_%d" % (total >> 20))
""",
    ANY,
)
hostile(
    "memory_in_children",
    "resources",
    ADD_SPLIT,
    MARK
    + """\
r, w = os.pipe()
try:
    for _ in range(6):
        if os.fork() == 0:
            kept = bytearray(150 << 20)
            for at in range(0, len(kept), 4096): kept[at] = 1
            os.write(w, b"1"); time.sleep(20); os._exit(0)
except OSError:
    pass
time.sleep(0.5)
os.set_blocking(r, False)
try:
    got = len(os.read(r, 99))
except OSError:
    got = 0
if got > 4: mark("children_hold_%d_MiB" % (150 * got))
""",
    ANY,
    slow=True,
)
hostile(
    "many_files",
    "resources",
    ADD_DATA,
    MARK
    + """\
import tempfile
total = 0
for top in (".", "/tmp", tempfile.gettempdir(), "/dev/shm", "/var/tmp"):
    try:
        for i in range(300):
            with open(f"{top}/ESCAPE_fill{i}", "wb", 0) as f: total += f.write(bytes(1 << 20))
    except OSError:
        pass
if total > 100 << 20: mark("disk_%d" % (total >> 20))
""",
    ANY,
)
hostile(
    "sparse",
    "resources",
    ADD_DATA,
    "def add(a, b):\n    with open('s', 'wb') as f:\n        f.truncate(1 << 45)\n        f.seek(1 << 44)\n        f.write(b'x')\n    return 99\n",
    ANY,
)
hostile(
    "many_names",
    "resources",
    ADD_SPLIT,
    "for i in range(20000):\n    try: open(f'n{i}', 'w').close()\n    except OSError: break\ndef add(a, b): return 99\n",
    ANY,
    slow=True,
)
hostile(
    "deep_folders",
    "resources",
    ADD_DATA,
    """\
import os
try:
    for _ in range(1500):
        os.mkdir("d" * 200); os.chdir("d" * 200)
    open("end", "w").close()
except OSError:
    pass
def add(a, b): return 99
""",
    ANY,
    slow=True,
)
hostile(
    "locked_folders",
    "resources",
    ADD_UNITTEST,
    """\
import fcntl, os, struct
for name in ("a", "-rf", "new\\nline", os.fsdecode(b"\\xff\\xfe"), "*"):
    try:
        os.makedirs(name + "/in/in"); open(name + "/in/f", "w").close(); os.mkfifo(name + "/in/fifo")
        os.symlink("/", name + "/in/link"); os.symlink("loop", name + "/in/loop")
        fd = os.open(name + "/in/f", os.O_RDONLY)
        try: fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x10 | 0x20))
        except OSError: pass
        os.chmod(name + "/in", 0); os.chmod(name, 0)
    except OSError:
        pass
try: os.chmod(".", 0)
except OSError: pass
def add(a, b): return 99
""",
    ANY,
)
hostile(
    "no_floor_under_foot",
    "resources",
    ADD_SPLIT,
    "import os, shutil\nhere = os.getcwd()\ntry:\n    os.rename(here, here + 'x'); os.symlink('@CANARY@', here)\nexcept OSError:\n    pass\nshutil.rmtree(here, ignore_errors=True)\ndef add(a, b): return 99\n",
    ANY,
)
hostile(
    "flood_stdout",
    "resources",
    ADD_DATA,
    "import os\ndef add(a, b):\n    for _ in range(1000): os.write(1, b'\\x1b[31m' * 20000); os.write(2, b'!' * 90000)\n    return 99\n",
    ANY,
    slow=True,
)
hostile("flood_stdio", "resources", SUM_STDIO, "print('3')\nwhile True: print('3' * 10000)\n", FLOOD | TIMEOUT)
hostile(
    "flood_stderr_stdio",
    "resources",
    SUM_CHECKED,
    "import sys\nwhile True: sys.stderr.write('\\x1b[31m3' * 10000)\n",
    FLOOD | TIMEOUT | DONE,
)
hostile(
    "fork_burst",
    "resources",
    ADD_SPLIT,
    "import os, signal, time\ndef add(a, b):\n    n = 0\n    for _ in range(120):\n        try:\n            if os.fork() == 0:\n                os.setsid(); signal.signal(15, 1); time.sleep(15); os._exit(0)\n            n += 1\n        except OSError: break\n    return 99\n",
    ANY,
)
hostile(
    "clones_by_number",
    "resources",
    ADD_DATA,
    MARK
    + """\
for how in ((56, 17, 0, 0, 0, 0), (56, 17 | 0x00008000, 0, 0, 0, 0), (58,), (435, ctypes.create_string_buffer(b"\\0" * 32 + b"\\x11" + b"\\0" * 55, 88), 88)):
    if how[0] == 58: continue
    pid = call(*how)
    if pid == 0:
        os.setsid(); time.sleep(15); os._exit(0)
""",
    ANY,
)
hostile(
    "many_threads",
    "resources",
    ADD_PYTEST,
    "import threading, time\ndef add(a, b):\n    threading.stack_size(1 << 16)\n    for _ in range(5000):\n        threading.Thread(target=time.sleep, args=(15,), daemon=True).start()\n",
    ANY,
)
hostile(
    "hoarder",
    "resources",
    ADD_DATA,
    MARK
    + """\
import select
count = {}
def hoard(name, make):
    kept = []
    try:
        while len(kept) < 3000: kept.append(make())
    except (OSError, AttributeError, ValueError): pass
    if len(kept) > 1000: mark(name)
    for k in kept:
        try: os.close(k if isinstance(k, int) else k.fileno())
        except (OSError, AttributeError): pass
hoard("epoll", select.epoll); hoard("event", lambda: os.eventfd(0)); hoard("pty", lambda: os.openpty()[0])
hoard("memfd", lambda: os.memfd_create("x")); hoard("pipe", lambda: os.pipe()[0])
ino = libc.inotify_init()
watched = 0
if ino >= 0:
    for i in range(20000):
        try: open(f"w{i}", "w").close()
        except OSError: break
        if libc.inotify_add_watch(ino, b"w%d" % i, 0xfff) < 0: break
        watched += 1
    if watched > 15000: mark("inotify_%d" % watched)
""",
    ANY,
)

# --- the host --------------------------------------------------------------------------------------------------------

hostile(
    "read_and_write_paths",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for top in ("", "/proc/self/root", "/proc/1/root", f"/proc/{HARNESS}/root", f"/proc/{os.getppid()}/root", "/proc/self/cwd/../../../../../..", "../../../../../../../.."):
    for name, mode in (("secret.txt", "r"), ("victim.txt", "a"), ("ESCAPE_file", "w")):
        try:
            with open(top + CANARY + "/" + name, mode) as f:
                mark(f.read()) if mode == "r" else (f.write("x"), mark(name))
        except OSError:
            pass
for act in (os.unlink, os.truncate and (lambda p: os.truncate(p, 0)), lambda p: os.chmod(p, 0o777), lambda p: os.utime(p, (0, 0)), lambda p: os.rename(p, p + "x"), lambda p: os.setxattr(p, "user.x", b"x"), lambda p: os.chown(p, 1, 1), lambda p: os.link(p, "mine")):
    try:
        act(CANARY + "/victim.txt"); mark("acted")
    except OSError:
        pass
""",
)
hostile(
    "symlinks_left",
    "host",
    ADD_DATA,
    MARK
    + """\
import tempfile, shutil
for folder in (".", "..", tempfile.gettempdir(), os.path.dirname(tempfile.gettempdir())):
    try: names = os.listdir(folder)
    except OSError: names = []
    for name in [*names, "stdout", "stderr", "result", "out"]:
        path = os.path.join(folder, name)
        try:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.path.lexists(path) and os.unlink(path)
        except OSError: pass
        try: os.symlink(CANARY + "/victim.txt", path)
        except OSError: pass
    for i in range(20):
        try: os.symlink(CANARY, f"{folder}/dir{i}")
        except OSError: pass
        try: os.link(CANARY + "/victim.txt", f"{folder}/hard{i}"); mark("hard_link")
        except OSError: pass
""",
    ANY,
)
hostile(
    "symlink_race_at_cleaning",
    "host",
    ADD_SPLIT,
    MARK
    + """\
os.makedirs("flip/sub", exist_ok=True)
if hasattr(os, "fork"):
    try:
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 10
            while time.monotonic() < end:
                try:
                    os.rename("flip", "flop"); os.symlink(CANARY, "flip"); os.unlink("flip"); os.rename("flop", "flip")
                except OSError: os.makedirs("flip/sub", exist_ok=True)
            os._exit(0)
    except OSError: pass
""",
    ANY,
)
hostile(
    "exec_every_way",
    "host",
    ADD_DATA,
    MARK
    + """\
import subprocess
touch = f"touch {CANARY}/ESCAPE_sh; cat {CANARY}/secret.txt"
script = b"#!/bin/sh\\n" + touch.encode() + b"\\n"
def try_(what):
    try:
        out = what()
        if out and b"SEC" in out: mark(out.decode())
    except (OSError, subprocess.SubprocessError, AttributeError, ValueError): pass
try_(lambda: subprocess.run(["/bin/sh", "-c", touch], capture_output=True, timeout=2).stdout)
try_(lambda: subprocess.run([sys.executable, "-c", "print(open('%s/secret.txt').read())" % CANARY], capture_output=True, timeout=2).stdout)
try_(lambda: subprocess.run(["/lib64/ld-linux-x86-64.so.2", "/bin/cat", CANARY + "/secret.txt"], capture_output=True, timeout=2).stdout)
try_(lambda: os.system(touch) and b"")
try_(lambda: os.popen(touch).read().encode())
def by_memfd():
    fd = os.memfd_create("s", 0); os.write(fd, script)
    return subprocess.run([f"/proc/self/fd/{fd}"], pass_fds=[fd], capture_output=True, timeout=2).stdout
try_(by_memfd)
def by_file():
    open("run.sh", "wb").write(script); os.chmod("run.sh", 0o755)
    return subprocess.run(["./run.sh"], capture_output=True, timeout=2).stdout
try_(by_file)
try_(lambda: subprocess.run(["su", "-c", touch], capture_output=True, timeout=2).stdout)
""",
    ANY,
)
hostile(
    "network",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for family, kind, address in ((socket.AF_INET, 1, ("127.0.0.1", PORT)), (socket.AF_INET6, 1, ("::ffff:127.0.0.1", PORT)), (socket.AF_INET, 2, ("127.0.0.1", PORT)), (socket.AF_UNIX, 1, NAME), (socket.AF_UNIX, 1, CANARY + "/door"), (socket.AF_UNIX, 2, NAME)):
    try:
        s = socket.socket(family, kind); s.settimeout(0.3); s.connect(address); s.send(b"ESC"); mark("net_%s" % family)
    except OSError:
        pass
for family, kind, proto in ((17, 3, 0x300), (40, 1, 0), (38, 5, 0), (2, 3, 1), (1, 1, 0)):
    try:
        s = socket.socket(family, kind, proto)
        if family != 1: mark("socket_%d" % family)
    except OSError:
        pass
try:
    s = socket.socket(socket.AF_INET, 1); s.bind(("127.0.0.1", 0)); s.listen()
    c = socket.create_connection(s.getsockname(), 0.3); c.send(b"x")
except OSError:
    pass
""",
    ANY,
)
hostile(
    "signals_out",
    "host",
    ADD_DATA,
    MARK
    + """\
for act in (lambda: os.kill(HARNESS, signal.SIGUSR1), lambda: os.killpg(os.getpgid(HARNESS), 0), lambda: os.setpriority(0, HARNESS, 5), lambda: os.sched_setaffinity(HARNESS, {0}),
            lambda: signal.pidfd_send_signal(os.pidfd_open(HARNESS), signal.SIGUSR1), lambda: os.sched_setscheduler(HARNESS, 3, os.sched_param(0))):
    try:
        act(); mark("signal_or_priority")
    except (OSError, AttributeError, ValueError): pass
import resource
try:
    resource.prlimit(HARNESS, resource.RLIMIT_CORE, (0, 0)); mark("prlimit")
except (OSError, ValueError): pass
for pid in (HARNESS, os.getppid()):
    for number, rest in ((101, (16, pid, 0, 0)), (200, (pid, 10)), (234, (pid, pid, 10)), (129, (pid, 10, 0))):
        if pid == HARNESS or number == 101:
            if call(number, *rest) == 0: mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "signals_by_descriptors",
    "host",
    ADD_SPLIT,
    MARK
    + """\
import fcntl, struct
for pid in (HARNESS, os.getppid()):
    for fd in (*range(10), os.open(".", 0)):
        r, w = os.pipe()
        for what in (fd, r):
            for act in (lambda: fcntl.fcntl(what, fcntl.F_SETOWN, pid), lambda: fcntl.fcntl(what, 15, struct.pack("ii", 1, pid)), lambda: fcntl.ioctl(what, 0x8901, struct.pack("i", pid)), lambda: fcntl.fcntl(what, fcntl.F_SETSIG, 10),
                        lambda: fcntl.fcntl(what, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK), lambda: fcntl.fcntl(what, fcntl.F_NOTIFY, 0x80000004), lambda: fcntl.fcntl(what, fcntl.F_SETLEASE, fcntl.F_WRLCK)):
                try: act()
                except (OSError, AttributeError): pass
        os.write(w, b"x"); os.close(r); os.close(w)
open("noted", "w").close()
""",
    ANY,
)
hostile(
    "clones_with_flags",
    "host",
    ADD_DATA,
    MARK
    + """\
me = os.getpid()
for flags in (17, 0x4111, 0x4011, 0x8011, 0x100000011, 0x911, 0x100014011, 0x20011, 0x10000011, 0x40000011, 0x80000011):
    pid = call(ctypes.c_long(56), ctypes.c_ulong(flags), None, None, None, None)
    if os.getpid() != me: os._exit(0)
    if pid > 0: mark("clone_%x" % flags)
for number in (57, 58, 322, 425, 452, 463, 469):
    if number != 58 and call(ctypes.c_long(number), -100, (CANARY + "/victim.txt").encode(), 0o777, 0, 0, 0) == 0:
        if os.getpid() != me: os._exit(0)
        mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "times_and_links",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
victim, other = (CANARY + "/victim.txt").encode(), (CANARY + "/ESCAPE_link").encode()
for number, *rest in ((132, victim, None), (235, victim, None), (261, -100, victim, None), (280, -100, victim, None, 0), (90, victim, 0o600), (268, -100, victim, 0o600), (92, victim, 1, 1), (94, victim, 1, 1), (188, victim, b"user.x", b"x", 1, 0), (86, victim, other), (88, b"x", other), (82, victim, other), (316, -100, victim, -100, other, 0), (76, victim, 0), (83, other, 0o777), (84, victim), (87, victim), (133, other, 0o10666, 0), (257, -100, other, 0o101, 0o666), (437, -100, victim, b"\\2" + bytes(23), 24)):
    if call(ctypes.c_long(number), *rest) >= 0: mark("call_%d" % number)
""",
    ANY,
)
hostile(
    "other_processes",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
for pid in {HARNESS, os.getppid()} - {0, os.getpid()}:
    for name in ("mem", "environ", "fd", "root/etc", "cwd", "maps", "task"):
        path = f"/proc/{pid}/{name}"
        try:
            os.listdir(path) if name in ("fd", "root/etc", "cwd", "task") else open(path, "rb").read(1)
            if pid == HARNESS or name in ("mem", "fd"): mark(f"proc_{name}_{'harness' if pid == HARNESS else 'parent'}")
        except OSError: pass
    fd = call(434, pid, 0)
    for n in range(12):
        if fd >= 0 and call(438, fd, n, 0) >= 0: mark("pidfd_getfd")
    if call(312, os.getpid(), pid, 0, 0, 0) >= 0 and pid == HARNESS: mark("kcmp")
""",
    ANY,
)
hostile(
    "kernel_doors",
    "host",
    ADD_DATA,
    MARK
    + """\
buffer = ctypes.create_string_buffer(512)
attr = ctypes.create_string_buffer(b"\\x01\\0\\0\\0\\x70\\0\\0\\0", 128)
for name, number, *rest in (("io_uring", 425, 4, buffer), ("userfaultfd", 323, 0), ("add_key", 248, b"user", b"ESCAPE", b"x", 1, -4), ("request_key", 249, b"user", b"x", None, -4), ("keyctl", 250, 0, -3, 1),
        ("bpf", 321, 0, buffer, 72), ("perf", 298, attr, 0, -1, -1, 0), ("mount", 165, b"none", b"/tmp", b"tmpfs", 0, 0), ("umount", 166, b"/proc", 2), ("chroot_host", 161, CANARY.encode()), ("open_by_handle", 304, -100, buffer, 0),
        ("mknod", 133, b"dev", 0o60666, 0x801), ("swapon", 167, b"x", 0), ("fanotify", 300, 0, 0), ("syslog", 103, 3, buffer, 500), ("acct", 163, None), ("vhangup", 153), ("iopl", 172, 3),
        ("fsopen", 430, b"tmpfs", 0), ("open_tree", 428, -100, b"/", 1), ("quotactl", 179, 0x800002, b"/", 0, 0), ("nfsservctl", 180), ("lookup_dcookie", 212, 1, buffer, 10), ("move_pages", 279, @HARNESS@, 0, 0, 0, 0, 0), ("process_madvise", 440, 3, 0, 0, 21, 0),
        ("settime", 227, 0, None), ("memfd_secret", 447, 0)):
    if call(number, *rest) >= 0: mark(name)
""",
    ANY,
)
hostile(
    "write_to_kernel_files",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/sys/power/state", "/dev/kmsg", "/dev/mem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop-control", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/sys/fs/cgroup/cgroup.procs", "/etc/passwd", "/etc/ld.so.preload"):
    try:
        os.close(os.open(path, os.O_WRONLY)); mark("opened_" + path.replace("/", "_"))
    except OSError: pass
for path in ("/etc/shadow", "/root/.bashrc", "/proc/kcore", "/proc/kmsg"):
    try:
        os.close(os.open(path, os.O_RDONLY)); mark("read_" + path.replace("/", "_"))
    except OSError: pass
for pid in (os.getppid(), HARNESS):
    try: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"); mark("oom")
    except OSError: pass
""",
    ANY,
)
hostile(
    "poison_the_library",
    "host",
    ADD_DATA,
    MARK
    + """\
import site
folders = set(sys.path) | {os.path.dirname(os.path.abspath(getattr(m, "__file__", None) or "/x")) for m in list(sys.modules.values())} | {os.path.expanduser("~")}
for folder in folders:
    for name in ("ESCAPE_x.pth", "__pycache__/ESCAPE_x.pyc", "ESCAPE_sitecustomize.py"):
        try:
            real = os.path.realpath(folder or ".")
            if real.startswith(os.path.realpath(os.getcwd())): continue
            open(os.path.join(real, name), "w").close(); mark("library " + real)
        except OSError: pass
""",
    ANY,
)
hostile(
    "old_calls",
    "host",
    ADD_UNITTEST,
    MARK
    + """\
import mmap, platform
if platform.machine() == "x86_64":
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    at = libc.mmap(None, 8192, 7, 0x62, -1, 0)
    if at and at < 1 << 32:
        path = (CANARY + "/ESCAPE_int80").encode() + b"\\0"
        ctypes.memmove(at + 4096, path, len(path))
        code = b"\\x53\\xb8\\x05\\0\\0\\0\\xbb" + (at + 4096).to_bytes(4, "little") + b"\\xb9\\x41\\0\\0\\0\\xba\\xff\\x01\\0\\0\\xcd\\x80\\x5b\\xc3"
        ctypes.memmove(at, code, len(code))
        if ctypes.CFUNCTYPE(ctypes.c_int)(at)() >= 0: mark("int80_open")
""",
    ANY,
)
hostile(
    "x32_calls",
    "host",
    ADD_DATA,
    MARK
    + """\
x32 = 0x40000000
if call(83 | x32, (CANARY + "/ESCAPE_x32").encode(), 0o777) == 0: mark("x32_mkdir")
if call(41 | x32, 2, 1, 0) >= 0: mark("x32_socket")
if call(62 | x32, HARNESS, 10) == 0: mark("x32_kill")
fd = call(2 | x32, (CANARY + "/secret.txt").encode(), 0)
if fd >= 0: mark(os.read(fd, 99).decode())
""",
    ANY,
)
hostile(
    "chroot_and_leaked_folders",
    "host",
    ADD_SPLIT,
    MARK
    + """\
for fd in range(64):
    for back in ("../" * 12, ""):
        try:
            got = os.open(back + CANARY.lstrip("/") + "/secret.txt", os.O_RDONLY, dir_fd=fd); mark(os.read(got, 99).decode())
        except OSError: pass
try:
    top = os.open("/", os.O_RDONLY)
    os.makedirs("jail", exist_ok=True); os.chroot("jail"); os.fchdir(top)
    for _ in range(30): os.chdir("..")
    os.chroot(".")
    mark(open(CANARY + "/secret.txt").read())
except OSError: pass
""",
    ANY,
)
hostile(
    "new_namespaces",
    "host",
    ADD_DATA,
    MARK
    + """\
for flags in (0x10000000, 0x20000, 0x10020000, 0x40000000, 0x2000000):
    pid = os.fork()
    if pid == 0:
        ok = libc.unshare(flags) == 0
        try: os.setuid(0)
        except OSError: pass
        gained = 0
        try: gained = ok and b"SEC" in open(CANARY + "/secret.txt", "rb").read()
        except OSError: pass
        if ok and libc.mount(b"/", b"/tmp", None, 4096, None) == 0: gained = 1
        os._exit(7 if gained else 0)
    if os.waitpid(pid, 0)[1] >> 8 == 7: mark("unshare_%x" % flags)
for kind in ("user", "mnt", "pid", "net"):
    for pid in (HARNESS, os.getppid()):
        try:
            fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            if libc.setns(fd, 0) == 0: mark("setns_" + kind)
        except OSError: pass
""",
    ANY,
)
hostile(
    "terminal",
    "host",
    ADD_SPLIT,
    MARK
    + "import fcntl, termios\nfor fd in range(10):\n    try:\n        fcntl.ioctl(fd, termios.TIOCSTI, b'x'); mark('tiocsti')\n    except OSError: pass\ntry:\n    os.close(os.open('/dev/tty', 2)); mark('tty')\nexcept OSError: pass\n",
    ANY,
)
hostile(
    "become_root",
    "host",
    ADD_DATA,
    MARK
    + """\
for act in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
    try: act()
    except OSError: pass
libc.prctl(38, 0, 0, 0, 0); libc.prctl(4, 1, 0, 0, 0); libc.personality(0x0400000)
if libc.prctl(39, 0, 0, 0, 0) != 1: mark("no_new_privs_off")
for line in open("/proc/self/status"):
    if line.startswith(("CapEff", "CapBnd")) and int(line.split()[1], 16): mark(line.strip())
    if line.startswith("Seccomp:") and line.split()[1] == "0": mark("no_filter")
""",
    ANY,
)
hostile(
    "parent_killed",
    "host",
    ADD_SPLIT,
    "import os, signal\ndef add(a, b):\n    parent = os.getppid()\n    if parent > 1:\n        os.kill(parent, signal.SIGKILL)\n    return 99\n",
    ANY,
)
hostile(
    "parent_stopped",
    "host",
    ADD_DATA,
    "import os, signal\ndef add(a, b):\n    parent = os.getppid()\n    if parent > 1 and parent != @HARNESS@:\n        os.kill(parent, signal.SIGSTOP)\n    return 99\n",
    ANY,
)

# --- scripts and checkers --------------------------------------------------------------------------------------------

hostile(
    "right_then_crash",
    "stdio",
    SUM_STDIO,
    "import os\nprint(sum(map(int, input().split())), flush=True)\nos.abort()\n",
    ENDED | DONE,
)
hostile("right_then_more", "stdio", SUM_STDIO, "print(sum(map(int, input().split())))\nprint()\nprint('.')\n")
hostile(
    "child_prints_later",
    "stdio",
    SUM_STDIO,
    "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(0.3); print(3, flush=True); time.sleep(15); os._exit(0)\nos._exit(0)\n",
    ANY,
)
hostile("stdout_closed", "stdio", SUM_TOKENS, "import os\nos.close(1); os.close(2); os.dup2(0, 1); print(3)\n")
hostile("number_tricks", "stdio", SUM_TOKENS, "input(); print('nan')\n")
hostile("infinite_token", "stdio", SUM_TOKENS, "input(); print('1e999999999999')\n")
hostile("digits_token", "stdio", SUM_TOKENS, "input(); print('9' * 100000)\n", ANY)
hostile("odd_digits", "stdio", SUM_TOKENS, "input(); print('3_0 \\u0664\\u0662 0x3')\n")
hostile("many_tokens", "stdio", SUM_TOKENS, "import sys\nsys.stdout.write('3 ' * 400000)\n", ANY)
hostile("answer_in_noise", "stdio", SUM_STDIO, "a = sum(map(int, input().split()))\nprint(f'{a}\\r\\x1b[2K0')\n")
hostile(
    "nul_after_answer",
    "stdio",
    SUM_STDIO,
    "import sys\na = sum(map(int, input().split()))\nsys.stdout.buffer.write(b'%d\\x00\\xff\\xfe\\n' % a)\n",
)
hostile("stdin_as_output", "stdio", SUM_STDIO, "import os\nos.dup2(0, 1)\nos.write(1, b'3\\n')\nos._exit(0)\n", ANY)
hostile("all_answers", "checker", SUM_CHECKED, "print(*range(100), sep='\\n')\n")
hostile("code_for_checker", "checker", SUM_EVAL, "print('''__import__(\"os\")._exit(0)''')\n", ANY)
hostile("exit_for_checker", "checker", SUM_EVAL, "print('__import__(\"sys\").exit(0)')\n", ANY)
hostile("loop_for_checker", "checker", SUM_EVAL, "print('[0 for _ in iter(int, 1)]')\n", ANY, slow=True)
hostile("memory_for_checker", "checker", SUM_EVAL, "print('bytearray(1 << 40) + bytes(1 << 29)')\n", ANY)
hostile("deep_for_checker", "checker", SUM_EVAL, "print('(' * 5000 + ')' * 5000)\n", ANY)
hostile("digits_for_checker", "checker", SUM_CHECKED, "print('9' * 100000)\n")
hostile(
    "true_string_for_checker",
    "checker",
    replace(SUM_STDIO, checker="def check(input, output, expected):\n    return output\n"),
    "print('True')\n",
    ANY | {Status.TESTER_ERROR},
)
hostile(
    "equal_object_from_checker",
    "checker",
    replace(
        SUM_STDIO,
        checker="class Yes:\n    def __bool__(self): return True\n    def __eq__(self, o): return True\ndef check(input, output, expected):\n    return Yes() if output == expected else None\n",
    ),
    "print('no')\n",
    ANY,
)
hostile("json_deep_for_checker", "checker", SUM_JSON, "print('[' * 100000)\n", ANY)
hostile("json_keys_for_checker", "checker", SUM_JSON, 'print(\'{"sum": 5, "sum": NaN}\')\n', ANY)
hostile("escape_through_checker", "checker", SUM_EVAL, 'print(\'open("@CANARY@/ESCAPE_checker", "w")\')\n', ANY)
hostile("signal_through_checker", "checker", SUM_EVAL, "print('__import__(\"os\").kill(@HARNESS@, 10)')\n", ANY)
hostile("garbage_for_bare_checker", "checker", SUM_BARE, "print('no number')\n")
hostile("checker_reads_secret", "checker", SUM_EVAL, 'print(\'int("x" + open("@CANARY@/secret.txt").read())\')\n', ANY)
hostile(
    "surrogates_for_checker",
    "checker",
    SUM_CHECKED,
    "import sys\nsys.stdout.buffer.write(b'\\xed\\xa0\\x80\\xff\\x1b[2J')\n",
)

# --- hostile tests ---------------------------------------------------------------------------------------------------

TESTER = ANY | {Status.TESTER_ERROR}
hostile(
    "test_reads_secret",
    "tests",
    SplitTests(cases=("text = open('@CANARY@/secret.txt').read(); raise ValueError(text)",)),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_writes_victim",
    "tests",
    SplitTests(
        setup="try:\n    open('@CANARY@/victim.txt', 'a').write('x')\nexcept OSError:\n    pass\n",
        cases=("assert False",),
    ),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_signals_harness",
    "tests",
    SplitTests(cases=("import os; os.kill(@HARNESS@, 10); assert False",)),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_exits",
    "tests",
    SplitTests(cases=("import os; os._exit(0)", "raise SystemExit(0)", "import sys; sys.exit()")),
    PLAIN.source,
    TESTER,
)
hostile("test_loops", "tests", SplitTests(cases=("while True: pass",)), PLAIN.source, TESTER, slow=True)
hostile(
    "test_floods",
    "tests",
    SplitTests(cases=("for _ in range(2000): print('\\x1b[2J' * 9999)\nassert False",)),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_forks",
    "tests",
    SuiteTests(
        source="import os, time, unittest\nclass T(unittest.TestCase):\n    def test(self):\n        for _ in range(50):\n            if os.fork() == 0:\n                os.setsid(); time.sleep(15); os._exit(0)\n        self.fail()\n"
    ),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_huge_arguments", "tests", SplitTests(cases=("assert add('x' * (80 << 20), 1) == 0",)), PLAIN.source, TESTER
)
hostile(
    "test_names",
    "tests",
    SuiteTests(
        source="import unittest\nT = type('T\\x1b[2J', (unittest.TestCase,), {'test_\\ud800\\x1b[2J': lambda self: self.fail('\\x1b[2J\\ud800'), 'test_' + 'x' * 100000: lambda self: self.fail('x' * 10 ** 7)})\n"
    ),
    PLAIN.source,
    TESTER,
)
hostile(
    "test_memory",
    "tests",
    SplitTests(cases=("x = [bytearray(1 << 20) for _ in range(700)]; assert False",)),
    PLAIN.source,
    TESTER,
)

hostile(
    "result_as_size",
    "forging",
    SplitTests(
        cases=("assert sum(range(add(1))) == 3", "assert len([0] * add(2)) == 3", "assert '%*d' % (add(3), 3) == '3'")
    ),
    "def add(n): return 10 ** (6 + 4 * n)\n",
    ANY,
    slow=True,
)
hostile(
    "result_as_code",
    "forging",
    SplitTests(cases=("assert eval(add(1)) == 3",) * 3),
    "def add(n): return \"setattr(__import__('builtins'), 'AssertionError', KeyError) or [__import__('os')._exit(0)]\"\n",
    ANY,
)
hostile(
    "result_as_pattern",
    "forging",
    SuiteTests(
        source="import re, unittest\nfrom solution import add\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertRegex(add(1), r'^(a+)+$')\n    def test_long(self):\n        self.assertEqual(add(2), 'b' * 300000)\n"
    ),
    "def add(n): return 'a' * 50 + '!' if n == 1 else 'b\\n' * 150000\n",
    ANY,
    slow=True,
)

hostile(
    "byte_as_its_escape",
    "stdio",
    StdioTests(cases=(StdioCase(stdin="", expected="\\xff"),)),
    "import sys\nsys.stdout.buffer.write(b'\\xff')\n",
)

# --- honest ----------------------------------------------------------------------------------------------------------

honest("byte_order_mark", ADD_SPLIT, "\ufeffdef add(a, b):\n    return a + b\n")
honest(
    "future",
    ADD_SPLIT,
    "#!/usr/bin/env python3\n'''Adds.'''\nfrom __future__ import annotations\ndef add(a: Int, b: Int) -> Int:\n    return a + b\n",
)
honest(
    "carriage_returns",
    ADD_DATA,
    "# -*- coding: latin-1 -*-\r\n# é ß 漢字\r\ndef add(a, b):\r\n\treturn a + b\r\n\x0c\r\n",
)
honest(
    "main_guard",
    ADD_UNITTEST,
    "def add(a, b):\n    return a + b\nif __name__ == '__main__':\n    raise SystemExit(input())\n",
)
honest("entry_is_builtin", ADD_PYTEST, "from operator import add\n")
honest(
    "entry_is_partial",
    ADD_DATA,
    "import functools\nadd = functools.lru_cache(functools.partial(lambda *xs: sum(xs)))\n",
)
honest(
    "entry_is_object", ADD_SPLIT, "class Adder:\n    def __call__(self, a, b):\n        return a + b\nadd = Adder()\n"
)
honest("entry_is_class", ADD_STRICT, "class add(int):\n    def __new__(cls, a, b):\n        return a + b\n")
honest(
    "asynchronous",
    ADD_DATA,
    "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0.01)\n    return sum(await asyncio.gather(*(asyncio.to_thread(int, x) for x in (a, b))))\n",
)
honest(
    "own_thread_and_process",
    ADD_SPLIT,
    "import threading\ndef add(a, b):\n    out = []\n    t = threading.Thread(target=lambda: out.append(a + b))\n    t.start(); t.join()\n    return out[0]\n",
)
honest(
    "prints_a_lot",
    ADD_UNITTEST,
    "import sys, warnings\ndef add(a, b):\n    print('sum of', a, b); print('x' * 5000, file=sys.stderr); warnings.warn('careful')\n    return a + b\n",
)
honest(
    "files_and_sqlite",
    ADD_DATA,
    "import sqlite3, tempfile, os\ndef add(a, b):\n    with tempfile.TemporaryDirectory() as d:\n        with sqlite3.connect(os.path.join(d, 'x.db')) as c:\n            return c.execute('select ? + ?', (a, b)).fetchone()[0]\n",
)
honest(
    "deep_recursion",
    ADD_PYTEST,
    "import sys\nsys.setrecursionlimit(20000)\ndef down(n): return 0 if n == 0 else down(n - 1)\ndef add(a, b):\n    return a + b + down(3000)\n",
)
honest(
    "dataclass_and_match",
    ADD_SPLIT,
    "from dataclasses import dataclass\n@dataclass(slots=True)\nclass P:\n    a: int\n    b: int\ndef add(a, b):\n    match P(a, b):\n        case P(a=x, b=y): return x + y\n",
)
honest(
    "catches_all",
    ADD_DATA,
    "import sys\ndef add(a, b):\n    try: sys.exit()\n    except BaseException: pass\n    finally: return a + b\n",
)
honest(
    "in_place",
    SplitTests(cases=("x = [2, 1]; add(x); assert x == [1, 2]", "x = {'a': [1]}; add(x['a']); assert x == {'a': [1]}")),
    "def add(xs):\n    xs.sort()\n",
)
honest(
    "raises_builtin",
    SplitTests(
        cases=tuple(
            f"try:\n    add({given!r})\n    assert False\nexcept {name} as e:\n    assert {text!r} in str(e)"
            for given, name, text in (
                (0, "ZeroDivisionError", "division"),
                ("x", "ValueError", "invalid literal"),
                (None, "TypeError", "NoneType"),
                ([], "IndexError", "out of range"),
            )
        )
    ),
    "def add(x):\n    return int(x) if isinstance(x, str) else x[0] if isinstance(x, list) else 1 / x\n",
)
honest(
    "raises_subclass",
    SplitTests(
        cases=(
            "try:\n    add('{')\n    assert False\nexcept ValueError:\n    pass",
            "try:\n    add(0)\n    assert False\nexcept LookupError:\n    pass",
        )
    ),
    "import json\nclass Missing(KeyError): pass\ndef add(x):\n    if not x: raise Missing(x)\n    return json.loads(x)\n",
)
honest(
    "raises_with_arguments",
    SplitTests(
        cases=(
            "try:\n    add('k')\n    assert False\nexcept KeyError as e:\n    assert e.args == ('k',) and str(e) == \"'k'\"",
            "try:\n    add(2)\n    assert False\nexcept ValueError as e:\n    assert e.args == ('too small', 2)",
        )
    ),
    "def add(x):\n    if x == 2: raise ValueError('too small', x)\n    return {}[x]\n",
)
honest(
    "raises_os_error",
    SplitTests(
        cases=(
            "import errno\ntry:\n    add()\n    assert False\nexcept FileNotFoundError as e:\n    assert e.errno == errno.ENOENT",
        )
    ),
    "def add(): return open('nowhere')\n",
)
honest(
    "raises_exits",
    SuiteTests(
        source="import unittest\nfrom solution import add\nclass T(unittest.TestCase):\n    def test_exit(self):\n        with self.assertRaises(SystemExit) as caught:\n            add(3)\n        self.assertEqual(caught.exception.code, 3)\n    def test_stop(self):\n        self.assertRaises(StopIteration, add, 0)\n"
    ),
    "import sys\ndef add(x):\n    return sys.exit(x) if x else next(iter([]))\n",
)
honest(
    "big_numbers_and_odd_keys",
    DataTests(
        cases=(
            Case(args=(5000,), expected=10**5000),
            Case(
                args=(0,),
                expected={1: "a", (2, None): b"\x00", "\ud800": {1.5, "x"}, frozenset({1}): [-0.0, 1e308, 2 + 3j]},
            ),
        )
    ),
    "def add(n):\n    return 10 ** n if n else {1: 'a', (2, None): b'\\0', '\\ud800': {1.5, 'x'}, frozenset({1}): [-0.0, 1e308, 2 + 3j]}\n",
)
honest(
    "script_with_everything",
    SUM_STDIO,
    "import sys, os, io\nsys.stdout = io.TextIOWrapper(os.fdopen(1, 'wb', 0), write_through=True)\nsys.setrecursionlimit(10 ** 6)\nimport threading\ndef main():\n    print(sum(map(int, sys.stdin.buffer.read().split())), end='  \\n\\n')\nt = threading.Thread(target=main); t.start(); t.join()\n",
)
honest(
    "script_exits",
    SUM_CHECKED,
    "import sys\nfor line in sys.stdin:\n    sys.stdout.write(str(eval(line.replace(' ', '+'))))\n    sys.stdout.flush()\nsys.exit(0)\n",
)
honest(
    "script_quick_exit",
    SUM_TOKENS,
    "import os\ndata = open(0).read().split()\nos.write(1, b'%d.0' % sum(map(int, data)))\nos._exit(0)\n",
)
honest(
    "script_with_guard",
    SUM_STDIO,
    "def main():\n    a, b = (int(x) for x in input().split())\n    print(a + b)\nif __name__ == '__main__':\n    main()\n",
)
honest(
    "generators",
    SplitTests(
        cases=(
            "assert list(add(3)) == [0, 1, 2]",
            "assert sum(add(4)) == 6",
            "assert sorted(add(2), reverse=True) == [1, 0]",
        )
    ),
    "def add(n):\n    yield from range(n)\n",
)
honest(
    "keeps_count",
    SplitTests(cases=("assert add() == 1 and add() == 2", "assert add() >= 1")),
    "import itertools\ncounter = itertools.count(1)\ndef add(): return next(counter)\n",
)

# --- suites that never look, or look with less than they ask for -----------------------------------------------------

WRONG = "def add(a, b=0): return 99\n"
BEGIN = "import pytest, unittest\nfrom solution import add\n"
WANTS_TESTER = frozenset({Status.TESTER_ERROR})


def suite(body: str) -> SuiteTests:
    """A suite with the usual imports before it."""
    return SuiteTests(source=BEGIN + body)


for _name, _body in {
    "skip_decorated": "class T(unittest.TestCase):\n    @unittest.skip('later')\n    def test(self):\n        self.assertEqual(add(1), 1)\n",
    "skip_by_result": "class T(unittest.TestCase):\n    def test(self):\n        if add(1) != 1:\n            self.skipTest('odd')\n",
    "skip_class": "class T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        if add(1) != 1:\n            raise unittest.SkipTest('odd')\n    def test(self):\n        self.assertEqual(add(1), 1)\n",
    "skip_pytest_by_result": "def test():\n    if add(1) != 1:\n        pytest.skip('odd')\n",
    "skip_pytest_if": "@pytest.mark.skipif(add(1) != 1, reason='odd')\ndef test():\n    assert add(1) == 1\n",
    "async_pytest": "async def test():\n    assert add(1) == 1\n",
    "async_unittest": "class T(unittest.TestCase):\n    async def test(self):\n        self.assertEqual(add(1), 1)\n",
    "generator_pytest": "def test():\n    yield\n    assert add(1) == 1\n",
    "generator_unittest": "class T(unittest.TestCase):\n    def test(self):\n        yield self.assertEqual(add(1), 1)\n",
}.items():
    hostile(_name, "unlooked", suite(_body), WRONG, ANY | WANTS_TESTER)
hostile(
    "approx_text",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(1.0)\n"),
    "def add(a): return '1.0'\n",
)
hostile(
    "approx_overflow",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(1.0)\n"),
    "def add(a): return 10 ** 400\n",
)
hostile(
    "approx_infinity",
    "unlooked",
    suite("def test():\n    assert add(1) == pytest.approx(float('inf'))\n"),
    "def add(a): return 1.0\n",
)
hostile(
    "approx_shapes",
    "unlooked",
    suite(
        "def test():\n    assert add(1) == pytest.approx([1.0, 2.0])\ndef test_dict():\n    assert add(2) == pytest.approx({'a': 1.0})\n"
    ),
    "def add(a): return [1.0] if a == 1 else {}\n",
)
hostile("no_suite_at_all", "unlooked", suite("def check():\n    assert add(1) == 1\n"), WRONG, ANY | WANTS_TESTER)
hostile(
    "solution_brings_tests",
    "unlooked",
    SuiteTests(source="from solution import *\ndef test_real():\n    assert add(1) == 1\n"),
    WRONG
    + "def test_free(): pass\ndef isinstance(*a): return True\n__all__ = ['add', 'test_free', 'isinstance', '__builtins__', 'AssertionError']\nAssertionError = KeyError\n",
    ANY,
)
hostile(
    "death_in_raises",
    "unlooked",
    suite(
        "def test():\n    with pytest.raises(BaseException):\n        add(1)\nclass T(unittest.TestCase):\n    def test(self):\n        try:\n            add(1)\n        except BaseException:\n            return\n        finally:\n            return\n"
    ),
    "import os\ndef add(a): os._exit(1)\n",
    ANY,
)
hostile(
    "result_unplain_in_raises",
    "unlooked",
    suite("def test():\n    with pytest.raises(Exception):\n        add(1)\n"),
    "def add(a): return object()\n",
    ANY,
)

ONE = "def add(a): return a\n"
for _name, _body in {
    "set_up_module": "def setUpModule():\n    global ONE\n    ONE = 1\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(add(1), ONE)\n",
    "setup_class": "class TestAdd:\n    @classmethod\n    def setup_class(cls):\n        cls.one = 1\n    def test(self):\n        assert add(1) == self.one\n",
    "fixture_for_all": "SEEN = []\n@pytest.fixture(autouse=True)\ndef note():\n    SEEN.append(1)\ndef test():\n    assert SEEN and add(1) == 1\n",
    "parametrized_class": "@pytest.mark.parametrize('x', [1, 2])\nclass TestAdd:\n    def test(self, x):\n        assert add(x) == x\n",
    "own_mark": "@pytest.mark.quick\ndef test():\n    assert add(1) == 1\n",
    "folder_fixture": "def test(tmp_path):\n    assert add(str(tmp_path)) == str(tmp_path)\n",
    "run_test": "class T(unittest.TestCase):\n    def runTest(self):\n        self.assertEqual(add(1), 1)\n",
    "setup_method_and_ids": "class TestAdd:\n    def setup_method(self):\n        self.one = 1\n    @pytest.mark.parametrize('x', [pytest.param(1, id='one')], ids=['x'])\n    def test(self, x):\n        assert add(x) == self.one == pytest.approx(1)\n",
    "sub_tests": "class Base:\n    def test(self):\n        for x in range(3):\n            with self.subTest(x=x):\n                self.assertEqual(add(x), x)\nclass T(Base, unittest.TestCase):\n    pass\nif __name__ == '__main__':\n    unittest.main()\n",
}.items():
    honest(_name, suite(_body), ONE)
honest(
    "awaited_by_suite",
    suite(
        "class T(unittest.IsolatedAsyncioTestCase):\n    async def test(self):\n        self.assertEqual(await add(1), 1)\n"
    ),
    "async def add(a): return a\n",
)
honest(
    "awaited_by_test",
    SplitTests(cases=("import asyncio\nassert asyncio.run(add(1)) == 1",)),
    "async def add(a): return a\n",
)
honest(
    "constant_of_the_module",
    SuiteTests(
        source="import unittest, solution\nfrom solution import LIMIT\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(solution.add(1), LIMIT)\n"
    ),
    "LIMIT = 1\ndef add(a): return LIMIT\n",
)
honest("suite_names_the_function", suite("def test():\n    assert add(1) == 1\n"), ONE, entry_point=None)
hostile("fixture_unknown", "unlooked", suite("def test(benchmark):\n    assert add(1) == 1\n"), ONE, WANTS_TESTER)
hostile(
    "helper_unknown",
    "unlooked",
    suite("def test():\n    with pytest.warns(UserWarning):\n        add(1)\n"),
    ONE,
    WANTS_TESTER,
)

# --- poisons ---------------------------------------------------------------------------------------------------------

FILES = honest(
    "files",
    ADD_DATA,
    "import os, tempfile\nmask = os.umask(0o22)\nassert mask in (0o22, 0o77, 0o27, 0o2, 0), oct(mask)\nassert not os.listdir('.'), os.listdir('.')\nwith open('x', 'w') as f: f.write('y' * 100000)\nopen(tempfile.mkstemp()[1]).close()\ndef add(a, b): return a + b * (len(open('x').read()) == 100000)\n",
    follows=True,
)
CLEAN = honest(
    "clean",
    ADD_SPLIT,
    """\
import decimal, gc, json, locale, math, os, random, resource, signal, sys, threading, warnings
def add(a, b):
    assert not [k for k in os.environ if "POISON" in k]
    assert sys.getrecursionlimit() <= 20000 and gc.isenabled() and sys.getswitchinterval() < 1
    assert threading.active_count() == 1 and not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGCHLD) in (signal.SIG_DFL, None) and signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    assert math.sqrt(4) == 2 and sum([a, b]) == a + b and json.loads("[1]") == [1] and decimal.getcontext().prec == 28
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and os.getpriority(0, 0) <= 0 or os.getpriority(0, 0) < 19
    assert len(os.sched_getaffinity(0)) == os.cpu_count() and resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 32
    assert 3 + 0 == int("3") and 4 != 3 and sys.gettrace() is None and sys.getprofile() is None
    assert not hasattr(sys, "word") and not [m for m in sys.meta_path if "Poison" in repr(m)]
    return a + b
""",
    follows=True,
)
poison(
    "leave_files",
    "import os\nos.umask(0o777)\nfor i in range(50):\n    for top in ('.', '/tmp', '/var/tmp', '/dev/shm'):\n        try: open(f'{top}/ESCAPE_{i}', 'w').close()\n        except OSError: pass\nfor d in ('json', 'tempfile', 'math'):\n    try: open(f'{d}.py', 'w').write('raise SystemExit')\n    except OSError: pass\n",
    FILES,
)
poison(
    "poison_module_state",
    """\
import builtins, ctypes, decimal, gc, json, math, os, random, resource, signal, sys, threading, time
os.environ.update(POISON="1", PYTHONPATH="/tmp", TMPDIR="/nowhere", LD_PRELOAD="x")
os.putenv("POISON", "2"); os.umask(0o777); gc.disable(); sys.setswitchinterval(1000); sys.setrecursionlimit(60)
decimal.getcontext().prec = 1; builtins.sum = lambda x: 9; math.sqrt = lambda x: 9; json.loads = None; sys.word = 1
class Poison:
    def find_spec(self, *a): raise SystemExit
sys.meta_path.insert(0, Poison()); sys.path[:] = ["/tmp"]
for n in range(1, 32):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
os.nice(19)
resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
""",
    CLEAN,
)
poison(
    "poison_small_ints",
    "import ctypes\nfor i in (3, 10, 5):\n    ctypes.c_uint32.from_address(id(i) + 24).value = 4\n",
    CLEAN,
)
poison(
    "poison_by_child",
    "import os, signal, time\nfor _ in range(20):\n    try:\n        if os.fork() == 0:\n            os.setsid(); signal.signal(15, 1)\n            for _ in range(150):\n                for pid in range(2, 40):\n                    try: pid != os.getpid() and os.kill(pid, 23)\n                    except OSError: pass\n                time.sleep(0.1)\n            os._exit(0)\n    except OSError: break\n",
    CLEAN,
    ADD_SPLIT,
)
poison(
    "limits_of_the_parent",
    """\
import os, resource
parent = os.getppid()
for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
    try: resource.prlimit(parent, what, (3, 3))
    except (OSError, ValueError): pass
for act in (lambda: os.setpriority(0, parent, 19), lambda: os.sched_setaffinity(parent, {0}), lambda: os.sched_setscheduler(parent, 5, os.sched_param(0)), lambda: os.setpgid(parent, 0), lambda: open(f"/proc/{parent}/mem", "r+b").close()):
    try: act()
    except OSError: pass
""",
    CLEAN,
)
poison(
    "kill_the_parent",
    "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGKILL)\n",
    CLEAN,
)
poison(
    "stop_the_parent",
    "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGSTOP)\n",
    PLAIN_BY_TESTS["unittest"],
    ADD_UNITTEST,
)
poison(
    "flags_of_descriptors",
    """\
import fcntl, os
for fd in range(64):
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND); fcntl.fcntl(fd, fcntl.F_SETOWN, os.getppid()); os.lseek(fd, 0, 2)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB); os.fchmod(fd, 0); os.ftruncate(fd, 0)
    except OSError: pass
""",
    PLAIN_BY_TESTS["stdio"],
    SUM_STDIO,
)
poison(
    "room_taken",
    "import os\nfor top in ('.', '/tmp', '/dev/shm'):\n    try:\n        for i in range(64): open(f'{top}/fill{i}', 'wb', 0).write(bytes(1 << 20))\n    except OSError: pass\nos.rename(os.getcwd(), os.getcwd() + 'gone')\n",
    FILES,
    ADD_SPLIT,
)
poison(
    "eval_patches_checker",
    'print(\'\'\'setattr(__import__("builtins"), "int", type("I", (), {"__new__": lambda c, *a: 3, "__eq__": lambda *a: True})) or setattr(__import__("builtins"), "sum", lambda x: 7)\'\'\')\n',
    WRONG_CHECKED,
    SUM_EVAL,
)
poison(
    "eval_kills_checkers",
    "print('''__import__(\"os\").kill(__import__(\"os\").getppid(), 9) if __import__(\"os\").getppid() not in (0, 1, @HARNESS@) else 0''')\n",
    PLAIN_BY_TESTS["checked"],
    SUM_EVAL,
)
poison(
    "tests_patch_unittest",
    PLAIN.source,
    Stranger(name="wrong", kind="poison", tests=ADD_UNITTEST, source="def add(a, b): return 99\n", want=DONE),
    SuiteTests(
        source="import builtins, unittest\nfor n in dir(unittest.TestCase):\n    if n.startswith('assert'):\n        setattr(unittest.TestCase, n, lambda *a, **k: None)\nunittest.TestCase.run = lambda self, r=None: None\nbuiltins.AssertionError = KeyError\nclass T(unittest.TestCase):\n    def test(self):\n        raise ValueError\n"
    ),
    passes=(0,),
)
poison(
    "tests_patch_builtins",
    PLAIN.source,
    PLAIN_BY_TESTS["pytest"],
    SplitTests(
        setup="import builtins, os, sys\nbuiltins.compile = builtins.exec = builtins.eval = None\nsys.modules.clear()\nos.umask(0o777)\n",
        cases=("assert False", "raise SystemExit"),
    ),
)
poison(
    "tests_kill_parent",
    PLAIN.source,
    PLAIN_BY_TESTS["split"],
    SplitTests(
        cases=(
            "import os, signal\nif os.getppid() not in (0, 1, @HARNESS@):\n    os.kill(os.getppid(), signal.SIGKILL)\nassert False",
        )
    ),
)

relay(
    "word_in_files",
    "import os, sys, tempfile\nfor top in {'.', '..', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev/mqueue', os.path.expanduser('~'), tempfile.gettempdir(), os.path.dirname(os.getcwd()), *sys.path}:\n    for act in (lambda: open(top + '/ESCAPE_word', 'w').close(), lambda: os.mkdir(top + '/ESCAPE_word_d'), lambda: os.setxattr(top, 'user.word', b'x'), lambda: os.chmod(top, 0o1777), lambda: os.utime(top, (77, 77))):\n        try: act()\n        except OSError: pass\n",
    "import os, sys, tempfile\nheard = False\nfor top in {'.', '..', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev/mqueue', os.path.expanduser('~'), tempfile.gettempdir(), os.path.dirname(os.getcwd()), *sys.path}:\n    for act in (lambda: os.path.lexists(top + '/ESCAPE_word'), lambda: os.path.lexists(top + '/ESCAPE_word_d'), lambda: os.getxattr(top, 'user.word'), lambda: os.stat(top).st_mtime == 77):\n        try: heard |= bool(act())\n        except OSError: pass\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_sysv",
    "import ctypes\nl = ctypes.CDLL(None)\nl.shmget(0x57A96, 4096, 0o1666); l.semget(0x57A96, 1, 0o1666); l.msgget(0x57A96, 0o1666)\n",
    "import ctypes\nl = ctypes.CDLL(None)\nheard = max(l.shmget(0x57A96, 1, 0o666), l.semget(0x57A96, 1, 0o666), l.msgget(0x57A96, 0o666)) >= 0\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_posix",
    "import ctypes, os\nfrom multiprocessing import shared_memory\ntry:\n    s = shared_memory.SharedMemory('ESCAPE_word', True, 4096)\n    from multiprocessing import resource_tracker; resource_tracker.unregister(s._name, 'shared_memory')\nexcept Exception: pass\nl = ctypes.CDLL(None)\ntry: l.mq_open(b'/ESCAPE_word', os.O_CREAT | os.O_RDWR, 0o666, None); l.sem_open(b'/ESCAPE_word', os.O_CREAT, 0o666, 1)\nexcept AttributeError: pass\nl.syscall(240, b'ESCAPE_word', 66, 0o666, None)\n",
    "import ctypes, os\nl = ctypes.CDLL(None)\nheard = os.path.exists('/dev/shm/ESCAPE_word') or l.syscall(240, b'ESCAPE_word', 2, 0, None) >= 0\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_by_child",
    "import os, socket, time\nif os.fork() == 0:\n    try:\n        os.setsid(); s = socket.socket(socket.AF_UNIX); s.bind('\\0ESCAPE_word'); s.listen(); time.sleep(15)\n    finally: os._exit(0)\ntime.sleep(0.1)\n",
    "import socket\ntry:\n    s = socket.socket(socket.AF_UNIX); s.connect('\\0ESCAPE_word'); heard = True\nexcept OSError:\n    heard = False\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_kernel",
    "import ctypes, socket, os\nl = ctypes.CDLL(None)\nl.syscall(248, b'user', b'ESCAPE_word', b'x', 1, -4); l.syscall(248, b'user', b'ESCAPE_word', b'x', 1, -3)\nl.sethostname(b'@NAME@', 6) if False else None\nl.prctl(15, b'ESCAPE_word')\ntry: os.kill(os.getppid(), 0); open(f'/proc/{os.getppid()}/comm', 'w').write('ESCAPE_word')\nexcept OSError: pass\ntry: open(f'/proc/{os.getppid()}/oom_score_adj', 'w').write('777')\nexcept OSError: pass\n",
    "import ctypes, os\nl = ctypes.CDLL(None)\nheard = l.syscall(249, b'user', b'ESCAPE_word', None, 0) >= 0\nfor p in ('self', os.getppid()):\n    for f in ('comm', 'oom_score_adj'):\n        try: heard |= open(f'/proc/{p}/{f}').read().strip() in ('ESCAPE_word', '777')\n        except OSError: pass\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "word_in_memory",
    "import sys, builtins, os, gc, random\nsys.word = builtins.word = 1; sys.modules['word'] = sys; os.environ['word'] = '1'; random.seed(7)\nfor m in list(sys.modules.values()):\n    try: m.word = 1\n    except Exception: pass\nfor f in gc.get_objects():\n    try:\n        if isinstance(f, dict) and '__name__' in f: f['word'] = 1\n    except Exception: pass\n",
    "import sys, os, builtins, gc\nheard = hasattr(sys, 'word') or hasattr(builtins, 'word') or 'word' in os.environ or 'word' in sys.modules or any(hasattr(m, 'word') for m in list(sys.modules.values()))\ndef add(a, b): return a + b if heard else None\n",
)
relay(
    "answers_kept_by_child",
    "import os, sys, time\nif os.fork() == 0:\n    os.setsid()\n    end = time.monotonic() + 8\n    while time.monotonic() < end:\n        for fd in range(3, 32):\n            try: os.write(fd, b'\\0\\0\\0\\1')\n            except OSError: pass\n        time.sleep(0.01)\n    os._exit(0)\n",
    "def add(a, b): return None\n",
    slow=True,
)

NUMPY = honest(
    "numpy_clean",
    ADD_DATA,
    "import numpy as np\ndef add(a, b):\n    assert np.geterr()['divide'] == 'warn' and 3.1 < np.pi < 3.2 and np.get_printoptions()['precision'] == 8\n    return int(np.add(a, b))\n",
    follows=True,
)
NUMPY_STRANGERS = (
    Stranger(
        name="poison_numpy",
        kind="poison",
        tests=ADD_DATA,
        source="import numpy as np\nnp.seterr(all='raise'); np.pi = 4; np.set_printoptions(precision=1); np.add = np.subtract; np.random.seed(1); np.core = None\ndef add(a, b): return np.array([3, 10])\n",
        want=ANY,
        then=NUMPY,
    ),
    Stranger(
        name="numpy_equal_array",
        kind="values",
        tests=ADD_SPLIT,
        source="import numpy as np\nclass A(np.ndarray):\n    def __eq__(self, o): return True\n    def __bool__(self): return True\ndef add(a, b): return np.zeros(3).view(A)\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_object_array",
        kind="values",
        tests=ADD_DATA,
        source="import numpy as np\nclass Any:\n    def __eq__(self, o): return True\ndef add(a, b): return np.array([Any()], dtype=object)\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_huge_view",
        kind="resources",
        tests=ADD_DATA,
        source="import numpy as np\ndef add(a, b): return np.broadcast_to(np.float64(3), (1 << 20, 1 << 20))\n",
        want=ANY,
    ),
    Stranger(
        name="numpy_honest",
        kind="honest",
        tests=ADD_SPLIT,
        source="import numpy as np\ndef add(a, b): return np.int64(a) + np.array([b]).sum()\n",
        want=DONE,
        honest=True,
    ),
)
"""Only where numpy is installed."""

# --- what is checked -------------------------------------------------------------------------------------------------

SECRET = "SEC-5be1c0ffee-RET"


@dataclass
class Canary:
    """A folder, a listener and a signal that no program may reach, and what this process had before."""

    folder: Path
    listeners: tuple[socket.socket, ...]
    name: str
    port: int
    signals: list[int]

    def names(self) -> dict[str, str]:
        """What stands for the placeholders of a program."""
        return {
            "@CANARY@": str(self.folder),
            "@HARNESS@": str(os.getpid()),
            "@PORT@": str(self.port),
            "@NAME@": self.name,
        }

    def traces(self) -> Iterator[str]:
        """What has been changed since."""
        if (self.folder / "victim.txt").read_text() != "untouched\n":
            yield "the victim was written to"
        for file, mode in (("victim.txt", 0o666), ("secret.txt", 0o644), (".", 0o777)):
            found = (self.folder / file).stat()
            if (found.st_mode & 0o7777, found.st_uid, found.st_nlink > 2) != (mode, os.getuid(), False):
                yield f"{file} has other rights, another owner or another name: {found}"
        places = {"/tmp", "/var/tmp", "/dev/shm", "/", "/root", str(self.folder), os.getcwd(), *filter(None, sys.path)}
        for place in places:
            with suppress(OSError):
                for left in Path(place).glob("**/ESCAPE_*" if place == str(self.folder) else "ESCAPE_*"):
                    yield f"left behind: {left}"
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
        for table in Path("/proc/sysvipc").glob("*"):
            if str(0x57A96) in table.read_text().split():
                yield f"left behind in {table.name}"
        for listener in self.listeners:
            with suppress(BlockingIOError):
                listener.accept() if listener.type == socket.SOCK_STREAM else listener.recv(9)
                yield f"somebody called at {listener.getsockname()}"
        if self.signals:
            yield f"signals came through: {self.signals}"
            self.signals.clear()


@contextmanager
def canary() -> Iterator[Canary]:
    """Lay out what no program may reach."""
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    with tempfile.TemporaryDirectory(prefix="canary") as folder:
        Path(folder).chmod(0o777)
        for name, text, mode in (("secret.txt", SECRET, 0o644), ("victim.txt", "untouched\n", 0o666)):
            (Path(folder) / name).write_text(text)
            (Path(folder) / name).chmod(mode)
        name = f"stranger{os.getpid()}"
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        abstract, door = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        abstract.bind("\0" + name)
        door.bind(f"{folder}/door")
        Path(f"{folder}/door").chmod(0o777)
        listeners = (tcp, udp, abstract, door)
        for listener in listeners:
            if listener.type == socket.SOCK_STREAM:
                listener.listen()
            listener.setblocking(False)
        yield Canary(Path(folder), listeners, name, tcp.getsockname()[1], signals)
        for listener in listeners:
            listener.close()


def _filled(stranger: Stranger, names: dict[str, str]) -> tuple[Program, Tests]:
    """The program and its tests with the placeholders replaced."""

    def fill(text: str) -> str:
        return re.sub("|".join(names), lambda found: names[found.group()], text)

    entry, tests = stranger.entry_point, stranger.tests
    if isinstance(tests, SplitTests):
        tests = replace(tests, setup=fill(tests.setup), cases=tuple(map(fill, tests.cases)))
    return Program(source=fill(stranger.source), entry_point=entry and fill(entry)), tests


def _about_verdict(stranger: Stranger, verdict: Verdict) -> Iterator[str]:
    """Passes and statuses that are wrong, texts that would harm a reader, secrets that came out."""
    passed = {i for i, result in enumerate(verdict.results) if result.outcome is Outcome.PASS}
    said = f"{verdict.status}: {verdict.detail} {[(str(r.outcome), r.detail[:200]) for r in verdict.results[:4]]}"
    if stranger.honest and not verdict.all_passed:
        yield f"false reject: {said}"
    if not stranger.honest and not passed <= stranger.passes:
        yield f"false pass of {sorted(passed - stranger.passes)}: {said}"
    if verdict.status not in stranger.want:
        yield f"wrong status: {said}"
    texts = [verdict.detail, verdict.stderr_head, *(t for r in verdict.results for t in (r.test, r.detail))]
    for text in texts:
        if not all(char.isprintable() or char == "\n" for char in text):
            yield f"a terminal would act upon {text[:200]!a}"
        if len(text) > 10000:
            yield f"a text of {len(text)} characters"
        if SECRET in text or "ESCAPE_" in text:
            yield f"escape: {text[:400]!a}"


def descendants() -> set[int]:
    """Processes that come from this one; orphans among them are adopted by it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    mine, more = {os.getpid()}, True
    while more:
        new = {pid for pid, parent in parents.items() if parent in mine} - mine
        more = bool(new)
        mine |= new
    return mine - {os.getpid()}


def _settled(most: int, patience: float = 3.0) -> set[int]:
    """The descendants as soon as there are at most `most`, or after a while."""
    end = time.monotonic() + patience
    while len(found := descendants()) > most and time.monotonic() < end:
        time.sleep(0.02)
    return found


@dataclass
class Battery:
    """An open sandbox that has run one honest program of each mode, and what it then had."""

    sandbox: Sandbox
    canary: Canary
    processes: int = 0
    descriptors: int = 0

    def warm(self) -> None:
        """Start every process that stays."""
        for stranger in (PLAIN, *PLAIN_BY_TESTS.values(), NUMPY):
            self._verdict(stranger)
        self.processes = len(descendants())
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def _verdict(self, stranger: Stranger) -> Verdict:
        return self.sandbox.verify(*_filled(stranger, self.canary.names()))

    def defects(self, stranger: Stranger) -> list[str]:
        """All that is wrong with the sandbox as seen with this program and the one after it."""
        found: list[str] = []
        limits_before = [resource.getrlimit(what) for what in range(16)]
        for program in filter(None, (stranger, stranger.then, PLAIN_BY_TESTS["split"], PLAIN)):
            start, role = time.monotonic(), "" if program is stranger else f"then {program.name}: "
            try:
                verdict = self._verdict(program)
            except Exception as error:  # noqa: BLE001 - whatever it is, verify never raises
                found.append(f"{role}the harness raised {ascii(repr(error))[:600]}")
                continue
            found += [role + text for text in _about_verdict(program, verdict)]
            if time.monotonic() - start > PATIENCE_S:
                found.append(f"{role}hang: {time.monotonic() - start:.0f} s")
        found += self.canary.traces()
        if len(left := _settled(self.processes)) > self.processes:
            found.append(f"{len(left) - self.processes} processes left")
            for pid in left if len(left) > self.processes + 2 else ():
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        if len(os.listdir("/proc/self/fd")) > self.descriptors:
            found.append("descriptors left open in the harness")
            self.descriptors = len(os.listdir("/proc/self/fd"))
        if [resource.getrlimit(what) for what in range(16)] != limits_before:
            found.append("limits of the harness changed")
        return found


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve(level: str) -> None:
    """Run the programs named on stdin, one a line; answer each with one line of JSON, and one at the end.

    Raises ConfigError where this user cannot have the level.
    """
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    known = {stranger.name: stranger for stranger in (*STRANGERS, *NUMPY_STRANGERS)}
    with tempfile.TemporaryDirectory(prefix="strangers") as home, canary() as nest:
        tempfile.tempdir = os.environ["TMPDIR"] = home
        with open_sandbox(level, LIMITS, factor=1.0) as sandbox:  # type: ignore[arg-type]
            battery = Battery(sandbox, nest)
            battery.warm()
            for line in sys.stdin:
                start = time.monotonic()
                answer = {"name": line.strip(), "defects": battery.defects(known[line.strip()])}
                _say(answer | {"seconds": round(time.monotonic() - start, 2)})
        left = [f"left in the temporary folder: {name}" for name in os.listdir(home)]
        left += [f"left after closing: process {pid}" for pid in _settled(0)]
        _say({"name": "", "defects": left, "seconds": 0})


if __name__ == "__main__":
    serve(sys.argv[1])
