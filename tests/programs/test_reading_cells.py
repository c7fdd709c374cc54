"""Columns that hold one plain value a row: keys, truths, scores, tolerances; and what is said of wrong ones."""

import math
from typing import Any

import pytest

from stages.core.rows import Problem, Row
from stages.programs.reading import ReadingOptions, read_row
from stages.programs.task import Reading
from stages.sandbox.jobs import DataTests, SplitTests

PROGRAM = "def f(x):\n    return x + 1\n"


def reading(**row: Any) -> Reading:
    found = read_row({"id": "r", "solution": PROGRAM, **row}, ReadingOptions())
    assert isinstance(found, Reading), found
    return found


def error(**row: Any) -> str:
    found = read_row({"id": "r", "solution": PROGRAM, **row}, ReadingOptions())
    assert isinstance(found, Problem), found
    assert found.error.endswith(".")
    return found.error


@pytest.mark.parametrize(
    ("row", "truth"),
    [
        ({"truth": "True"}, True),
        ({"is_solved": "no"}, False),
        ({"passed": 1.0}, True),
        ({"label": "false"}, False),
        ({"correct": math.nan}, None),
        ({"truth": ""}, None),
        ({"passed": 3}, None),
        ({"label": "good"}, None),
        ({"correct": 0.7}, None),
        ({"label": ["a", "b"]}, None),
        ({"label": "easy", "is_solved": True}, True),
        ({"passed": "[true]"}, True),
    ],
)
def test_truth(row: Row, truth: bool | None) -> None:
    assert reading(**row).solutions[0].truth is truth


def test_one_count_for_several_solutions_is_no_truth() -> None:
    found = reading(solution=None, solutions=[PROGRAM, PROGRAM], passed=1)
    assert [solution.truth for solution in found.solutions] == [None, None]
    assert "1 values for 2 solutions" in error(solution=None, solutions=[PROGRAM, PROGRAM], truth=1)


@pytest.mark.parametrize(("column", "value"), [("truth", 0.7), ("truth", "good"), ("is_solved", 3)])
def test_what_must_be_truth_and_is_none(column: str, value: Any) -> None:
    text = f"field {column!r} is {value!r}; it must be true or false, or a list with one for each solution."
    assert error(**{column: value}) == text


def test_judge() -> None:
    assert [reading(judge=value).solutions[0].judge for value in ("4", 1, 5.0, None, "")] == [4.0, 1.0, 5.0, None, None]
    for value, words in ((0, "0"), (5.1, "5.1"), (math.nan, "NaN"), (math.inf, "inf"), ("x", "'x'"), (True, "true")):
        assert error(judge=value) == f"field 'judge' is {words}; it must be a number from 1 to 5, or null."
    assert "from 1 to 5" in error(solution=None, solutions=[PROGRAM, PROGRAM], judge=[3, 7])


def test_keys() -> None:
    assert [reading(problem_id=value).task.key for value in (1, 1.0, "1", "a")] == ["1", "1", "1", "a"]
    assert reading(problem_id=None, task_id=2.0).task.key == "2"
    assert len(reading(problem_id=None).task.key) == 64
    for value, words in (([1], "a list"), (True, "true"), (math.nan, "NaN"), (1.5, "1.5"), ({"a": 1}, "an object")):
        assert error(problem_id=value) == f"field 'problem_id' is {words}; it must be a text or a whole number."
    assert reading(name=["x"], task_id="t").task.key == "t"
    assert len(reading(name=["x"]).task.key) == 64


def test_tolerances() -> None:
    tests = [{"input": [1], "output": 2}]
    found = reading(entry_point="f", tests=tests, rtol="0.5", atol=None).task.suite
    assert found is not None
    assert isinstance(found.tests, DataTests)
    assert (found.tests.rtol, found.tests.atol) == (0.5, 1e-9)
    for value, words in ((-1, "-1"), (math.inf, "inf"), ("much", "'much'")):
        assert error(rtol=value) == f"field 'rtol' is {words}; it must be a number, at least 0."


def test_lists_of_solutions_name_the_place() -> None:
    assert error(solution=None, solutions=[PROGRAM, None]) == "field 'solutions[1]' is null; it must be a text."
    assert (
        error(solution=None, solutions=[])
        == "field 'solutions' is an empty list; it must be a list with a text or more."
    )
    assert "'completions[0]' is null" in error(solution=None, completions=[None])


def test_messages() -> None:
    parts = [{"type": "text", "text": "Here:"}, {"type": "text", "text": f"```python\n{PROGRAM}```", "image": None}]
    found = reading(solution=None, completion=[{"role": "assistant", "content": parts}])
    assert found.solutions[0].source == PROGRAM
    assert found.solutions[0].completion == [{"role": "assistant", "content": f"Here:\n```python\n{PROGRAM}```"}]
    asked = reading(prompt=[{"role": "user", "content": parts[:1]}])
    assert asked.task.prompt == [{"role": "user", "content": "Here:"}]
    said = {"role": "user", "content": "?"}
    lacking = error(solution=None, completion=[said, {"role": "assistant", "content": None}])
    assert lacking.startswith("message 1 of field 'completion' has no content; it must be a text, or a list of parts")
    image = [{"type": "image_url", "image_url": {"url": "x"}}]
    for content in (image, [*parts, *image]):
        assert "message 0 of field 'prompt' has a wrong content" in error(prompt=[{"role": "user", "content": content}])
    assert "message 0 of field 'prompt' has no role; it must be a text." in error(prompt=[{"content": "x"}])


def test_a_mark_of_byte_order_is_dropped() -> None:
    mark = "\ufeff"
    for row in ({"solution": mark + PROGRAM}, {"solution": None, "completion": mark + PROGRAM}):
        assert reading(entry_point="f", **row).solutions[0].source == PROGRAM
    chat = [{"role": "assistant", "content": mark + PROGRAM}]
    assert reading(solution=None, completion=chat).solutions[0].source == PROGRAM
    for tests in ([f"{mark}assert f(1) == 2"], f"{mark}assert f(1) == 2", [{"code": f"{mark}assert f(1) == 2"}]):
        suite = reading(tests=tests, reference=mark + PROGRAM).task.suite
        assert suite is not None
        assert suite.tests == SplitTests(cases=("assert f(1) == 2",))
    objects = reading(entry_point="f", tests=f'{mark}[{{"input": [1], "output": 2}}]').task.suite
    assert objects is not None
    assert isinstance(objects.tests, DataTests)
