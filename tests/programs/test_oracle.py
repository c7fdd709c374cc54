from collections.abc import Iterator

import pytest

from stages.programs import evalplus, oracle_compare
from stages.programs.bad_row import BadRow
from stages.programs.oracle import oracle_tests
from stages.programs.task import Suite
from stages.sandbox.compare import equal
from stages.sandbox.jobs import Program
from stages.sandbox.sandbox import Sandbox
from tests.sandbox.conftest import standard as opened_standard

standard = opened_standard
TIGHT = (1e-7, 0.0)


def outcomes(sandbox: Sandbox, source: str, suite: Suite) -> list[str]:
    verdict = sandbox.verify(Program(source=source, entry_point="f"), suite.tests)
    return [result.outcome.value for result in verdict.results]


def test_the_reference_says_what_is_expected(standard: Sandbox) -> None:
    reference = (
        "import math\ndef help(x):\n    return math.fsum(x)\ndef f(x, y=1):\n    x.append(y)\n    return help(x)\n"
    )
    suite = oracle_tests(reference, "f", [[[1.0, 2.0]], [[0.1] * 10, 0], [[float("inf")]]], atol=0, rtol=1e-7)
    assert suite.names == ("0", "1", "2")
    assert outcomes(standard, reference, suite) == ["pass"] * 3
    assert outcomes(standard, "def f(x, y=1):\n    return sum(x) + y", suite) == ["pass"] * 3
    assert outcomes(standard, "def f(x, y=1):\n    return sum(x) + 1", suite) == ["pass", "fail", "pass"]
    assert outcomes(standard, "def f(x, y=1):\n    return 1 / 0", suite) == ["error"] * 3


def test_neither_call_sees_what_the_other_changed(standard: Sandbox) -> None:
    suite = oracle_tests("def f(x):\n    x.clear()\n    return len(x)", "f", [[[1, 2]]], atol=0, rtol=0)
    assert outcomes(standard, "def f(x):\n    assert x == [1, 2]\n    return 0", suite) == ["pass"]


def test_iterators_are_compared_by_what_they_give(standard: Sandbox) -> None:
    suite = oracle_tests("def f(n):\n    yield from range(n)", "f", [[3]], atol=0, rtol=0)
    assert outcomes(standard, "def f(n):\n    return iter(range(n))", suite) == ["pass"]
    assert outcomes(standard, "def f(n):\n    return iter(range(n + 1))", suite) == ["fail"]


def test_inputs_must_be_plain() -> None:
    with pytest.raises(BadRow, match="input 1 is not plain"):
        oracle_tests("", "f", [[{1: (2, {3})}], [object()]], atol=0, rtol=0)


@pytest.mark.parametrize(
    ("actual", "expected", "atol", "right"),
    [
        (1.0000001, 1.0, 0, True),
        (1.00001, 1.0, 0, False),
        (1.00001, 1.0, 1e-4, True),
        (1, 1.0, 0, True),
        (2, 1.0000001, 0, False),
        ([1.0, 2.0], [1.0, 2.0000001], 0, True),
        ((1.0, 2.0), [1.0, 2.0], 0, False),
        ([1.0], [1.0, 2.0], 0, False),
        ([[1.0000001]], [[1.0]], 0, False),  # lists in lists count as floats nowhere in EvalPlus
        ([[1.0000001]], [[1.0]], 1e-6, True),
        ("a", "b", 1e-6, False),
        (float("nan"), float("nan"), 0, False),
        (float("inf"), float("inf"), 0, True),
        (True, 1, 0, True),
        (10**400, 1.0, 0, False),
    ],
)
def test_what_evalplus_means_by_equal(actual: object, expected: object, atol: float, right: bool) -> None:
    assert oracle_compare.python(actual, expected, 1e-7, atol) is right


VALUES = (
    1,
    1.0,
    True,
    1 + 1e-9,
    "a",
    [1, 2],
    [2, 1],
    (1, 2),
    {1, 2},
    {2: 1},
    {2: True},
    [1, 1, 2],
    float("nan"),
    None,
    [[1], 2],
)


