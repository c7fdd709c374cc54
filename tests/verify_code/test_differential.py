import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stages.sandbox.jobs import Case, DataTests, InProcessTests, SplitTests, StdioCase, StdioTests, SuiteTests
from stages.verify_code.differential import NEAR, differential, nearby
from stages.verify_code.side_by_side import SideBySide, near, prints_alike

Anything = Any


def beside(reference: str, function: Callable[..., Anything]) -> SideBySide:
    """`function` stands for the stub of the program's process."""
    return SideBySide(reference, "f", {"f": function})


def alike(reference: str, function: Callable[..., Anything], case: str, near: tuple[int, ...] = ()) -> bool:
    try:
        beside(reference, function).case(case, near)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "same"),
    [("x + 1", True), ("x + 1.0", True), ("x + 2", False), ("[x]", False), ("None", False)],
)
def test_values_are_compared_by_equality(value: str, same: bool) -> None:
    assert alike(f"def f(x): return {value}", lambda x: x + 1, "f(3)") is same
    assert alike("def f(x): return float('nan')", lambda x: float("nan"), "f(3)")


def test_what_the_test_says_of_the_value_does_not_count() -> None:
    assert alike("def f(x): return x", lambda x: x, "assert f(3) == 4")
    assert not alike("def f(x): return x", lambda x: -x, "try:\n    f(3)\nexcept BaseException:\n    pass")
    assert alike("def f(x): return x", lambda x: x, "assert candidate(3) == 4")


def test_a_case_that_makes_no_call_is_not_taken_for_alike() -> None:
    for case in ("pass", "not (python", "unknown(3)"):
        assert not alike("def f(x): return x", lambda x: x, case)


class SolutionError(Exception):
    """As the stub raises for what it cannot rebuild."""


def test_exceptions_are_compared_by_type() -> None:
    def raises(error: Exception) -> Callable[[object], object]:
        def function(_: object) -> object:
            raise error

        return function

    reference = "class Own(Exception): pass\ndef f(x):\n    if x == 2: exit()\n    raise [KeyError, Own][x]('text')"
    assert alike(reference, raises(KeyError("other")), "f(0)")
    assert not alike(reference, raises(ValueError("text")), "f(0)")
    assert not alike(reference, lambda x: None, "f(0)")
    assert alike(reference, raises(SolutionError("Own: text")), "f(1)")
    assert alike(reference, raises(SolutionError("SystemExit: ")), "f(2)")


def test_a_test_goes_on_as_without_the_comparison() -> None:
    reference = "def f(x):\n    return [1][x]"
    case = "try:\n    f(1)\n    f(0)\nexcept IndexError:\n    pass"
    assert alike(reference, [2].__getitem__, case)
    assert not alike(reference, [2].__getitem__, case + "\nf(0)")


def test_changes_of_arguments_count() -> None:
    reference = "def f(x):\n    x.sort()"
    assert alike(reference, lambda x: x.sort(), "f([2, 1])")
    assert not alike(reference, lambda x: None, "f([2, 1])")
    assert alike(reference, lambda x: x.sort(), "x = [2, 1]\nf(x)\nassert x == [1, 2]\nf(x)")


def test_iterators_are_read_out_and_coroutines_awaited() -> None:
    assert alike("def f(x):\n    yield from x", lambda x: iter(list(x)), "f([1, 2])")
    assert not alike("def f(x):\n    yield from x", lambda x: iter([1]), "f([1, 2])")
    assert alike("async def f(x): return x", lambda x: x, "f(3)")


