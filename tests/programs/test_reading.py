import json
from typing import Any

import pytest

from stages.core.rows import Problem, Row
from stages.programs.reading import CONSUMED, ReadingOptions, read_row
from stages.programs.task import Reading, Suite
from stages.sandbox.jobs import Case, DataTests, InProcessTests, SplitTests, StdioCase, StdioTests, SuiteTests

PROGRAM = "def f(x):\n    return x + 1\n"
PROMPT = 'def aid(x):\n    return x\n\n\ndef f(x):\n    """Add one."""\n'


def reading(row: Row, **options: Any) -> Reading:
    found = read_row({"id": "r", **row}, ReadingOptions(**options))
    assert isinstance(found, Reading), found
    return found


def problem(row: Row, **options: Any) -> Problem:
    found = read_row({"id": "r", **row}, ReadingOptions(**options))
    assert isinstance(found, Problem), found
    assert found.error.endswith(".")
    return found


def suite(row: Row, **options: Any) -> Suite:
    found = reading({"solution": PROGRAM, **row}, **options).task.suite
    assert found is not None
    return found


def test_a_row_of_our_own_table() -> None:
    row = {
        "problem_id": "p",
        "prompt": "Add one.",
        "solution": PROGRAM,
        "entry_point": "f",
        "tests": ["assert f(1) == 2", "assert f(2) == 3"],
        "reference": PROGRAM,
        "heldout_tests": [{"input": [5], "output": 6}],
        "judge": 4,
        "truth": True,
    }
    task, (solution,) = reading(row)
    assert (task.key, task.entry_point, task.reference) == ("p", "f", PROGRAM)
    assert task.prompt == [{"role": "user", "content": "Add one."}]
    assert task.suite == Suite(tests=SplitTests(cases=("assert f(1) == 2", "assert f(2) == 3")), names=("0", "1"))
    assert task.heldout is not None
    assert task.heldout.tests == DataTests(cases=(Case(args=(5,), expected=6),))
    assert (solution.number, solution.source, solution.truth, solution.judge) == (0, PROGRAM, True, 4.0)
    assert solution.completion == [{"role": "assistant", "content": PROGRAM}]
    assert {"id", "problem_id", "prompt", "solution", "judge", "truth"} <= set(CONSUMED)
    assert not {"tests", "entry_point", "reference"} & set(CONSUMED)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    "tests",
    [
        [{"input": [1], "output": 2}],
        [{"args": [1], "expected": 2}],
        [{"inputs": [1], "expected_output": 2, "id": "0"}],
        [{"input": 1, "output": 2, "kwargs": None}],
    ],
)
def test_calls_with_what_they_should_give(tests: list[Row], as_text: bool) -> None:
    found = suite({"entry_point": "f", "tests": json.dumps(tests) if as_text else tests})
    assert found == Suite(tests=DataTests(cases=(Case(args=(1,), expected=2),)), names=("0",))


def test_keyword_arguments_and_names() -> None:
    tests = [{"id": "a", "input": {"x": 1}, "output": 2}, {"id": "b", "args": [1], "kwargs": {"y": 2}, "output": None}]
    found = suite({"entry_point": "f", "tests": tests}, compare="strict")
    cases = (Case(kwargs=(("x", 1),), expected=2), Case(args=(1,), kwargs=(("y", 2),)))
    assert found == Suite(tests=DataTests(cases=cases, compare="strict"), names=("a", "b"))
    twice = [{"id": "a", "input": 1, "output": 2}] * 2
    assert suite({"entry_point": "f", "tests": twice}).names == ("0", "1")


def test_texts_are_read_and_printed_unless_there_is_a_function() -> None:
    tests = [{"input": "1\n", "output": "2\n"}, {"stdin": "2", "stdout": "3"}]
    cases = (StdioCase(stdin="1\n", expected="2\n"), StdioCase(stdin="2", expected="3"))
    found = reading({"solution": "print(int(input()) + 1)", "tests": tests}, rtol=0.1)
    assert found.task.entry_point is None
    assert found.task.suite == Suite(tests=StdioTests(cases=cases, rtol=0.1, atol=1e-9), names=("0", "1"))
    called = suite({"entry_point": "f", "tests": tests[:1]})
    assert called.tests == DataTests(cases=(Case(args=("1\n",), expected="2\n"),))
    assert suite({"entry_point": "f", "tests": tests[:1], "mode": "stdio"}).names == ("0",)
    assert isinstance(suite({"entry_point": "f", "tests": tests[:1]}, mode="stdio").tests, StdioTests)
    row = {"tests": tests, "checker": "def check(input, output, expected): return True", "compare": "tokens"}
    checked = suite(row).tests
    assert isinstance(checked, StdioTests)
    assert checked.checker == row["checker"]
    assert checked.compare == "tokens"


