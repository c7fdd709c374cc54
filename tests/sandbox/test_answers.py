"""What programs give for inputs without an expected value."""

import math

import pytest

from stages.core.errors import DataError
from stages.sandbox.jobs import Case, Program, StdioCase
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Answer, Outcome
from tests.sandbox.conftest import add

CALLS = tuple(Case(args=(number, 1)) for number in range(3))


def test_values_come_back_as_what_they_are(sandbox: Sandbox) -> None:
    assert sandbox.answers(add(), CALLS) == (Answer(Outcome.PASS, 1), Answer(Outcome.PASS, 2), Answer(Outcome.PASS, 3))
    (given,) = sandbox.answers(add("return {(a, b): [-0.0, 2**90, {'x'}]}"), CALLS[:1])
    assert given.value == {(0, 1): [0.0, 2**90, {"x"}]}
    assert math.copysign(1, given.value[0, 1][0]) == -1
    assert sandbox.answers(add("return None"), CALLS[:1]) == (Answer(Outcome.PASS, None),)


def test_the_expected_value_is_not_looked_at(standard: Sandbox) -> None:
    case = Case(args=(1, 1), expected=object())
    assert standard.answers(add(), (case,)) == (Answer(Outcome.PASS, 2),)


def test_what_does_not_answer_says_why_and_costs_one_case_only(sandbox: Sandbox) -> None:
    body = "return {0: lambda: 1 / 0, 1: lambda: os._exit(3), 2: lambda: a + b}[a]()"
    assert sandbox.answers(add(body, "import os"), CALLS) == (
        Answer(Outcome.ERROR, None, "ZeroDivisionError: division by zero"),
        Answer(Outcome.CRASH, None, "ended with status 3"),
        Answer(Outcome.PASS, 3),
    )
    (plain,) = sandbox.answers(add("return object()"), CALLS[:1])
    assert (plain.outcome, plain.value) == (Outcome.NOT_PLAIN, None)
    (slow,) = sandbox.answers(add("while True: pass"), CALLS[:1])
    assert (slow.outcome, slow.value) == (Outcome.TIMEOUT, None)


@pytest.mark.parametrize(
    ("source", "why"), [(" ", "no_code: "), ("def add(:", "syntax_error: "), ("add = 1", "no_entry_point: add")]
)
def test_a_program_that_does_not_load_answers_nothing(standard: Sandbox, source: str, why: str) -> None:
    given = standard.answers(Program(source=source, entry_point="add"), CALLS)
    assert [answer.outcome for answer in given] == [Outcome.NOT_RUN] * 3
    assert all(answer.value is None and answer.detail.startswith(why) for answer in given)


def test_scripts_answer_with_what_they_print(sandbox: Sandbox) -> None:
    echo = Program(source="line = input()\nprint(line.upper())\nassert line != 'b'")
    cases = tuple(StdioCase(stdin=text, expected="") for text in ("a\n", "b\n"))
    first, second = sandbox.answers(echo, cases)
    assert first == Answer(Outcome.PASS, "A\n")
    assert (second.outcome, second.value) == (Outcome.ERROR, None)
    assert "AssertionError" in second.detail


def test_nothing_asked_and_arguments_that_cannot_cross(standard: Sandbox) -> None:
    assert standard.answers(add(), ()) == ()
    with pytest.raises(DataError, match="not plain data"):
        standard.answers(add(), (Case(args=(object(),)),))
