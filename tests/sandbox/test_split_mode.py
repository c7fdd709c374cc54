import pytest

from stages.sandbox.jobs import InProcessTests, Program, SplitTests, SuiteTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Status, Verdict
from tests.sandbox.conftest import add


def outcomes(verdict: Verdict) -> list[str]:
    return [result.outcome.value for result in verdict.results]


def split(*cases: str, setup: str = "") -> SplitTests:
    return SplitTests(cases=cases, setup=setup)


def test_asserts_and_check_functions(sandbox: Sandbox) -> None:
    tests = split("assert add(1, 2) == 3", "assert candidate(1, 2) == 4", "add(1)", "assert add('a', b='b') == 'ab'")
    assert outcomes(sandbox.verify(add(), tests)) == ["pass", "fail", "error", "pass"]
    check = split("check(add)", setup="def check(f):\n    assert f(2, 2) == 4\n    assert f([1], [2]) == [1, 2]")
    assert sandbox.verify(add(), check).all_passed
    assert not sandbox.verify(add("return 4"), check).all_passed


def test_a_death_costs_one_test_only(sandbox: Sandbox) -> None:
    tests = split("assert add(0, 0) == 0", "try: add(1, 0)\nexcept BaseException: pass", "assert add(2, 0) == 2")
    for body, outcome in (("os._exit(0)", "crash"), ("sum(iter(int, 1))", "timeout")):
        verdict = sandbox.verify(add(f"if a == 1: {body}\n    return a + b", "import os"), tests)
        assert outcomes(verdict) == ["pass", outcome, "pass"]
        assert verdict.status == outcome


def test_changed_arguments_reach_the_caller(standard: Sandbox) -> None:
    body = "a.sort(); b.update({1: 2}) if isinstance(b, dict) else b.add(9)"
    tests = split(
        "x, y = [3, 1], {}\nassert add(x, y) is None\nassert x == [1, 3] and y == {1: 2}",
        "from collections import OrderedDict, deque\nx, y = [], {1}\nz = x\nadd(x, y)\nassert y == {1, 9} and z is x",
        "x = [[2, 1]]\nadd(x, {})\nassert x == [[2, 1]]",
    )
    assert sandbox_passes(standard, add(body), tests)


def sandbox_passes(sandbox: Sandbox, program: Program, tests: SplitTests | SuiteTests) -> bool:
    verdict = sandbox.verify(program, tests)
    assert verdict.all_passed, verdict
    return True


def test_auxiliary_functions_of_the_problem_are_the_testers(standard: Sandbox) -> None:
    setup = "def double(x):\n    return 2 * x\n\ndef add(a, b):\n    '''The sum.'''\n"
    assert sandbox_passes(standard, add(), split("assert double(add(1, 2)) == 6", setup=setup))


def test_a_result_that_cannot_cross_outweighs_what_the_test_says(standard: Sandbox) -> None:
    tests = split("try: add(1, 2)\nexcept Exception: pass")
    assert outcomes(standard.verify(add("return object()"), tests)) == ["not_plain"]
    assert outcomes(standard.verify(add("return bytearray(1 << 40)"), split("assert add(1, 2)"))) == ["memory"]


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        (split("assert add(1, 2) = 3"), "test 0 does not parse"),
        (split("assert add(1, 2) == 3", setup="import not_installed"), "No module named 'not_installed'. Tests can"),
        (split("assert add(1, 2) == 3", setup="x = y"), "raises NameError: name 'y' is not defined. Mend it"),
        (split("assert True", setup="while True: pass"), "needs more time than one test may. Shorten it"),
        (split("assert True", setup="import os; os._exit(0)"), "ends its own process. Look for os._exit"),
        (split("assert True", setup="import os; os.write(4, bytes(9))"), "disturbs the report of outcomes. Let it"),
        (
            split("assert True", setup="import os, struct\nos.write(4, b'\\x08\\0\\0\\0[\"done\"]')"),
            "disturbs the report",
        ),
        (SuiteTests(source="import os; os._exit(0)\ndef test_a(): assert add(1, 2)"), "ends its own process. Look for"),
    ],
    ids=["syntax", "package", "name", "loop", "exit", "nonsense", "forged", "suite"],
)
def test_tests_that_do_not_run_are_not_the_programs_fault(
    standard: Sandbox, tests: SplitTests | SuiteTests, text: str
) -> None:
    verdict = standard.verify(add(), tests)
    assert verdict.status is Status.TESTER_ERROR
    assert text in verdict.detail
    assert set(outcomes(verdict)) <= {"not_run"}


