import ast
import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from stages.programs.check_split import Split, has_check, split_check, split_statements

Solution = Callable[..., Any]


def cut(source: str) -> Split:
    tree = ast.parse(source)
    return (split_check if has_check(tree) else split_statements)(tree, source, "f")


def body(*lines: str) -> str:
    return "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)


def passes(setup: str, cases: tuple[str, ...], solution: Solution) -> list[bool]:
    """What the tester makes of a split: the set-up once, each case among its own copy of the names."""
    names: dict[str, Any] = {"f": solution, "candidate": solution}
    exec(setup, names)
    outcomes = []
    for case in cases:
        try:
            exec(case, dict(names))
            outcomes.append(True)
        except Exception:  # noqa: BLE001  # whatever a test raises
            outcomes.append(False)
    return outcomes


def all_pass(source: str, solution: Callable[[], Solution]) -> tuple[bool, bool]:
    """Whether all cases pass, and whether the code passes as a whole; each with a solution of its own."""
    split = cut(source)
    call = "\ncheck(f)" if "def check" in source else ""
    return all(passes(split.setup, split.cases, solution())), passes("", (source + call,), solution())[0]


def test_each_assertion_is_a_case_with_what_prepares_it() -> None:
    split = cut("import math\n" + body("x = 2", "assert candidate(x) == 4", "y = 3", "assert candidate(y) == 9"))
    assert split.setup == "import math"
    assert split.cases == (
        "def check(candidate):\n    x = 2\n    assert candidate(x) == 4\ncheck(f)",
        "def check(candidate):\n    x = 2\n    y = 3\n    assert candidate(y) == 9\ncheck(f)",
    )
    assert passes(*split, lambda x: x * x) == [True, True]
    assert passes(*split, lambda x: x + 2) == [True, False]


def test_statements_at_the_top_are_cut_likewise() -> None:
    split = cut("import math\nONE = 1\nassert f(ONE) == 1\nr = f(2)\nassert r == 4\nassert math.sqrt(f(3)) == 3")
    assert split.setup == "import math\nONE = 1"
    assert split.cases == ("assert f(ONE) == 1", "r = f(2)\nassert r == 4", "assert math.sqrt(f(3)) == 3")


@pytest.mark.parametrize(
    ("lines", "cases"),
    [
        (["for i in range(3): assert candidate(i) == i", "assert candidate(7) == 7"], 2),
        (["try:", "    candidate(-1)", "    assert False", "except ValueError: pass", "assert candidate(1)"], 2),
        (["if candidate(1) != 1: raise AssertionError", "assert candidate(2) == 2"], 2),
        (["same = lambda a, b: a == b", "assert same(candidate(1), 1)", "assert same(candidate(2), 2)"], 2),
        (["def same(a, b): assert a == b", "same(candidate(1), 1)", "same(candidate(2), 2)"], 2),
        (["import pytest", "with pytest.raises(ValueError): candidate(-1)", "assert candidate(1) == 1"], 2),
        (["r = candidate([1, 2])", "assert isinstance(r, list)", "assert len(r) == 2", "assert r[0] == 1"], 3),
        (["s = 'abc'", "assert candidate(s) == 3", "assert candidate(s, 2) == 5"], 2),
        (["for x in (1, 2): assert candidate(x)", "for x in (3, 4): assert candidate(x)"], 4),
        (["assert candidate(1) == 1", "candidate(2)"], 2),
        (["x = [1]", "candidate(x)", "assert x == [2]", "assert len(x) == 1"], 2),
    ],
)
def test_what_is_cut(lines: list[str], cases: int) -> None:
    assert len(cut(body(*lines)).cases) == cases


@pytest.mark.parametrize(
    "lines",
    [
        ["x = [3, 1]", "assert candidate(x) is None", "assert x == [1, 3]"],
        ["x = [3]", "y = [x]", "assert candidate(y)", "assert x == [3]"],
        ["for i in range(3): assert candidate(i)", "assert i == 2"],
        ["assert (n := candidate(1))", "assert n == 1"],
        ["if candidate(0): return", "assert candidate(1)", "assert candidate(2)"],
        ["import random", "random.seed(1)", "assert candidate(random.random())", "assert candidate(random.random())"],
        ["rng = make(7)", "assert candidate(rng.next())", "assert candidate(rng.next())"],
        ["n = 0", "for i in (1, 2): n += i; assert candidate(i)", "assert n == 3"],
        ["seen = []", "def note(x): seen.append(x); assert x", "note(candidate(1))", "note(candidate(len(seen)))"],
        ["assert eval('candidate(1)')", "assert locals()"],
        ["x = [1]", "for y in x: assert candidate(y)", "assert x == [1]"],
        ["x = {}", "assert candidate(1) and x.setdefault(1, 2)", "assert x"],
    ],
)
def test_what_depends_stays_whole(lines: list[str]) -> None:
    assert cut(body(*lines)).cases == ("check(f)",)


@pytest.mark.parametrize(
    "lines",
    [
        ["STATE.append(1)", "assert candidate(1)", "assert len(STATE) == 1"],
        ["d = STATE", "assert d.append(1) is None and candidate(1)", "assert d == [1]"],
        ["d = STATE", "assert candidate(d)", "assert STATE == [0]"],
    ],
)
def test_state_of_the_module_is_seen_too(lines: list[str]) -> None:
    assert cut("STATE = [0]\n" + body(*lines)).cases == ("check(f)",)


def test_a_name_that_is_bound_anew_links_nothing() -> None:
    lines = [
        "x = [3]",
        "assert candidate(x)",
        "x = [4]",
        "assert candidate(x)",
        "for x in ([1], [2]): assert candidate(x)",
    ]
    assert len(cut(body(*lines)).cases) == 4