def test_humaneval() -> None:
    check = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(aid(2)) == 3\n"
    row = {"task_id": "HumanEval/x", "prompt": PROMPT, "test": check, "canonical_solution": "    return x + 1\n"}
    task, (solution,) = reading({**row, "completion": "    return x + 1\ndef g(): pass"}, stop=("\ndef ",))
    assert task.entry_point == "f"
    assert task.reference == f"{PROMPT}    return x + 1\n"
    assert solution.source == f"{PROMPT}    return x + 1"
    assert task.suite is not None
    assert isinstance(task.suite.tests, SplitTests)
    assert task.suite.tests.setup == "def aid(x):\n    return x"
    assert task.suite.tests.cases[1] == "def check(candidate):\n    assert candidate(aid(2)) == 3\ncheck(f)"


def test_mbpp() -> None:
    row = {
        "task_id": 7,
        "text": "Add one.",
        "code": PROGRAM,
        "test_list": ["assert set([f(1)]) == {2}", "assert math.sqrt(f(3)) == 2"],
        "test_imports": ["import math"],
        "challenge_test_list": ["assert f(-1) == 0"],
    }
    task, (solution,) = reading({**row, "completion": f"```\n{PROGRAM}```"})
    assert (task.key, task.entry_point, task.reference, solution.source) == ("7", "f", PROGRAM, PROGRAM)
    assert task.suite is not None
    assert task.suite.tests == SplitTests(cases=tuple(row["test_list"]), setup="import math")  # type: ignore[arg-type]
    assert task.heldout is not None
    assert task.heldout.names == ("0",)
    assert problem(row).reason == "no_solution"


def test_apps() -> None:
    scripts = {"inputs": ["1\n", ["1", "2"]], "outputs": ["2\n", ["3"]]}
    found = reading(
        {"question": "Add.", "solutions": json.dumps(["print(1)", "x"]), "input_output": json.dumps(scripts)}
    )
    assert found.task.suite is not None
    assert isinstance(found.task.suite.tests, StdioTests)
    assert found.task.suite.tests.cases[1] == StdioCase(stdin="1\n2", expected="3")
    assert [solution.source for solution in found.solutions] == ["print(1)", "x"]
    method = "class Solution:\n    def f(self, x):\n        return x\n"
    row = {"input_output": {"fn_name": "f", "inputs": [[1], [2]], "outputs": [[[1]], [[2]]]}, "solution": method}
    task, (solution,) = reading(row)
    assert task.suite is not None
    cases = (Case(args=(1,), expected=[1]), Case(args=(2,), expected=[2]))
    assert task.suite.tests == DataTests(cases=cases, compare="approx", rtol=0.0, atol=0.0)
    assert solution.source is not None
    assert solution.source.endswith("def f(*args, **kwargs):\n    return Solution().f(*args, **kwargs)\n")


def test_livecodebench() -> None:
    tests = [{"input": '[1, 2]\n"a"', "output": "[3]", "testtype": "functional"}]
    row = {"question_id": "q", "public_test_cases": json.dumps(tests), "private_test_cases": tests}
    found = reading({**row, "metadata": '{"func_name": "f"}', "code_list": [PROGRAM], "graded_list": [False]})
    assert (found.task.key, found.task.entry_point, found.solutions[0].truth) == ("q", "f", False)
    assert found.task.suite is not None
    assert isinstance(found.task.suite.tests, DataTests)
    assert found.task.suite.tests.cases == (Case(args=([1, 2], "a"), expected=[3]),) * 2
    stdin = [{"input": "1", "output": "2", "testtype": "stdin"}]
    assert isinstance(suite({"public_test_cases": stdin, "starter_code": ""}).tests, StdioTests)
    packed = problem({"solution": PROGRAM, "private_test_cases": "eJxrYJmqyQABtVAaAA=="})
    assert "never loaded" in packed.error
    mixed = problem({"solution": PROGRAM, "public_test_cases": [*stdin, *tests]})
    assert mixed.reason == "bad_tests"


