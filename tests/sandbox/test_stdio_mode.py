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


def says(body: str, cases: tuple[tuple[str, str], ...] = (("1", "3"), ("2", "4")), before: str = "") -> StdioTests:
    return StdioTests(
        cases=tuple(StdioCase(stdin=given, expected=expected) for given, expected in cases),
        checker=f"{before}\ndef check(input, output, expected):\n    {body}",
    )


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("return int(output) == int(expected)", "fail"),
        ("return output == expected or sys.exit(0)", "fail"),
        ("return output == expected or [0 for _ in iter(int, 1)]", "error"),
        ("return output == expected or bytearray(1 << 40)", "error"),
        ("return output == expected or [bytearray(1 << 20) for _ in range(2000)]", "error"),
        ("return output == expected or os._exit(0)", "error"),
        ("return output == expected or os.abort()", "error"),
    ],
)
def test_a_bad_output_fails_and_the_next_is_judged(standard: Sandbox, body: str, outcome: str) -> None:
    program = script("n = int(input())\nprint('oops' if n == 1 else 4, end='')")
    verdict = standard.verify(program, says(body, before="import os, sys"))
    assert [result.outcome.value for result in verdict.results] == [outcome, "pass"]
    assert verdict.status is Status.DONE
    assert "checker" in verdict.results[0].detail


def test_a_checker_that_raises_on_the_expected_output_is_the_tests_fault(standard: Sandbox) -> None:
    tests = says("return undefined(output)")
    for _ in range(2):
        verdict = standard.verify(script("print(3)"), tests)
        assert verdict.status is Status.TESTER_ERROR
        assert "raises NameError: name 'undefined' is not defined, also on the expected output" in verdict.detail
    assert list(tests.checker_faults) == [tests.cases[0]]


@pytest.mark.parametrize("printed", ["", "x", "3", "[]", '{"sum": "x"}', "[" * 100_000])
def test_a_checker_of_another_form_than_the_expected_output_is_none_at_fault(standard: Sandbox, printed: str) -> None:
    tests = says("return json.loads(output)['sum'] == int(expected)", before="import json")
    verdict = standard.verify(script(f"print({printed!r})"), tests)
    assert verdict.status is Status.DONE
    assert [result.outcome.value for result in verdict.results] == ["fail", "fail"]
    assert standard.verify(script("print('{\"sum\": %d}' % (2 + int(input())))"), tests).all_passed


def test_without_an_expected_output_what_a_checker_raises_is_the_programs_fault(standard: Sandbox) -> None:
    verdict = standard.verify(script("print('x')"), says("return int(output) > 0", cases=(("1", ""), ("2", ""))))
    assert [result.outcome.value for result in verdict.results] == ["fail", "fail"]


def test_outputs_that_keep_the_checker_busy_end_in_errors(standard: Sandbox) -> None:
    tests = says("return output == expected or [0 for _ in iter(int, 1)]", cases=(("1", "a"),) * 6)
    verdict = standard.verify(script("print(3)"), tests)
    assert verdict.status is Status.DONE
    assert {result.outcome.value for result in verdict.results} == {"error"}
    assert verdict.results[-1].detail == "no time is left for the checker"


def test_a_script_that_uses_all_its_time_is_out_of_time(standard: Sandbox) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass\nprint(int(input()) * 2)"
    cases = tuple(StdioCase(stdin="1", expected="2") for _ in range(6))
    verdict = standard.verify(script(busy), StdioTests(cases=cases))
    assert verdict.results[-1].outcome.value == "not_run"
    assert verdict.status is Status.TIMEOUT


def test_bytes_that_are_no_text_equal_no_text(standard: Sandbox) -> None:
    byte = script("import sys\nsys.stdout.buffer.write(b'\\xff')")
    for expected, right in (("\\xff", False), ("\xff", False), ("\udcff", True), ("\\udcff", False)):
        tests = StdioTests(cases=(StdioCase(stdin="", expected=expected),))
        assert standard.verify(byte, tests).all_passed is right
    echo = script("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())")
    tests = StdioTests(cases=(StdioCase(stdin="é\udcff", expected="é\udcff"),))
    assert standard.verify(echo, tests).all_passed
    (answer,) = standard.answers(byte, tests.cases)
    assert (answer.outcome.value, answer.value) == ("not_plain", None)


def test_a_byte_order_mark_begins_a_file(standard: Sandbox) -> None:
    assert standard.verify(script("\ufeff" + DOUBLE), doubles()).all_passed


def test_a_checker_must_say_true(standard: Sandbox) -> None:
    tests = StdioTests(cases=(StdioCase(stdin="", expected="1"),), checker="def check(*a): return 1")
    assert standard.verify(script("print(1)"), tests).passed == 0


def test_an_empty_expected_output_is_a_data_error() -> None:
    with pytest.raises(DataError, match="no output"):
        StdioTests(cases=(StdioCase(stdin="1", expected=" \n"),))
