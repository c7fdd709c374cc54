import pytest

from stages.core.errors import DataError
from stages.sandbox.jobs import Case, DataTests, Program, SplitTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Outcome, Status, Verdict
from tests.sandbox.conftest import add

SUMS = DataTests(cases=tuple(Case(args=(number, 1), expected=number + 1) for number in range(5)))


def outcomes(verdict: Verdict) -> list[str]:
    return [result.outcome.value for result in verdict.results]


def test_right_and_wrong(sandbox: Sandbox) -> None:
    verdict = sandbox.verify(add(), SUMS)
    assert verdict.all_passed
    assert (verdict.status, verdict.mode, verdict.trust, verdict.signal) == (Status.DONE, "data", "full", 0)
    wrong = sandbox.verify(add("return 3"), SUMS)
    assert outcomes(wrong) == ["fail", "fail", "pass", "fail", "fail"]
    assert wrong.results[0].detail == "gives 3"


def test_a_death_costs_one_test_only(sandbox: Sandbox) -> None:
    for body, outcome in (("os._exit(0)", "crash"), ("sum(iter(int, 1))", "timeout"), ("os.abort()", "crash")):
        verdict = sandbox.verify(add(f"if a == 2: {body}\n    return a + b", "import os"), SUMS)
        assert outcomes(verdict) == ["pass", "pass", outcome, "pass", "pass"]
        assert verdict.status == outcome


def test_the_budget_of_the_program_ends_it(sandbox: Sandbox) -> None:
    verdict = sandbox.verify(add("while True: pass"), SUMS)
    assert verdict.status is Status.TIMEOUT
    assert outcomes(verdict)[0] == "timeout"
    assert outcomes(verdict)[-1] == "not_run"


def test_exceptions_results_that_cannot_cross_and_memory(sandbox: Sandbox) -> None:
    body = (
        "return {0: lambda: 1/0, 1: object, 2: lambda: bytearray(1 << 40), 3: lambda: (x for x in 'ab'), 4: print}[a]()"
    )
    tests = DataTests(cases=tuple(Case(args=(number, 0), expected=["a", "b"]) for number in range(5)))
    verdict = sandbox.verify(add(body), tests)
    assert outcomes(verdict) == ["error", "not_plain", "memory", "pass", "fail"]
    assert verdict.results[0].detail == "ZeroDivisionError: division by zero"
    assert "iterator" in verdict.results[3].detail


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("  \n", Status.NO_CODE),
        ("def add(a, b: pass", Status.SYNTAX_ERROR),
        ("def add(a, b): return 0\0", Status.SYNTAX_ERROR),
        ("x = '\ud800'", Status.SYNTAX_ERROR),
        ("def other(): pass", Status.NO_ENTRY_POINT),
        ("add = 1", Status.NO_ENTRY_POINT),
        ("raise ValueError('x')", Status.LOAD_ERROR),
        ("import not_installed", Status.LOAD_ERROR),
        ("raise SystemExit(0)", Status.LOAD_ERROR),
        ("import os; os._exit(0)", Status.CRASH),
        ("while True: pass", Status.TIMEOUT),
        ("x = bytearray(1 << 40)", Status.MEMORY),
        ("import os; os.write(3, b'\\xff' * 99)", Status.PROTOCOL_ERROR),
        ("x = 1\n" * 5_000_000, Status.SYNTAX_ERROR),
    ],
    ids=lambda value: str(value)[:20],
)
def test_programs_that_do_not_load(standard: Sandbox, source: str, status: Status) -> None:
    verdict = standard.verify(Program(source=source, entry_point="add"), SUMS)
    assert verdict.status is status
    assert outcomes(verdict) == ["not_run"] * 5
    assert not verdict.all_passed


def test_arguments_and_keywords_of_every_kind(standard: Sandbox) -> None:
    program = Program(source="def f(*a, **k):\n    return [a, k]", entry_point="f")
    case = Case(
        args=((1, 2), {3: {4}}, None, 2**100),
        kwargs=(("x", -0.0),),
        expected=[((1, 2), {3: {4}}, None, 2**100), {"x": 0.0}],
    )
    assert standard.verify(program, DataTests(cases=(case,), compare="strict")).all_passed