def test_inputs_near_those_of_the_case_tell_more_apart() -> None:
    reference = "def f(x):\n    return max(x, 0)"
    wrong: Callable[[int], int] = lambda x: x if x > 1 else 0  # noqa: E731
    assert alike(reference, wrong, "f(3)")
    assert not alike(reference, wrong, "f(3)", tuple(range(NEAR)))
    assert alike(reference, lambda x: (abs(x) + x) // 2, "f(3)", tuple(range(NEAR)))


def test_what_the_reference_refuses_is_not_compared() -> None:
    reference = "def f(x):\n    assert x == 3\n    return 1"
    assert alike(reference, lambda x: 1, "f(3)", tuple(range(NEAR)))


def test_set_ups_that_call_the_function_are_compared_in_the_cases() -> None:
    both = beside("def f(x): return x", lambda x: x if x else None)
    both.execute("def check(g):\n    f(1)\n    g(0)\n")
    with pytest.raises(AssertionError, match="another value"):
        both.case("check(candidate)")
    both.case("f(1)")


@pytest.fixture
def solution_module() -> Iterator[types.ModuleType]:
    module = types.ModuleType("solution_under_test")
    module.__dict__["__getattr__"] = lambda name: lambda x: -x
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def test_functions_that_suites_import_are_compared(solution_module: types.ModuleType) -> None:
    both = beside("def f(x): return x\ndef g(x): return x", lambda x: x)
    both.offer_modules([solution_module.__name__])
    assert solution_module.f(3) == 3
    assert solution_module.g(0) == 0
    with pytest.raises(AssertionError):
        solution_module.g(1)
    with pytest.raises(AssertionError, match="cannot be called alike"):
        solution_module.missing(1)


@pytest.fixture
def own_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "argv"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.mark.usefixtures("own_streams")
def test_scripts_are_compared_by_their_lines() -> None:
    script = "import sys\nfor line in sys.stdin.buffer: print(int(line) + 1, end=' \\n')\nsys.exit(0)"
    assert prints_alike(script, "1\n2\n", "2\n3\n\n")
    assert not prints_alike(script, "1\n2\n", "2 3")
    assert prints_alike(script, "one", "") is False
    assert prints_alike("print('\\ud800' + ascii(input()))", "\udcff", "\\ud800'\\udcff'")
    assert prints_alike("print(input() + __name__)", "a", "a__main__")


@pytest.mark.parametrize("value", [True, 3, 2.5, "text", "", [1, [2]], (1, "a", None), {"a": [1]}, [], (), {}, None])
def test_near_values_keep_their_type_and_mostly_differ(value: object) -> None:
    found = [near(value, random.Random(seed)) for seed in range(40)]
    assert {type(one) for one in found} == {type(value)}
    assert found == [near(value, random.Random(seed)) for seed in range(40)]
    changeable = value not in ([], (), {}, None)
    assert (sum(one != value for one in found) > 20) is changeable


class OneStep(random.Random):
    def randint(self, a: int, b: int) -> int:
        return 1


def steps(value: object) -> set[object]:
    found = [near(value, OneStep(seed)) for seed in range(2000)]
    return {tuple(one) if isinstance(one, list) else one for one in found}


def test_one_step_from_a_value() -> None:
    assert steps(5) == {6, 4, 2, -5}
    assert steps(5.0) == {6.0, 4.5, 2.5, -5.0}
    assert steps((5, True)) == {(6, True), (4, True), (2, True), (-5, True), (5, False)}
    assert steps((5, 8)) == {(6, 8), (4, 8), (2, 8), (-5, 8), (5, 9), (5, 7), (5, 4), (5, -8), (8, 5)}
    shorter = {(8, 9), (7, 9), (7, 8)}
    doubled = {(7, 7, 8, 9), (7, 8, 8, 9), (7, 8, 9, 9), (8, 7, 8, 9), (9, 7, 8, 9), (7, 9, 8, 9), (7, 8, 7, 9)}
    moved = {(7, 8, 9), (8, 7, 9), (8, 9, 7), (7, 9, 8), (9, 7, 8)}
    changed = (
        {(x, 8, 9) for x in (8, 6, 3, -7)} | {(7, x, 9) for x in (9, 7, 4, -8)} | {(7, 8, x) for x in (10, 8, 4, -9)}
    )
    assert steps([7, 8, 9]) == shorter | doubled | moved | changed


def test_near_values_leave_the_original_alone() -> None:
    value = [[1, 2], {"a": [3]}]
    for seed in range(40):
        near(value, random.Random(seed))
    assert value == [[1, 2], {"a": [3]}]


def test_as_many_tests_as_there_were_and_some_near_them() -> None:
    split = SplitTests(cases=("f(1)", "f(2)"), setup="x = 1")
    data = DataTests(cases=(Case(args=(1,), expected=2), Case(kwargs=(("x", 1),))))
    for tests in (split, data):
        own, further = differential(tests, "def f(x): pass", "f"), nearby(tests, "def f(x): pass", "f")
        assert isinstance(own, SplitTests)
        assert isinstance(further, SplitTests)
        assert (len(own.cases), len(further.cases)) == (2, NEAR)
    assert nearby(SplitTests(cases=()), "", "f") is not None
    script = StdioTests(cases=(StdioCase(stdin="3 a\n", expected="x"), StdioCase(stdin="a", expected="x")))
    further = nearby(script, "", None)
    assert isinstance(further, StdioTests)
    assert {case.stdin for case in further.cases} == {"2 a\n", "4 a\n", "5 a\n", "a"}
    assert isinstance(differential(SuiteTests(source=""), "", "f"), SuiteTests)
    assert differential(InProcessTests(tests=split), "", "f") is None
    assert nearby(InProcessTests(tests=split), "", "f") is None
