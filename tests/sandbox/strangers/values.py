"""Values that pretend to be others."""

# ruff: noqa: E501 - a program in one line is read as one thing

from stages.sandbox.jobs import Case, DataTests, SplitTests
from tests.sandbox.strangers.base import (
    ADD_DATA,
    ADD_PYTEST,
    ADD_SPLIT,
    ADD_STRICT,
    ADD_UNITTEST,
    ANY,
    NUMBERS,
    ORDERED,
    TIMEOUT,
    TOKEN_DATA,
    WORDS_MULTISET,
    WORDS_SET,
    honest,
    hostile,
)

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
