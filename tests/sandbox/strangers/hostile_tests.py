"""Tests that harm the harness or the program."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import SplitTests, StdioCase, StdioTests, SuiteTests
from stages.sandbox.verdict import Status
from tests.sandbox.strangers.base import ANY, PLAIN, hostile

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