def test_no_test_is_no_pass_and_bad_arguments_are_data_errors(standard: Sandbox) -> None:
    assert not standard.verify(add(), DataTests(cases=())).all_passed
    with pytest.raises(DataError, match="not plain data"):
        standard.verify(add(), DataTests(cases=(Case(args=(object(),)),)))


def test_answers_out_of_turn_never_pass(standard: Sandbox) -> None:
    forged = (
        "import os, struct\nfor n in range(9):\n    t = b'[\"r\",%d,1,null]' % n\n"
        "    os.write(3, struct.pack('<I', len(t)) + t)\n"
    )
    tests = DataTests(cases=(Case(args=(0, 1), expected=1),) * 3)
    assert standard.verify(Program(source=forged + "def add(a, b): return 5", entry_point="add"), tests).passed == 0


def test_even_a_right_answer_out_of_turn_ends_the_program(standard: Sandbox) -> None:
    body = "t = b'[\"r\",7,3,null]'; os.write(3, struct.pack('<I', len(t)) + t)\n    return a + b"
    case = Case(args=(1, 2), expected=3)
    verdict = standard.verify(add(body, "import os, struct"), DataTests(cases=(case, case)))
    assert outcomes(verdict) == ["protocol_error", "protocol_error"]
    split = SplitTests(cases=("assert add(1, 2) == 3",))
    assert outcomes(standard.verify(add(body, "import os, struct"), split)) == ["protocol_error"]


def test_large_values_cross_in_both_directions(standard: Sandbox) -> None:
    case = Case(args=(list(range(100_000)), [1]), expected=[*range(100_000), 1])
    assert standard.verify(add(), DataTests(cases=(case,) * 3)).all_passed


def test_answers_have_a_limit_over_all_tests(standard: Sandbox) -> None:
    cases = tuple(Case(args=(number, 0), expected="x" * (7 << 20)) for number in range(6))
    verdict = standard.verify(add("return 'x' * (7 << 20)"), DataTests(cases=cases))
    assert outcomes(verdict) == ["pass"] * 4 + ["output_limit", "not_run"]
    assert verdict.detail == "answered with more than allowed"


def test_the_recursion_limit_is_what_a_script_has(standard: Sandbox) -> None:
    program = add("return f(a)", "def f(n):\n    return n and f(n - 1)")
    tests = DataTests(cases=tuple(Case(args=(depth, 0), expected=0) for depth in (980, 1000)))
    assert outcomes(standard.verify(program, tests)) == ["pass", "error"]
    more = add("return f(a)", "import sys\nsys.setrecursionlimit(5000)\ndef f(n):\n    return n and f(n - 1)")
    assert standard.verify(more, tests).all_passed


def test_numpy_is_there_for_programs_that_name_it(standard: Sandbox) -> None:
    pytest.importorskip("numpy")
    verdict = standard.verify(
        add("return numpy.array([a, b])", "import numpy"), DataTests(cases=(Case(args=(1, 2), expected=[1, 2]),))
    )
    assert verdict.all_passed, verdict


def test_a_time_near_the_limit_is_noted(standard: Sandbox) -> None:
    near = add(
        "t = time.process_time()\n    while time.process_time() - t < 0.35: pass\n    return a + b", "import time"
    )
    assert standard.verify(near, DataTests(cases=SUMS.cases[:1])).usage.near_limit
    assert not standard.verify(add(), SUMS).usage.near_limit


def test_what_a_program_prints_is_made_harmless(standard: Sandbox) -> None:
    verdict = standard.verify(
        add("return a + b", "import sys\nprint('\\x1b[2J\\ud800', file=sys.stderr, flush=True)"), SUMS
    )
    assert verdict.all_passed
    assert verdict.stderr_head == "\\x1b[2J\\ud800\n"
    flood = standard.verify(add("import os\n    while True: os.write(1, b'x' * 9999)"), SUMS)
    assert flood.status is Status.OUTPUT_LIMIT
    assert flood.results[0].outcome is Outcome.OUTPUT_LIMIT


def test_a_value_that_raises_when_compared_is_a_wrong_one(standard: Sandbox) -> None:
    program = add("return decimal.Decimal('sNaN')", "import decimal")
    for compare in ("python", "strict", "approx", "set", "multiset"):
        verdict = standard.verify(program, DataTests(cases=(Case(args=(1, 2), expected=3),), compare=compare))
        assert outcomes(verdict) == ["fail"], compare
