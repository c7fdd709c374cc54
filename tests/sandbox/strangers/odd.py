"""Odd texts, sources and names."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import SuiteTests
from stages.sandbox.verdict import Status
from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_PYTEST,
    ADD_SPLIT,
    ADD_UNITTEST,
    ANY,
    DONE,
    MARK,
    NO_ENTRY,
    STOPPED,
    SYNTAX,
    hostile,
)

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
