"""A sandbox serves one caller at a time, and says so to a second one."""

import threading

import pytest

from stages.core.errors import RlbffError
from stages.sandbox.jobs import Case, DataTests
from stages.sandbox.sandbox import Sandbox
from tests.sandbox.conftest import add

TESTS = DataTests(cases=(Case(args=(1, 2), expected=3),))


def test_a_second_caller_is_refused_and_the_first_is_served(standard: Sandbox) -> None:
    slow = add("time.sleep(0.5)\n    return a + b", "import time")
    passed = []
    first = threading.Thread(target=lambda: passed.append(standard.verify(slow, TESTS).all_passed))
    first.start()
    while not standard._busy.locked():
        pass
    for again in (lambda: standard.verify(add(), TESTS), lambda: standard.answers(add(), TESTS.cases)):
        with pytest.raises(RlbffError, match="one caller at a time"):
            again()
    first.join()
    assert passed == [True]
    assert standard.verify(add(), TESTS).all_passed


def test_many_callers_get_right_verdicts_or_none(standard: Sandbox) -> None:
    found: list[object] = []

    def ask(right: bool) -> None:
        for _ in range(20):
            try:
                found.append(standard.verify(add() if right else add("return 9"), TESTS).all_passed is right)
            except RlbffError:
                found.append("refused")

    threads = [threading.Thread(target=ask, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert False not in found
    assert True in found


def test_a_caller_that_raises_leaves_the_sandbox_free(standard: Sandbox) -> None:
    with pytest.raises(AttributeError):
        standard.verify(add(), None)  # type: ignore[arg-type]
    assert standard.verify(add(), TESTS).all_passed