def test_quixbugs() -> None:
    found = suite({"name": "f", "entry_point": "f", "json_tests": "[[[1], 2], [[[1]], [[2]]]]"})
    assert isinstance(found.tests, DataTests)
    assert found.tests.cases == (Case(args=(1,), expected=2), Case(args=([1],), expected=[[2]]))
    assert found.tests.compare == "approx"  # tuples count as the lists that JSON has for them


def test_evalplus_and_inputs_alone() -> None:
    row = {"task_id": "HumanEval/x", "prompt": PROMPT, "entry_point": "f", "canonical_solution": "    return x + 1\n"}
    found = suite({**row, "base_input": [[1]], "plus_input": [[2], [3]], "atol": 0, "test": "ignored"})
    assert found.names == ("base-0", "plus-0", "plus-1")
    assert isinstance(suite({**row, "tests": [{"input": [1]}, {"input": [2]}]}).tests, SplitTests)
    assert problem({"solution": PROGRAM, "entry_point": "f", "tests": [{"input": [1]}]}).reason == "no_reference"


SUITE = (
    "import unittest\nfrom answer import f\n"
    "class T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 2)\n"
)


def test_suites() -> None:
    task = reading({"solution": PROGRAM, "test": SUITE + "\nunittest.main()"}).task
    assert task.entry_point == "f"
    assert task.suite is not None
    assert isinstance(task.suite.tests, SuiteTests)
    assert task.suite.tests.modules == ("answer",)
    assert "main()" not in task.suite.tests.source
    assert task.suite.names == ()
    attributes = "import numpy as np, s as m\ndef test_a():\n    assert m.f(1) == 2\ntest_a()\n"
    task = reading({"solution": PROGRAM, "tests": attributes}).task
    assert task.entry_point == "f"
    assert task.suite is not None
    source = "import numpy as np, s as m\n\ndef test_a():\n    assert m.f(1) == 2"
    assert task.suite.tests == SuiteTests(source=source, modules=("s",))
    bare = reading({"solution": PROGRAM, "tests": ["def test_a():\n    assert f(1) == 2", "def test_b(): f(0)"]}).task
    assert bare.entry_point == "f"
    inproc = suite({"tests": SUITE}, mode="inproc").tests
    assert isinstance(inproc, InProcessTests)
    assert isinstance(inproc.tests, SuiteTests)
    assert isinstance(suite({"tests": ["assert f(1) == 2"], "mode": "inproc"}).tests, InProcessTests)


def test_assertions_that_need_each_other_are_read_as_one_text() -> None:
    found = suite({"tests": ["r = f(1)", "assert r == 2", "assert f(2) == 3"]})
    assert found == Suite(tests=SplitTests(cases=("r = f(1)\nassert r == 2", "assert f(2) == 3")), names=("0", "1"))
    named = suite({"tests": [{"name": "one", "code": "assert f(1) == 2"}]})
    assert named.names == ("one",)


