import gzip
import json
from pathlib import Path

import pytest

from stages.verify_code.normal_form import digest, normal_form
from tests.naive import normal_form as naive

SAME = {
    "names": ("def f(a, b):\n  c = a + b\n  return c", "def g(x, y):\n  z = x + y\n  return z"),
    "layout and comments": ("x=1;y=2", "x = 1  # one\n\ny = 2"),
    "docstrings": ('"of the module"\ndef f():\n  """what it does"""\n  return 1', "def f():\n  return 1"),
    "annotations": ("def f(a: int, *b: str) -> int:\n  c: int = a\n  return c", "def f(a, *b):\n  c = a\n  return c"),
    "quotes": ("x = 'a'", 'x = "a"'),
    "aliases of modules": ("import numpy as np\nnp.sum(1)", "import numpy\nnumpy.sum(1)"),
    "aliases of functions": ("from math import sqrt as s\ns(2)", "from math import sqrt\nsqrt(2)"),
    "names of errors": ("try: f()\nexcept E as e: raise e", "try: f()\nexcept E as error: raise error"),
    "names in patterns": (
        "match x:\n  case [a, *b]: a, b\n  case {1: c, **d}: c, d",
        "match x:\n  case [p, *q]: p, q\n  case {1: r, **s}: r, s",
    ),
    "names in comprehensions": ("[a for a in range(3)]", "[b for b in range(3)]"),
}

OTHER = {
    "constants": ("x = 1", "x = 2"),
    "types of constants": ("x = 1", "x = 1.0"),
    "a bool is no number": ("x = 1", "x = True"),
    "a text is no number": ("x = 1", "x = '1'"),
    "sixteens": ("x = 0x10", "x = 10"),
    "builtins": ("def f(a): return min(a)", "def f(a): return max(a)"),
    "attributes": ("x = y.lower()", "x = y.upper()"),
    "functions of modules": ("from math import floor as f\nf(2)", "from math import ceil as f\nf(2)"),
    "keyword arguments": ("sorted(x, key=len)", "sorted(x, other=len)"),
    "keyword arguments that are names too": ("key = 1\nsorted(x, key=len)", "other = 1\nsorted(x, other=len)"),
    "order": ("def f(a, b): return a - b", "def f(a, b): return b - a"),
    "operators": ("x < 1", "x <= 1"),
    "nesting": ("if a:\n  b()\n  c()", "if a:\n  b()\nc()"),
    "names that are nowhere bound": ("f()", "g()"),
    # renamed, these would look the same and behave differently
    "parameters called by their names": (
        "def f(a, b): return a - b\nf(a=1, b=2)",
        "def f(b, a): return b - a\nf(a=1, b=2)",
    ),
    "what a class binds": ("class A:\n  x = 1\n  y = 2\nA.x", "class A:\n  y = 1\n  x = 2\nA.x"),
    "methods": ("class A:\n  def f(s): pass\nA().f()", "class A:\n  def g(s): pass\nA().f()"),
    "builtins that are bound elsewhere": (
        "def f(list): return list\ndef g(x): return list(x)",
        "def f(a): return a\ndef g(x): return a(x)",
    ),
    "a module under a name it has not": ("import numpy as np\nnp.sum(1)", "import numpy as np\nnumpy.sum(1)"),
    "one name for two modules": (
        "import a as x, a as z\nimport b as x\nx.f()",
        "import a as x, a as z\nimport b as x\nz.f()",
    ),
    "starred and not": ("print(*a)", "print(a)"),
    "async": ("async def f(): pass", "def f(): pass"),
}


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_what_is_the_same(pair: tuple[str, str]) -> None:
    first, second = (normal_form(one) for one in pair)
    assert first is not None
    assert first == second
    assert digest(first) == digest(second or "")


@pytest.mark.parametrize("pair", OTHER.values(), ids=OTHER)
def test_what_is_not_the_same(pair: tuple[str, str]) -> None:
    first, second = (normal_form(one) for one in pair)
    assert first is not None
    assert second is not None
    assert first != second
    assert digest(first) != digest(second)


def test_names_are_numbered_by_appearance() -> None:
    form = normal_form("def f(a):\n  return len(a) + b")
    assert form is not None
    names = [token for token in form.split("\n") if token in {"$1", "$2", "len", "b", "f", "a"}]
    assert names == ["$1", "$2", "len", "$2", "b"]


@pytest.mark.parametrize(
    "source",
    ["def f(:", "x = \0", "x = '\ud800", "-" * 200_000 + "1", "(" * 5000 + "1" + ")" * 5000],
    ids=["syntax", "nul", "surrogate", "deep", "brackets"],
)
def test_what_does_not_parse_has_no_form(source: str) -> None:
    assert normal_form(source) is None


def test_long_numbers_odd_texts_and_doubtful_escapes() -> None:
    assert normal_form(f"x = 0x{'f' * 9000}") != normal_form(f"x = 0x{'f' * 9001}")
    for source in (r"x = '\ud800'", "x = 'a\\nb'", r"x = '\d'", "1 is 1"):
        form = normal_form(source)
        assert form is not None
        assert len(digest(form)) == 32


def test_a_chain_of_calls_is_no_recursion() -> None:
    assert normal_form("f" + ".g()" * 90) is not None
    assert normal_form("if a: pass\n" + "elif b: pass\n" * 80) is not None


def test_groups_equal_the_plain_rewriting(root: Path) -> None:
    sources = [text for pair in (*SAME.values(), *OTHER.values()) for text in pair]
    sources += [file.read_text(encoding="utf-8") for file in sorted((root / "stages" / "core").glob("*.py"))]
    assert partition(sources, normal_form) == partition(sources, naive.normal_form)


def test_groups_of_sampled_programs(shared_data: Path) -> None:
    with gzip.open(shared_data / "codet" / "code_solution.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for _, line in zip(range(10), lines, strict=False)]
    for row in rows:
        sources = [row["prompt"] + sample for sample in row["samples"]]
        groups = partition(sources, normal_form)
        assert groups == partition(sources, naive.normal_form)
        assert len(set(groups)) < len({*sources})


def partition(sources: list[str], form: object) -> list[int]:
    """For every source the place of the first with the same form."""
    assert callable(form)
    forms = [form(source) for source in sources]
    return [forms.index(one) for one in forms]