def test_a_test_that_ends_its_own_process_says_so(standard: Sandbox) -> None:
    verdict = standard.verify(add(), split("import os; os._exit(0)", "assert add(1, 2) == 3"))
    assert outcomes(verdict) == ["error", "pass"]
    assert verdict.results[0].detail == "this test ends its own process. Look for os._exit or a crash in it"


def test_a_set_up_that_makes_the_program_print_too_much_is_right(standard: Sandbox) -> None:
    tests = split("assert True", setup="for number in range(10 ** 9): add(number, 0)")
    verdict = standard.verify(add("print('x' * 10_000)"), tests)
    assert (verdict.status, verdict.detail) == (Status.OUTPUT_LIMIT, "while loading: printed more than allowed")


def test_a_set_up_that_fails_because_of_the_program_is_its_fault(standard: Sandbox) -> None:
    verdict = standard.verify(add("return 0"), split("pass", setup="assert add(1, 2) == 3"))
    assert verdict.status is Status.LOAD_ERROR


def test_tests_leave_nothing_for_each_other(standard: Sandbox) -> None:
    tests = split("x = 1\nglobals()['y'] = 2", "assert 'x' not in globals() and 'y' not in globals()")
    assert sandbox_passes(standard, add(), tests)


def test_classes_of_the_problem_come_back_as_themselves(standard: Sandbox) -> None:
    setup = "import enum, collections\nP = collections.namedtuple('P', 'x')\nclass C(enum.Enum):\n    R = 1\n"
    program = Program(source=setup + "def add(a, b):\n    return [a.x, b, C.R, P(2)]", entry_point="add")
    assert sandbox_passes(
        standard,
        program,
        split("x = add(P(1), C.R)\nassert x == [1, C.R, C.R, P(2)] and x[3].x == 2", setup=setup),
    )


SUITE = """
import unittest, pytest
from solution import add
import solution as s

class Sums(unittest.TestCase):
    def setUp(self): self.one = 1
    def test_right(self): self.assertEqual(add(self.one, 1), 2)
    def test_wrong(self): self.assertEqual(s.add(1, 1), 3)
    def test_raises(self):
        with self.assertRaises(TypeError): add(1, "x")

@pytest.fixture
def two():
    yield 2

@pytest.mark.parametrize("a, b, c", [(1, 2, 3), (1, 2, 4)])
def test_many(a, b, c, two): assert add(a, b) == c and two == 2

def test_close(): assert add(0.1, 0.2) == pytest.approx(0.3) and add(0.1, 0.2) != pytest.approx(0.31)
def test_raise():
    with pytest.raises(TypeError, match="unsupported"): add(1, "x")
@pytest.mark.skip
def test_skipped(): assert False
class TestMore:
    def test_method(self): assert add([], []) == []
    def test_gone(self): s.missing(1)
"""


def test_suites_in_the_styles_of_unittest_and_pytest(sandbox: Sandbox) -> None:
    verdict = sandbox.verify(add(), SuiteTests(source=SUITE))
    assert verdict.mode == "suite"
    expected = {
        "Sums.test_raises": "pass",
        "Sums.test_right": "pass",
        "Sums.test_wrong": "fail",
        "test_many[0]": "pass",
        "test_many[1]": "fail",
        "test_close": "pass",
        "test_raise": "pass",
        "TestMore.test_method": "pass",
        "TestMore.test_gone": "error",
    }
    assert {result.test: result.outcome.value for result in verdict.results} == expected


