import math
from typing import Any

import pytest

from stages.programs import cells


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ((True, 1, 1.0, "True", "true", " TRUE ", "1", "1.0", "yes", "Yes"), True),
        ((False, 0, 0.0, "False", "false", "0", "0.0", "no"), False),
        ((None, math.nan, "", " "), None),
    ],
)
def test_truth_values_as_tables_write_them(values: tuple[Any, ...], truth: bool | None) -> None:
    assert [cells.truth_value(value) for value in values] == [truth] * len(values)


@pytest.mark.parametrize("value", [0.7, 3, -1, "good", "2", [True], {"a": 1}, math.inf])
def test_other_values_are_no_truth(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # it has no words: who calls says what is wrong
        cells.truth_value(value)


def test_numbers() -> None:
    assert [cells.number(value) for value in (4, 4.5, "4", " 1e-6 ", None, "")] == [4.0, 4.5, 4.0, 1e-6, None, None]
    for value in (True, "four", "nan", "inf", math.nan, math.inf, [4], 10**400):
        with pytest.raises(ValueError):  # noqa: PT011
            cells.number(value)


def test_lists_that_are_json_text() -> None:
    assert cells.listed("[true, null]") == [True, None]
    assert cells.listed("[true") == "[true"
    assert cells.listed("true") == "true"
    assert cells.listed([1]) == [1]


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (True, "true"), (-1, "-1"), (0.5, "0.5"), (math.nan, "NaN"), ("good", "'good'")],
)
def test_values_in_sentences(value: Any, words: str) -> None:
    assert cells.shown(value) == words


def test_long_values_are_named_by_their_kind() -> None:
    found = [cells.shown(value) for value in ([], [1], {"a": 1}, "x" * 99, 10**99, b"x")]
    assert found == ["an empty list", "a list", "an object", "a text", "a long number", "bytes"]
