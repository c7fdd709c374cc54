import pytest

from stages.core.errors import DataError
from stages.sandbox.jobs import Program, StdioCase, StdioTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Status

DOUBLE = "n = int(input())\nprint(2 * n)\n"


def script(source: str) -> Program:
    return Program(source=source)


def doubles(**how: object) -> StdioTests:
    cases = tuple(StdioCase(stdin=f"{number}\n", expected=f"{2 * number}\n") for number in (1, 2, 30))
    return StdioTests(cases=cases, **how)  # type: ignore[arg-type]


def test_scripts_read_and_print(sandbox: Sandbox) -> None:
    assert sandbox.verify(script(DOUBLE), doubles()).all_passed
    wrong = sandbox.verify(script("print(4)"), doubles())
    assert [result.outcome.value for result in wrong.results] == ["fail", "pass", "fail"]


@pytest.mark.parametrize(
    ("source", "outcome", "status"),
    [
        ("print(2)\nraise SystemExit(1)", "error", Status.DONE),
        ("print(2)\n1/0", "error", Status.DONE),
        ("print(2); import os; os._exit(0)", "fail", Status.DONE),
        ("print(2, flush=True)\nimport os; os.abort()", "crash", Status.CRASH),
        ("print(2, flush=True)\nwhile True: pass", "timeout", Status.TIMEOUT),
        ("print(2, flush=True)\nx = bytearray(1 << 40)", "memory", Status.MEMORY),
        ("while True: print('x' * 999)", "output_limit", Status.OUTPUT_LIMIT),
        ("print(2", "not_run", Status.SYNTAX_ERROR),
        ("import sys; sys.exit('bad')", "error", Status.DONE),
    ],
)
def test_how_scripts_fail(standard: Sandbox, source: str, outcome: str, status: Status) -> None:
    verdict = standard.verify(script(source), doubles())
    assert verdict.results[0].outcome == outcome
    assert verdict.status is status
    assert verdict.results[0].outcome != "pass"


def test_what_a_script_may_do(standard: Sandbox) -> None:
    source = (
        "import sys, atexit, threading, time\natexit.register(print, 'last')\n"
        "def later(): time.sleep(0.1); print('thread', sys.stdin.read().strip())\n"
        "threading.Thread(target=later).start()\nif __name__ == '__main__': print('main')\nsys.exit()"
    )
    tests = StdioTests(cases=(StdioCase(stdin="é\n", expected="main\nthread é\nlast"),))
    assert standard.verify(script(source), tests).all_passed


def test_tolerance_and_tokens(standard: Sandbox) -> None:
    tests = StdioTests(cases=(StdioCase(stdin="", expected="0.333333 x"),), compare="tokens", atol=1e-5)
    assert standard.verify(script("print(1/3, 'x')"), tests).all_passed
    assert not standard.verify(script("print(1/4, 'x')"), tests).all_passed


def test_a_custom_checker_decides_in_its_own_process(sandbox: Sandbox) -> None:
    checker = "def check(input, output, expected):\n    return sorted(output.split()) == sorted(expected.split())"
    tests = StdioTests(cases=(StdioCase(stdin="", expected="1 2 3"),), checker=checker)
    assert sandbox.verify(script("print(3, 1, 2)"), tests).all_passed
    assert not sandbox.verify(script("print(3, 1)"), tests).all_passed


@pytest.mark.parametrize(
    "checker", ["def check(a): pass", "x = 1", "def check(", "import os; os._exit(0)", "while True: pass"]
)
def test_a_checker_that_does_not_run_is_the_tests_fault(standard: Sandbox, checker: str) -> None:
    tests = StdioTests(cases=(StdioCase(stdin="", expected="1"),), checker=checker)
    verdict = standard.verify(script("print(1)"), tests)
    assert verdict.status is Status.TESTER_ERROR
    assert verdict.passed == 0


def test_a_checker_must_say_true(standard: Sandbox) -> None:
    tests = StdioTests(cases=(StdioCase(stdin="", expected="1"),), checker="def check(*a): return 1")
    assert standard.verify(script("print(1)"), tests).passed == 0


def test_an_empty_expected_output_is_a_data_error() -> None:
    with pytest.raises(DataError, match="no output"):
        StdioTests(cases=(StdioCase(stdin="1", expected=" \n"),))
