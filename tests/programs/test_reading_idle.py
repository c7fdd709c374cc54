"""Rows whose tests pass with any program are rejected; comparisons that lack their `assert` get it."""

import time
from typing import Any

import pytest

from stages.core.rows import Problem
from stages.programs.reading import ReadingOptions, read_row
from stages.programs.task import Reading
from stages.sandbox.jobs import SplitTests, SuiteTests

ADD = "def add(a, b):\n    return a + b\n"


def read(tests: Any, **columns: Any) -> Reading | Problem:
    row = {"id": "r", "solution": ADD, "entry_point": "add", "tests": tests, **columns}
    return read_row(row, ReadingOptions())


@pytest.mark.parametrize(
    ("tests", "number"),
    [
        (["assert add(1, 2) == 3", "add"], "1"),
        (["True"], "0"),
        (["import math"], "0"),
        (["x = 1"], "0"),
        (["assert add(1, 2) == 3", "print(add(1, 2) == 4)"], "1"),
        (["def check(candidate): pass"], "0"),
        ("def check(candidate):\n    pass\n", "0"),
        ("def run():\n    assert add(1, 2) == 4\n", "0"),
        ("try:\n    assert add(1, 2) == 4\nexcept AssertionError:\n    print('wrong')\n", "0"),
        ([{"name": "one", "code": "print('done')"}], "0"),
        ("def test_sum():\n    assert add(1, 2) == 3\ndef test_todo():\n    pass\n", "test_todo"),
    ],
)
def test_a_test_that_checks_nothing_rejects_the_row(tests: Any, number: str) -> None:
    found = read(tests)
    assert isinstance(found, Problem)
    assert (found.reason, found.field) == ("test_without_check", "tests")
    assert found.error.startswith(f"test {number} of field 'tests' passes with any program: ")


def cases(tests: Any) -> tuple[str, ...]:
    found = read(tests)
    assert isinstance(found, Reading), found
    assert found.task.suite is not None
    assert isinstance(found.task.suite.tests, SplitTests)
    return found.task.suite.tests.cases


def test_lone_comparisons_are_read_as_assertions() -> None:
    assert cases(["add(1, 2) == 3", "assert add(1, 2) == 3"]) == ("assert add(1, 2) == 3",) * 2
    assert cases("x = 3\nadd(1, 2) == x\nadd(2, 2) == 4") == ("assert add(1, 2) == x", "assert add(2, 2) == 4")
    suite = read("def test_a():\n    add(1, 2) == 3\n")
    assert isinstance(suite, Reading)
    assert suite.task.suite is not None
    assert isinstance(suite.task.suite.tests, SuiteTests)
    assert "assert add(1, 2) == 3" in suite.task.suite.tests.source


def test_calls_alone_are_tests_since_they_may_raise() -> None:
    assert cases(["add(1, 2)", "print(add(1, 2))"]) == ("add(1, 2)", "print(add(1, 2))")


def test_what_says_nothing_behind_the_last_assertion_goes_with_it() -> None:
    source = "import logging\nassert add(1, 2) == 3\nassert add(2, 2) == 4\nlogging.shutdown()\n"
    assert cases(source) == ("assert add(1, 2) == 3", "assert add(2, 2) == 4\nlogging.shutdown()")
    assert len(cases("assert add(1, 2) == 3\nadd(5, 5)")) == 2


def test_an_assertion_beside_the_check_counts() -> None:
    assert cases("def check(candidate):\n    pass\nassert add(1, 2) == 3\n") == ("check(add)",)


def test_many_cases_are_looked_at_quickly() -> None:
    values = [[number, 1] for number in range(1000)]
    source = (
        "def assertion(out, exp):\n    assert out == exp\n"
        f"def check(candidate):\n    inputs = {values}\n    results = {[a + b for a, b in values]}\n"
        "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n        assertion(candidate(*inp), exp)\n"
    )
    started = time.process_time()
    assert len(cases(source)) == 1000
    assert time.process_time() - started < 5
