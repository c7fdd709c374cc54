"""Which tests are refused before anything runs, so that verify never raises for what a constructor took."""

from typing import Any

import pytest

from stages.core.errors import DataError
from stages.sandbox.codec import MAX_DEPTH, MAX_ELEMENTS, encode, too_large
from stages.sandbox.jobs import Case, DataTests, Program, SplitTests, StdioCase, StdioTests, SuiteTests, program_problem


def nest(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def cycle(kind: str) -> Any:
    value: Any = {"list": [1], "dict": {1: 2}}[kind]
    value.append((value, value)) if kind == "list" else value.update({3: [value]})
    return value


BAD = [nest(200_000), cycle("list"), cycle("dict"), [[0] * 600_000, {1: [0] * 600_000}]]


@pytest.mark.parametrize("value", BAD, ids=["deep", "cyclic", "cyclic mapping", "long"])
def test_values_beyond_the_caps_are_data_errors(value: Any) -> None:
    for case in ({"expected": value}, {"args": (value,)}, {"kwargs": (("x", value),)}):
        with pytest.raises(DataError, match="cannot be compared"):
            Case(**case)


def test_a_product_of_sharing_ends() -> None:
    value: list[Any] = ["lol"]
    for _ in range(60):
        value = [value, value, value]
    assert too_large(value) == f"more than {MAX_ELEMENTS} elements"


def test_what_the_codec_takes_is_taken() -> None:
    for value in (nest(MAX_DEPTH - 1), [0] * (MAX_ELEMENTS - 1), {1: {2: (3, {4})}}, "x", None, object()):
        assert too_large(value) is None
    assert DataTests(cases=(Case(args=(nest(MAX_DEPTH - 2),)),)).calls[0][0] == [encode(nest(MAX_DEPTH - 2))]


def test_arguments_that_cannot_cross_are_data_errors() -> None:
    for value in (object(), nest(MAX_DEPTH - 1)):
        with pytest.raises(DataError, match="not plain data"):
            DataTests(cases=(Case(args=(value,)),))
    with pytest.raises(DataError, match="bytes"):
        DataTests(cases=(Case(args=("x" * (16 << 20),)),))


@pytest.mark.parametrize("case", ["", " \n", "# nothing", "\t# x\n\n#y"])
def test_a_case_without_a_statement_is_a_data_error(case: str) -> None:
    with pytest.raises(DataError, match="test 1 has no statement"):
        SplitTests(cases=("assert f(1)  # x", case))


def test_tests_too_long_to_cross_are_data_errors() -> None:
    long = "x" * (13 << 20)
    with pytest.raises(DataError, match="longer than the 12582912 bytes"):
        SuiteTests(source=long)
    with pytest.raises(DataError, match="longer"):
        SplitTests(cases=("pass",), setup="\U0001f600" * (3 << 20))
    with pytest.raises(DataError, match="longer"):
        StdioTests(cases=(StdioCase(stdin=long, expected=""),), checker="def check(*a): return True")
    assert StdioTests(cases=(StdioCase(stdin=long, expected="1"),)).cases
    assert SuiteTests(source="x" * (3 << 20)).source


def test_half_a_character_is_a_data_error() -> None:
    for texts in ({"stdin": "\ud800", "expected": "1"}, {"stdin": "", "expected": "a\ud83d\ude00"}):
        with pytest.raises(DataError, match="half a character"):
            StdioCase(**texts)
    assert StdioCase(stdin=b"\xff".decode("utf-8", "surrogateescape"), expected="é").stdin == "\udcff"


def test_a_long_name_is_no_entry_point() -> None:
    assert program_problem(Program(source="x = 1", entry_point="x" * 1001)) == (
        "no_entry_point",
        "the entry point's name is longer than 1000 characters",
    )
