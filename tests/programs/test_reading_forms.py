"""Which tests are calls and which scripts, what an expected list stands for, and tests that need objects."""

from typing import Any

import pytest

from stages.core.rows import Problem, Row
from stages.programs.reading import ReadingOptions, read_row
from stages.programs.task import Reading
from stages.sandbox.compare import equal
from stages.sandbox.jobs import Case, DataTests, InProcessTests, SplitTests, StdioCase, StdioTests, Tests

PROGRAM = "def f(x):\n    return x\n"
SCRIPT = "print(input())"
TEXTS = [{"input": "a", "output": "b"}]


def read(options: ReadingOptions | None = None, **row: Any) -> Reading | Problem:
    return read_row({"id": "r", "solution": PROGRAM, **row}, options or ReadingOptions())


def suite_of(options: ReadingOptions | None = None, **row: Any) -> Tests:
    found = read(options, **row)
    assert isinstance(found, Reading), found
    assert found.task.suite is not None
    return found.task.suite.tests


CALLED = DataTests(cases=(Case(args=("a",), expected="b"),))
PRINTED = (StdioCase(stdin="a", expected="b"),)


@pytest.mark.parametrize("tests", [TEXTS, {"inputs": ["a"], "outputs": ["b"]}])
def test_with_an_entry_point_a_text_is_the_argument(tests: Any) -> None:
    found = suite_of(entry_point="f", tests=tests)
    assert isinstance(found, DataTests)
    assert found.cases == CALLED.cases
    for row in ({"entry_point": None}, {"entry_point": "f", "mode": "stdio"}, {"entry_point": "f", "solution": SCRIPT}):
        scripts = suite_of(tests=tests, **row)
        assert isinstance(scripts, StdioTests)
        assert scripts.cases == PRINTED


@pytest.mark.parametrize(
    "solution",
    ["def f(x): return input()", "class Solution:\n    def f(self, x): return x", "def g(x): return x", "f("],
)
def test_a_broken_solution_does_not_change_the_tests(solution: str) -> None:
    assert suite_of(entry_point="f", solution=solution, tests=TEXTS) == CALLED


def test_input_output_with_an_entry_point() -> None:
    pairs = {"inputs": [[1, [2]], [3, [4]]], "outputs": [[1], [3]]}
    cases = (Case(args=(1, [2]), expected=[1]), Case(args=(3, [4]), expected=[3]))
    found = suite_of(entry_point="f", input_output=pairs)
    assert isinstance(found, DataTests)
    assert found.cases == cases
    assert suite_of(reference=PROGRAM, input_output=pairs) == found
    starter = suite_of(starter_code="def f(x):", input_output=pairs)
    assert starter == found
    problem = read(input_output=pairs)
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.field) == ("no_entry_point", "entry_point")
    assert "name it in a field 'entry_point'" in problem.error


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([1, 2], (1, 2), True),
        ([[1], [2]], [(1,), (2,)], True),
        ({"a": [1]}, {"a": (1,)}, True),
        ([1.0], (1.0000001,), False),
        ([1, 2], (2, 1), False),
        ({"1": 2}, {1: 2}, False),
        ("ab", ("a", "b"), False),
    ],
)
def test_a_returned_tuple_equals_an_expected_list(expected: Any, actual: Any, same: bool) -> None:
    row: Row = {"entry_point": "f", "tests": [{"input": [1], "output": expected}]}
    tests = suite_of(**row)
    assert isinstance(tests, DataTests)
    assert equal(actual, tests.expected[0], tests.compare, rtol=tests.rtol, atol=tests.atol) == same
    strict = suite_of(ReadingOptions(compare="strict"), **row)
    assert isinstance(strict, DataTests)
    assert strict.compare == "strict"


STACK = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
USES = "s = Stack()\ns.push(1)\nassert s.items == [1]\n"


@pytest.mark.parametrize(
    "row",
    [
        {"solution": STACK},
        {"solution": STACK, "entry_point": "Stack"},
        {
            "solution": STACK,
            "tests": f"from solution import Stack\ndef test_a():\n    {USES.splitlines()[0]}\n    assert s",
        },
        {"solution": "no", "reference": STACK},
        {"solution": None, "solutions": [STACK, STACK, "def f(): pass"]},
        {"solution": STACK.replace("Stack:", "Stack(object):")},
    ],
)
def test_tests_that_use_objects_ask_for_inproc(row: Row) -> None:
    row = {"tests": USES, **row}
    found = read(**row)
    assert isinstance(found, Problem)
    assert (found.reason, found.field) == ("needs_inproc", "tests")
    assert "objects of class 'Stack'" in found.error
    assert "--mode inproc" in found.error
    assert isinstance(suite_of(ReadingOptions(mode="inproc"), **row), InProcessTests)


def test_half_of_the_programs_are_not_most() -> None:
    row: Row = {"solution": None, "solutions": [STACK, "def Stack(x): return x"], "tests": ["assert Stack(1) == 1"]}
    assert isinstance(suite_of(**row), SplitTests)


@pytest.mark.parametrize(
    "solution",
    [
        "def Stack(x):\n    return x\n",
        "class Stack(list):\n    pass\n",
        "class Stack:\n    def __new__(cls, x): return x\n",
        "from typing import NamedTuple\nclass Stack(NamedTuple):\n    x: int\n",
        "x = 1",
    ],
)
def test_functions_with_capital_names_are_called_as_ever(solution: str) -> None:
    assert isinstance(suite_of(solution=solution, tests=["assert Stack(1) == 1"]), SplitTests)
