"""Tests that every program passes are told from those that some program fails."""

import ast

import pytest

from stages.programs.can_fail import idle_of_suite, lacking


def lack(test: str, setup: str = "") -> str | None:
    return lacking(ast.parse(test).body, ast.parse(setup).body, "f")


@pytest.mark.parametrize(
    ("test", "setup", "words"),
    [
        ("f", "", "does not call 'f'"),
        ("True", "", "does not call 'f'"),
        ("import math", "", "does not call 'f'"),
        ("x = 1", "", "does not call 'f'"),
        ("g = f", "", "does not call 'f'"),
        ("print(f)", "", "does not call 'f'"),
        ("print('passed')", "", "does not call 'f'"),
        ("print(f(1) == 2)", "", "compares"),
        ("print('ok' if f(1) == 2 else 'wrong')", "", "compares"),
        ("if f(1) != 2:\n    print('wrong')", "", "compares"),
        ("ok = all(f(i) == i for i in (1, 2))", "", "compares"),
        ("def check(candidate): pass\ncheck(f)", "", "does not call 'f'"),
        ("def check(candidate): print(candidate(1) == 2)\ncheck(f)", "", "compares"),
        ("def run():\n    assert f(1) == 2", "", "nothing calls"),
        ("def run():\n    assert f(1) == 2\nprint('done')", "", "nothing calls"),
        ("print('done')", "def run():\n    assert f(1) == 2", "nothing calls"),
        ("try:\n    assert f(1) == 2\nexcept AssertionError:\n    print('no')", "", "try"),
        ("try:\n    assert f(1) == 2\nexcept:\n    pass", "", "try"),
        ("try:\n    f(-1)\n    assert False\nexcept (ValueError, Exception) as e:\n    print(e)", "", "try"),
        ("r = f(1)\ntry:\n    assert r == 2\nexcept AssertionError:\n    print('no')", "", "try"),
        (
            "print(run())",
            "def run():\n    try:\n        assert f(1) == 2\n    except AssertionError:\n        return 0",
            "try",
        ),
    ],
)
def test_these_pass_with_any_program(test: str, setup: str, words: str) -> None:
    found = lack(test, setup)
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    ("test", "setup"),
    [
        ("assert f(1) == 2", ""),
        ("assert True", ""),
        ("f(1, 2)", ""),
        ("candidate(1)", ""),
        ("print(f(1))", ""),
        ("sorted([2, 1], key=f)", ""),
        ("list(map(f, [1, 2]))", ""),
        ("Solution().f(1)", ""),
        ("other_function_of_the_solution(1)", ""),
        ("g = f\ng(1)", ""),
        ("for g in (f,): g(1)", ""),
        ("if f(1) != 2: raise ValueError", ""),
        ("import sys\nif f(1) != 2: sys.exit(1)", ""),
        ("if f(1) != 2: exit(1)", ""),
        ("same(f(1), 2)", "def same(a, b): assert a == b"),
        ("run()", "def run():\n    assert f(1) == 2"),
        ("main()", "def run(): assert f(1) == 2\ndef main(): run()"),
        ("for each in [run]: each()", "def run(): assert f(1) == 2"),
        ("check(f)", "def check(fn): fn(1)"),
        ("Case().run()", "class Case:\n    def run(self): assert f(1) == 2"),
        ("import numpy as np\nnp.testing.assert_allclose(f(1), 2)", ""),
        ("assert_equal(f(1), 2)", "from numpy.testing import assert_equal"),
        ("with pytest.raises(ValueError): f(-1)", "import pytest"),
        ("case.run()", "class Case:\n    def run(self): assert f(1) == 2\ncase = Case()"),
        ("try:\n    f(1)\nexcept AssertionError:\n    pass", ""),
        ("verify(f)", "from checks import verify"),
        ("verify()", "from checks import verify"),
        ("solution.anything(1)", "import solution"),
        ("if f(1) != 2: fail('no')", "from pytest import fail"),
        ("f(1)", "def other():\n    try:\n        assert f(1)\n    except AssertionError:\n        pass"),
        ("eval('f(1)')", ""),
        ("try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass", ""),
        ("try:\n    f(-1)\nexcept Exception:\n    pass\nelse:\n    assert False", ""),
        ("try:\n    assert f(1) == 2\nexcept AssertionError:\n    raise", ""),
        ("try:\n    assert f(1) == 2\nexcept AssertionError:\n    raise\nexcept Exception:\n    pass", ""),
        ("bad = 0\ntry:\n    f(-1)\nexcept Exception:\n    bad = 1\nassert bad", ""),
    ],
)
def test_these_can_fail(test: str, setup: str) -> None:
    assert lack(test, setup) is None


@pytest.mark.parametrize(
    ("body", "idle"),
    [
        ("pass", True),
        ("x = 1", True),
        ("print(f(1) == 2)", True),
        ("assert f(1) == 2", False),
        ("f(1)", False),
        ("g(1)", False),
        ("aid()", False),
        ("return 3", False),
        ("tester.run(1)", False),
    ],
)
def test_tests_of_a_suite_that_cannot_fail(body: str, idle: bool) -> None:
    head = "from solution import f, g\ndef aid():\n    assert f(0) == 0\ndef test_a():\n    assert f(1) == 2\n"
    found = idle_of_suite(ast.parse(f"{head}def test_b():\n    {body}"), "f")
    assert (found is not None) == idle
    assert found is None or found[0] == "test_b"
    method = f"{head}class TestF:\n    def helper(self): pass\n    def test_b(self):\n        {body}"
    assert (idle_of_suite(ast.parse(method), "f") is not None) == idle
    fixture = f"{head}def test_b(given):\n    {body}"
    assert idle_of_suite(ast.parse(fixture), "f") is None
