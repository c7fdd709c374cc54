import math
from fractions import Fraction
from typing import Any

import pytest

from stages.sandbox.compare import equal, same_output
from stages.sandbox.jobs import Comparison

NAN = math.nan


def is_equal(actual: Any, expected: Any, how: Comparison) -> bool:
    return equal(actual, expected, how, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("actual", "expected", "right"),
    [
        (1, True, {"python", "approx", "set", "multiset"}),
        ([1], (1,), {"approx", "set", "multiset"}),
        ([1, 2.0], [1, 2], {"python", "approx", "set", "multiset"}),
        ([2, 1], [1, 2], {"set", "multiset"}),
        ([1, 1, 2], [2, 1], {"set"}),
        ({1: 0.1 + 0.2}, {1: 0.3}, {"approx"}),
        (0.1 + 0.2, 0.3, {"approx"}),
        (NAN, NAN, {"approx"}),
        (math.inf, 1e308, set()),
        (math.inf, math.inf, {"python", "strict", "approx", "set", "multiset"}),
        (10**400, 1.0, set()),
        ({2, 1}, {1, 2}, {"python", "strict", "approx", "set", "multiset"}),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}, {"python", "strict", "approx", "set", "multiset"}),
        ({1: [1]}, {1: [1.0]}, {"python", "approx", "set", "multiset"}),
        ({True}, {1}, {"python", "approx", "set", "multiset"}),
        (Fraction(1, 2), 0.5, {"python", "approx", "set", "multiset"}),
        (None, 0, set()),
        ("a", ["a"], set()),
        (["a"], "a", set()),
        ("ab", "ab", {"python", "strict", "approx", "set", "multiset"}),
        ("ab", "ba", set()),
        ([1], {1: 1}, set()),
        (3, [3], set()),
        (None, [], set()),
        ([], None, set()),
        ([[1, 2], [3]], [[3], [1, 2]], {"set", "multiset"}),
    ],
)
def test_what_counts_as_equal(actual: Any, expected: Any, right: set[str]) -> None:
    ways: tuple[Comparison, ...] = ("python", "strict", "approx", "set", "multiset")
    assert {how for how in ways if is_equal(actual, expected, how)} == right


@pytest.mark.parametrize(
    ("actual", "expected", "exact", "tokens"),
    [
        ("1 2\n3\n", "1 2\n3", True, True),
        ("1 2  \n3\n\n", "1 2\n3", True, True),
        ("1  2\n3", "1 2\n3", False, True),
        (" 1", "1", False, True),
        ("1.0000001", "1", False, True),
        ("1.1", "1", False, False),
        ("nan", "NaN", False, True),
        ("1_0", "10", False, False),
        ("", "1", False, False),
        ("1\n1", "1", False, False),
        ("9" * 500, "9" * 499 + "8", False, False),
    ],
)
def test_what_counts_as_the_same_output(actual: str, expected: str, exact: bool, tokens: bool) -> None:
    assert same_output(actual, expected, "exact", rtol=0, atol=0) is exact
    assert same_output(actual, expected, "tokens", rtol=1e-6, atol=0) is tokens
