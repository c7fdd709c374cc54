"""Unusual programs that must pass."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import Case, DataTests, SplitTests, SuiteTests
from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_PYTEST,
    ADD_SPLIT,
    ADD_STRICT,
    ADD_UNITTEST,
    SUM_CHECKED,
    SUM_STDIO,
    SUM_TOKENS,
    honest,
)

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