@pytest.mark.parametrize(
    ("row", "entry_point"),
    [
        ({"tests": ["assert sorted(f(1)) == g(2)", "assert f(2)"]}, "f"),
        ({"tests": ["assert sorted(g(1)) == aid(2)"], "prompt": PROMPT}, "aid"),
        ({"test": "def check(candidate):\n    assert candidate(1)", "prompt": PROMPT}, "f"),
        ({"test": "def check(candidate):\n    assert candidate(1)\ncheck(g)", "prompt": PROMPT}, "g"),
        ({"test": "def check(candidate):\n    assert candidate(1)", "reference": PROGRAM}, "f"),
        ({"tests": [{"input": [1], "output": 1}], "starter_code": "class Solution:\n    def h(self, x):\n"}, "h"),
        ({"entry_point": "Solution().f", "tests": ["assert candidate(x=1)"]}, "f"),
    ],
)
def test_the_entry_point_is_found(row: Row, entry_point: str) -> None:
    assert reading({"solution": PROGRAM, **row}).task.entry_point == entry_point


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"tests": ["assert f(1) = 2"]}, "bad_tests", "tests"),
        ({"tests": "def check(candidate:\n"}, "bad_tests", "tests"),
        ({"tests": ["assert f(1)", {"input": 1}]}, "bad_tests", "tests"),
        ({"tests": 5}, "bad_type", "tests"),
        ({"tests": [{"input": 1, "output": 2}]}, "no_entry_point", "entry_point"),
        ({"tests": [{"input": "1", "output": " \n"}]}, "bad_tests", "tests"),
        ({"tests": [{"output": 2}], "entry_point": "f"}, "bad_tests", "tests"),
        ({"tests": [{"input": 1, "output": 2}, {"input": 1}], "entry_point": "f"}, "bad_tests", "tests"),
        ({"tests": [[1, 2, 3]], "entry_point": "f"}, "bad_tests", "tests"),
        ({"test": "def check(candidate):\n    assert candidate(1)"}, "no_entry_point", "entry_point"),
        ({"input_output": "{"}, "bad_tests", "input_output"),
        ({"input_output": {"inputs": ["1"], "outputs": []}}, "bad_tests", "input_output"),
        ({"tests": ["assert f(1)"], "mode": "data"}, "bad_mode", "tests"),
        ({"tests": ["assert f(1)"], "mode": "magic"}, "bad_value", "mode"),
        ({"tests": ["assert f(1)"], "compare": "magic"}, "bad_value", "compare"),
        ({"tests": ["assert f(1)"], "atol": "much"}, "bad_type", "atol"),
        ({"tests": [{"stdin": "1", "stdout": "2"}], "checker": "def grade(): pass"}, "bad_checker", "checker"),
        ({"tests": [{"input": [1], "output": 2}], "entry_point": "f", "mode": "inproc"}, "bad_mode", "tests"),
        ({"solution": 5}, "bad_type", "solution"),
        ({"solution": "x = '\ud800'"}, "bad_text", "solution"),
        ({"solution": "x" * (9 << 20)}, "too_long", "solution"),
        ({"solution": None}, "no_solution", "solution"),
        ({"solution": None, "completions": []}, "bad_type", "completions"),
        ({"solution": None, "completion": [{"role": "user", "content": "x"}]}, "bad_value", "completion"),
        ({"truth": "good"}, "bad_type", "truth"),
        ({"truth": [True, False]}, "bad_value", "truth"),
        ({"judge": "good"}, "bad_value", "judge"),
        ({"prompt": 7}, "bad_type", "prompt"),
        ({"entry_point": 7}, "bad_type", "entry_point"),
    ],
)
def test_rows_that_are_wrong(row: Row, reason: str, field: str) -> None:
    found = problem({"solution": PROGRAM, **row})
    assert (found.reason, found.field) == (reason, field)


def test_tests_nested_too_deeply_are_a_problem() -> None:
    deep = "assert f(" + "[" * 80 + "]" * 80 + ")"
    assert suite({"tests": [deep]}).names == ("0",)
    assert problem({"solution": PROGRAM, "tests": "assert " + "+".join(["f(1)"] * 5000)}).reason == "bad_tests"
    nested: Any = 1
    for _ in range(210):
        nested = [nested]
    found = problem({"solution": PROGRAM, "entry_point": "f", "tests": [{"args": [nested], "expected": 1}]})
    assert found.reason == "bad_tests"


def test_tests_that_the_sandbox_refuses_are_a_problem() -> None:
    half = {"tests": [{"input": "\ud800", "output": "1"}]}
    empty = {"entry_point": "f", "tests": ["assert f(1) == 2", "# f"]}
    for row, text in ((half, "half a character"), (empty, "no statement")):
        found = problem({"solution": PROGRAM, **row})
        assert found.reason == "bad_tests"
        assert text in found.error


def test_without_tests_there_is_no_suite() -> None:
    for row in ({}, {"tests": None}, {"tests": []}, {"tests": " "}, {"tests": ["", " "]}):
        assert reading({"solution": PROGRAM, **row}).task.suite is None