def suite_outcomes(sandbox: Sandbox, source: str, body: str, entry: str | None = None) -> list[str]:
    verdict = sandbox.verify(Program(source=source, entry_point=entry), SuiteTests(source=body))
    return [result.outcome.value for result in verdict.results] or [verdict.status.value, verdict.detail]


def test_a_suite_sees_plain_names_of_the_solution(standard: Sandbox) -> None:
    program = (
        "LIMIT, TABLE, THING, count = 3, {1: [2]}, object(), 0\n"
        "def f(x):\n    global count\n    count += 1\n    return x\n"
    )
    body = (
        "import solution\nfrom solution import LIMIT, TABLE, f\n"
        "def test_data(): assert f(LIMIT) == 3 and TABLE == {1: [2]} and type(LIMIT) is int\n"
        "def test_now():\n    before = solution.count\n    f(1)\n    assert solution.count == before + 1\n"
        "def test_functions(): assert callable(solution.f) and solution.f(2) == 2\n"
        "def test_missing(): assert not hasattr(solution, 'other')\n"
        "def test_wrong(): assert LIMIT == 4\n"
        "def test_thing(): assert solution.THING\n"
    )
    expected = ["pass", "pass", "pass", "pass", "fail", "not_plain"]
    assert suite_outcomes(standard, program, body, "f") == expected
    assert suite_outcomes(standard, program, body) == expected


def test_names_that_the_solution_lacks_are_its_fault_and_those_of_the_suite_are_not(standard: Sandbox) -> None:
    program = "THING = object()\ndef f(x): return x\n"
    for body, status in (
        ("from solution import other\ndef test(): pass", "load_error"),
        ("from solution import THING\ndef test(): pass", "load_error"),
        ("from solution import f\nundefined\ndef test(): f(1)", "tester_error"),
    ):
        assert suite_outcomes(standard, program, body)[0] == status


def test_tests_in_code_need_an_entry_point(standard: Sandbox) -> None:
    verdict = standard.verify(Program(source="def f(x): return x"), split("assert f(1) == 1"))
    assert verdict.status is Status.TESTER_ERROR
    assert "entry point" in verdict.detail


def test_a_suite_goes_on_after_a_death(standard: Sandbox) -> None:
    source = "def test_a(): add(0, 0)\ndef test_b(): add(1, 0)\ndef test_c(): assert add(2, 0) == 2\n"
    verdict = standard.verify(add("if a == 1: os._exit(0)\n    return a + b", "import os"), SuiteTests(source=source))
    assert {result.test: result.outcome.value for result in verdict.results} == {
        "test_a": "pass",
        "test_b": "crash",
        "test_c": "pass",
    }


def test_a_long_program_and_long_tests_cross_one_after_the_other(standard: Sandbox) -> None:
    program = Program(source=f"def add(a, b): return a + b\n# {'é' * (2 << 20)}", entry_point="add")
    tests = InProcessTests(tests=split("assert add(1, 2) == 3", setup=f"# {'x' * (11 << 20)}"))
    assert standard.verify(program, tests).all_passed


def test_in_process_is_flagged_and_knows_the_solutions_classes(standard: Sandbox) -> None:
    program = Program(
        source="class Node:\n    def __init__(s, v): s.v = v\ndef add(a, b):\n    return Node(a.v + b.v)",
        entry_point="add",
    )
    tests = InProcessTests(tests=split("assert add(Node(1), Node(2)).v == 3", "assert add(Node(1), Node(2)).v == 4"))
    verdict = standard.verify(program, tests)
    assert outcomes(verdict) == ["pass", "fail"]
    assert (verdict.mode, verdict.trust) == ("inproc", "inproc")
