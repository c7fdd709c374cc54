"""Which row a completion belongs to becomes which program and tests."""

import json
from typing import Any

import pytest

from stages.core.rows import Problem
from stages.programs.task import Suite
from stages.rewards.code_task import CodeTask, read_task, weights_of
from stages.sandbox.jobs import Case, DataTests, SplitTests, StdioCase, StdioTests, SuiteTests
from tests.rewards.scripted_reward import item

ADD = "def add(a, b):\n    return a + b\n"
ASSERTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]
SPLIT = SplitTests(cases=tuple(ASSERTS))


def task(completion: str = ADD, **fields: Any) -> CodeTask:
    found = read_task(item(completion, **fields))
    assert isinstance(found, CodeTask), found
    return found


def problem(completion: str = ADD, **fields: Any) -> Problem:
    found = read_task(item(completion, **fields))
    assert isinstance(found, Problem), found
    assert found.error.endswith(".")
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {"reference": ASSERTS},
        {"reference": json.dumps(ASSERTS)},
        {"extra": {"tests": ASSERTS}},
        {"extra": {"extra_info": json.dumps({"tests": ASSERTS})}},
        {"extra": {"extra_info": {"tests": ["assert False"]}, "tests": ASSERTS}},
        {"extra": {"test_list": ASSERTS, "code": ADD}},
        {"extra": {"tests": ASSERTS}, "reference": ADD},
    ],
)
def test_tests_in_the_reference_or_the_row(fields: dict[str, Any]) -> None:
    found = task(**fields)
    assert found.suite.tests == SPLIT
    assert (found.source, found.task.entry_point, found.weights) == (ADD, "add", None)


def test_a_reference_beside_tests_is_the_reference_program() -> None:
    assert task(reference=ADD, extra={"tests": ASSERTS}).task.reference == ADD
    other = "def add(a, b):\n    return b + a\n"
    assert task(reference=ADD, extra={"tests": ASSERTS, "canonical_solution": other}).task.reference == other
    assert task(reference=ADD, extra={"tests": ASSERTS, "reference": other}).task.reference == other
    assert task(extra={"test_list": ASSERTS, "code": other}).task.reference == other
    assert task(reference=7, extra={"tests": ASSERTS}).task.reference is None


@pytest.mark.parametrize("dump", [lambda value: value, json.dumps])
def test_the_json_of_verl(dump: Any) -> None:
    calls = task(reference=dump({"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}))
    assert isinstance(calls.suite.tests, DataTests)
    assert calls.suite.tests.cases == (Case(args=(1, 2), expected=3),)
    scripts = task("print(int(input()) + 1)", reference=dump({"inputs": ["1\n"], "outputs": ["2\n"]}))
    assert isinstance(scripts.suite.tests, StdioTests)
    assert scripts.suite.tests.cases == (StdioCase(stdin="1\n", expected="2\n"),)
    assert scripts.task.entry_point is None


def test_code_as_tests() -> None:
    check = "def check(candidate):\n    assert candidate(1, 2) == 3\n"
    humaneval = task("    return a + b\n", asked="def add(a, b):\n", extra={"test": check, "entry_point": "add"})
    assert isinstance(humaneval.suite.tests, SplitTests)
    assert humaneval.source == "def add(a, b):\n    return a + b\n"
    suite = "from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    assert isinstance(task(reference=suite).suite, Suite)
    assert isinstance(task(reference=suite).suite.tests, SuiteTests)


def test_a_completion_that_continues_its_prompt_is_cut_where_the_next_thing_begins() -> None:
    found = task("    return a + b\n\ndef more():\n    pass\n", asked="def add(a, b):\n", reference=ASSERTS)
    assert found.source == "def add(a, b):\n    return a + b\n"


def test_what_a_row_says_of_other_answers_does_not_count() -> None:
    wrong = "def add(a, b):\n    return 0\n"
    others = {"solution": wrong, "solutions": [wrong] * 3, "completion": "x", "samples": 5, "code": wrong}
    noise = {"problem_id": [1], "task_id": {}, "name": 3, "judge": "?", "truth": "?", "heldout_tests": 7, "label": []}
    assert task(reference=ASSERTS, extra={**others, **noise}).source == ADD


def test_an_answer_without_code_has_no_program() -> None:
    assert task("I do not know.", reference=ASSERTS).source is None
    assert task("", reference=ASSERTS).source is None
    assert task("<think>" + ADD + "</think>", reference=ASSERTS).source is None


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({}, "tests", "the row has no tests"),
        ({"reference": []}, "tests", "the row has no tests"),
        ({"reference": " "}, "tests", "no tests"),
        ({"reference": 42}, "tests", "it must be a list of tests, or code"),
        ({"reference": "x = 1"}, "entry_point", "do not say which function"),
        ({"reference": {"inputs": [1], "outputs": []}}, "tests", "1 inputs and 0 outputs"),
        ({"reference": ASSERTS, "extra": {"mode": "inproc"}}, "mode", "could write its own verdict"),
        ({"reference": ASSERTS, "extra": {"test_weights": "x"}}, "test_weights", "not JSON"),
        ({"reference": ASSERTS, "extra": {"test_weights": 3}}, "test_weights", "is 3;"),
        ({"reference": ASSERTS, "extra": {"test_weights": [1, -1]}}, "test_weights", "below 0"),
        ({"reference": ASSERTS, "extra": {"test_weights": {"0": float("nan")}}}, "test_weights", "no number"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_what_to_do(fields: Any, field: str, says: str) -> None:
    found = problem(**fields)
    assert found.field == field
    assert says in found.error


def test_an_answer_that_is_no_text_is_its_own_fault() -> None:
    assert problem("\ud800", reference=ASSERTS).field == "completion"


def test_weights_by_place_and_by_name() -> None:
    assert weights_of(None, ("a", "b")) == [1.0, 1.0]
    assert weights_of([3, 0], ("a", "b")) == [3, 0]
    assert weights_of({"b": 2, "a": 1, "c": 9}, ("a", "b")) == [1, 2]
    for wrong in ([1.0], {"a": 1}, [0, 0]):
        assert isinstance(weights_of(wrong, ("a", "b")), Problem)
    assert task(reference=ASSERTS, extra={"test_weights": "[1, 2]"}).weights == [1, 2]
