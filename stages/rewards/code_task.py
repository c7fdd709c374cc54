"""From a completion and its row to a program and the tests that it is run against. Runs nothing.

The forms of tests are those of verify-code (programs/reading.py).
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from stages.core.rows import Problem
from stages.programs import cells
from stages.programs.forms import TEST_COLUMNS
from stages.programs.labels import JUDGE_COLUMN, TRUTH_COLUMNS
from stages.programs.reading import KEY_COLUMNS, ReadingOptions, read_row
from stages.programs.solutions import ANSWER_COLUMNS
from stages.programs.stops import STOPS
from stages.programs.task import Suite, Task
from stages.rewards.item import RewardItem
from stages.sandbox.jobs import InProcessTests

WEIGHTS_COLUMN: Final = "test_weights"
"""What each test is worth: a list of numbers in the order of the tests, or an object of them by the test's name."""

_OPTIONS: Final = ReadingOptions(stop=tuple(text.replace("\\n", "\n") for text in STOPS))
_OTHERS: Final = (*ANSWER_COLUMNS, *KEY_COLUMNS, *TRUTH_COLUMNS, JUDGE_COLUMN, "heldout_tests", "challenge_test_list")
"""What a row may say of other answers than this one, and tests that are not for training on."""


class CodeTask(NamedTuple):
    """A program, None where the completion holds no code, with the tests of its row.

    `weights` are as the row has them: in the order of the tests, by their names, or None.
    """

    task: Task
    suite: Suite
    source: str | None
    weights: Sequence[float] | Mapping[str, float] | None


def read_task(item: RewardItem) -> CodeTask | Problem:
    """The task of an item, or what is wrong with its row.

    The row's own columns decide where they hold tests; a reference that is text is then the reference program. Else
    the reference holds the tests, as verl has them. Columns of `extra_info` count as the row's own, behind them.
    """
    row = _row(item)
    if not _has_tests(row):
        return _no_tests()
    reading = read_row(row, _OPTIONS)
    if isinstance(reading, Problem):
        return reading
    task, (solution,) = reading
    if task.suite is None:
        return _no_tests()
    if isinstance(task.suite.tests, InProcessTests):
        return Problem(
            "inproc",
            "mode",
            "field 'mode' is 'inproc': the program would run with its tests and could write its own verdict; give "
            "tests of another form.",
        )
    weights = _weights(row.get(WEIGHTS_COLUMN))
    return weights if isinstance(weights, Problem) else CodeTask(task, task.suite, solution.source, weights)


def weights_of(weights: Sequence[float] | Mapping[str, float] | None, names: Sequence[str]) -> list[float] | Problem:
    """The weight of each test by name; equal ones where the row has none. Problem where they do not fit the tests."""
    if weights is None:
        return [1.0] * len(names)
    if isinstance(weights, Mapping):
        lacking = next((name for name in names if name not in weights), None)
        if lacking is not None:
            return _bad_weights(f"has no weight for test {lacking!r}")
        return _with_sum([weights[name] for name in names])
    if len(weights) != len(names):
        return _bad_weights(f"has {len(weights)} weights, and there are {len(names)} tests")
    return _with_sum(list(weights))


def _row(item: RewardItem) -> dict[str, Any]:
    extra = {**_object(item.extra.get("extra_info")), **item.extra}
    # An MBPP row has its reference in `code`.
    others = [name for name in _OTHERS if name != "code" or "test_list" not in extra]
    row = {name: value for name, value in extra.items() if name not in others}
    row |= {"problem_id": item.id, "completion": item.completion}
    row["prompt"] = [message._asdict() for message in item.messages] or None
    if not _has_tests(row):
        row["tests"] = item.reference
    elif isinstance(item.reference, str) and not (row.get("reference") or row.get("canonical_solution")):
        row["reference"] = item.reference
    return row


def _has_tests(row: Mapping[str, Any]) -> bool:
    return any(row.get(name) not in (None, "", [], {}) for name in TEST_COLUMNS)


def _object(value: object) -> Mapping[str, Any]:
    """An object, or JSON text of one; anything else has no columns."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def _weights(value: object) -> Sequence[float] | Mapping[str, float] | Problem | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return _bad_weights("is a text but not JSON")
    if value is None:
        return None
    if not isinstance(value, list | Mapping):
        return _bad_weights(f"is {cells.shown(value)}")
    numbers = list(value.values()) if isinstance(value, Mapping) else value
    if not all(isinstance(one, int | float) and math.isfinite(one) and one >= 0 for one in numbers):
        return _bad_weights("holds what is no number, or one below 0")
    return value


def _with_sum(weights: list[float]) -> list[float] | Problem:
    return weights if sum(weights) > 0 else _bad_weights("gives no test a weight above 0")


def _bad_weights(what: str) -> Problem:
    text = f"field {WEIGHTS_COLUMN!r} {what}; give a number of at least 0 for each test, as a list or by name."
    return Problem("bad_weights", WEIGHTS_COLUMN, text)


def _no_tests() -> Problem:
    return Problem(
        "no_tests",
        "tests",
        "the row has no tests; give them as the reference (reward_model.ground_truth), or in a column 'tests'.",
    )