def test_other_shapes_of_check_stay_whole() -> None:
    assert cut("def check(candidate, n=1):\n    assert candidate(n)\n    assert candidate(2)").cases == ("check(f)",)
    assert cut("def check(candidate):\n    pass").cases == ("check(f)",)
    mixed = cut("def check(candidate):\n    assert candidate(1)\nassert f(2)")
    assert mixed.cases == ("check(f)",)
    assert "assert f(2)" in mixed.setup


def test_calls_that_start_the_check_are_left_out() -> None:
    source = body("assert candidate(1) == 1") + "def test_check():\n    check(f)\n\ntest_check()\ncheck(f)\n"
    split = cut(source)
    assert split.setup == "def test_check():\n    check(f)"
    assert len(split.cases) == 1


def test_a_result_is_computed_only_for_the_cases_that_read_it() -> None:
    calls: list[int] = []
    lines = ["a = candidate(1)", "assert a == 1", "b = candidate(2)", "assert b == 2", "assert a + b == 3"]
    assert passes(*cut(body(*lines)), lambda x: calls.append(x) or x) == [True] * 3
    assert calls == [1, 2, 1, 2]


PIECES = (
    "x = [{a}, {b}]",
    "y = x",
    "n = {a}",
    "z = [x, {b}]",
    "r = candidate([{a}, {b}])",
    "candidate(x)",
    "assert candidate([{a}, {b}]) is not None",
    "assert candidate(x) == {b}",
    "assert x[0] <= {b}",
    "assert candidate(z[0]) >= 0",
    "assert len(r) if isinstance(r, list) else r == {b}",
    "assert n == {a}",
    "n = n + 1",
    "x.append({a})",
    "for n in ({a}, {b}): assert candidate([n]) == n",
    "for w in x: assert w < 5; x = x[1:]",
    "for w in [{a}, {b}]: assert candidate([w]) == w",
    "q = [[{a}], [{b}]]",
    "for w in q: assert candidate(w) == {a}",
    "assert q[0] != {b}",
    "for i, w in enumerate([[{a}, 1], [{b}]]): n = n + i; assert candidate(w) >= n",
    "assert (n := candidate([{b}])) == {b}",
    "def same(v): x.append(v); assert v is not None",
    "same(candidate([{a}]))",
    "if n == {a}: r = x.pop() if x else 0",
    "assert sum(x) < 9",
    "STATE.append({a})",
    "assert len(STATE) < 4",
    "assert keep(candidate([{b}])) < 4",
    "d = STATE",
    "assert candidate(STATE) != {a}",
    "d = x; d.append({a})",
    "assert candidate(d) == {a}",
    "assert len(d) < 3",
    "same = lambda v: x.append(v)",
    "assert same(candidate([1])) is None and x",
)


def sorter() -> Solution:
    """In place, with the largest as its result: what a test may pass on and look at again."""

    def f(x: list[int]) -> int | None:
        x.sort()
        return x[-1] if x else None

    return f


def popper() -> Solution:
    return lambda x: x.pop() if x else None


@pytest.mark.parametrize("solution", [sorter, popper, lambda: max], ids=["sorts", "pops", "max"])
def test_all_cases_pass_exactly_if_the_whole_does(solution: Callable[[], Solution]) -> None:
    drawn = random.Random(7)
    cut_up = right = 0
    before = "STATE = []\ndef keep(v):\n    STATE.append(v)\n    return len(STATE)\n"
    for _ in range(600):
        lines = ["x, n, r, z, d = [1, 2], 1, 2, [[1]], []", "same = print"]
        lines += [
            piece.format(a=drawn.randint(0, 3), b=drawn.randint(0, 3))
            for piece in drawn.choices(PIECES, k=drawn.randint(1, 5))
        ]
        source = before + body(*lines)
        each, whole = all_pass(source, solution)
        assert each == whole, source
        cut_up += len(cut(source).cases) > 1
        right += whole
    assert cut_up > 30
    assert right > 30


def test_splitting_leaves_the_tree_as_it_was() -> None:
    source = body("assert candidate(1) == 1", "assert candidate(2) == 2")
    tree = ast.parse(source)
    before = ast.dump(copy.deepcopy(tree))
    split_check(tree, source, "f")
    assert ast.dump(tree) == before


EVALPLUS = (
    "def assertion(out, exp, atol):\n    assert out == exp\n"
    "def check(candidate):\n    inputs = [[1], [[2, 3]], [-4]]\n    results = [1, [2, 3], {{5}}]\n"
    "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n        {}assertion(candidate(*inp), exp, 0)\n{}"
)


def test_loops_over_cases_that_are_written_out_are_taken_apart() -> None:
    split = cut(EVALPLUS.format("", ""))
    assert len(split.cases) == 3
    assert "for i, (inp, exp) in [(1, ([[2, 3]], [2, 3]))]:" in split.cases[1]
    assert "inputs" not in split.cases[1]
    assert passes(*split, lambda x: x) == [True, True, False]
    at_top = cut("cases = [(1, 1), (2, 3)]\nfor x, y in cases:\n    assert f(x) == y\nassert f(3) == 3")
    assert at_top.setup == ""
    assert passes(*at_top, lambda x: x) == [True, False, True]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("print(inputs); ", ""),
        ("", "    assert inputs"),
        ("if i == 1: break\n        ", ""),
        ("", "    else: assert i == 3"),
    ],
)
def test_other_loops_stay_one_case(first: str, last: str) -> None:
    split = cut(EVALPLUS.format(first, last))
    assert len(split.cases) == 1
    for lines in (["n = 0", "for x in (1, 2):", "    n += x", "    assert candidate(n)"], ["for x in g(): assert x"]):
        assert len(cut(body(*lines)).cases) == 1