@pytest.mark.parametrize("way", ["strict", "approx", "set", "multiset"])
def test_other_ways_agree_with_those_of_the_sandbox(way: str) -> None:
    for actual in VALUES:
        for expected in VALUES:
            inside = oracle_compare.WAYS[way](actual, expected, 1e-6, 1e-9)
            assert inside == equal(actual, expected, way, rtol=1e-6, atol=1e-9), (way, actual, expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("oracle", "args", "expected", "right", "wrong"),
    [
        ("root", ([-6, 11, -6, 1],), 1.0, (1.0, 2.0, 3.00000001), (1.1, 0)),
        ("anything", (1, 2), True, (False, True), ()),
        ("or_zero", (6,), 6, (6, 0), (5,)),
        ("pyramid", (3, 4), 33, (33, 35), (34,)),
        ("padded_digits", (1, 256), 11, (11, 12), (13,)),
        ("same_set", ([1, 2],), (1, 2), ((2, 1), [2, 2, 1]), ((1,), [1, 2, 3])),
        ("not_none", ("a",), "a", (True, "match", 0), (False, None)),
        ("not_none", ("b",), None, (False, None), (True, "x")),
    ],
)
def test_tasks_with_more_than_one_right_answer(
    oracle: str, args: tuple[object, ...], expected: object, right: Iterator[object], wrong: Iterator[object]
) -> None:
    def passes(actual: object) -> bool:
        try:
            oracle_compare.verify(lambda *_: actual, lambda *_: expected, args, oracle, (1e-7, 1e-4))
        except AssertionError:
            return False
        return True

    assert all(map(passes, right))
    assert not any(map(passes, wrong))


def test_a_polynomials_root_need_not_be_the_references(standard: Sandbox) -> None:
    row = {"task_id": "HumanEval/32", "entry_point": "find_zero", "base_input": [[[-6, 11, -6, 1]]], "atol": 1e-4}
    inputs = evalplus.inputs(row)
    suite = oracle_tests("def f(x): return 1.0", "f", inputs.inputs, atol=1e-4, rtol=1e-7, oracle=inputs.oracle)
    assert outcomes(standard, "def f(x): return 2.00000001", suite) == ["pass"]
    assert outcomes(standard, "def f(x): return 2.1", suite) == ["fail"]


@pytest.mark.parametrize(
    ("task", "given", "restored"),
    [
        ("Mbpp/2", [[3, 4], [5]], ((3, 4), (5,))),
        ("Mbpp/63", [[[3, 5], [7]]], ([(3, 5), (7,)],)),
        ("Mbpp/75", [[[6], [7]], 6], ([(6,), (7,)], 6)),
        ("Mbpp/106", [[5], [9, 10]], ([5], (9, 10))),
        ("Mbpp/115", [[[1, 2], {}]], ([{1, 2}, {}],)),
        ("Mbpp/124", ["0", "1j"], (0.0, 1j)),
        ("Mbpp/252", ["1j"], (1j,)),
        ("Mbpp/259", [[[1, 3]], [[6, 7]]], (((1, 3),), ((6, 7),))),
        ("Mbpp/278", [[1, [2]]], ((1, (2,)),)),
        ("Mbpp/307", [["a", []], 0, 50], (("a", []), 0, 50)),
        ("Mbpp/722", [{"a": [6.2, 70]}, 6.0], ({"a": (6.2, 70)}, 6.0)),
        ("Mbpp/580", [[4, [6, [1]]]], ((4, (6, (1,))),)),
        ("Mbpp/3", [[[1]]], ([[1]],)),
        ("HumanEval/2", [[3, 4]], ([3, 4],)),
    ],
)
def test_what_json_has_no_kind_for_is_restored(task: str, given: list[object], restored: tuple[object, ...]) -> None:
    found = evalplus.inputs({"task_id": task, "base_input": [given], "plus_input": [given, given]})
    assert found.inputs == (restored,) * 3
    assert found.names == ("base-0", "plus-0", "plus-1")
