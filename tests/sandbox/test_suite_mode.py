"""What becomes of suites' tests that leave themselves out, await, or ask for what the sandbox does not have?

Which tests pass is compared with pytest itself in test_suite_oracle.py.
"""

import pytest

from stages.sandbox.jobs import Case, DataTests, InProcessTests, Program, SplitTests, SuiteTests
from stages.sandbox.sandbox import Sandbox
from stages.sandbox.verdict import Status, Verdict

BEGIN = "import asyncio, pytest, unittest\nfrom solution import add\n"
RIGHT = "def add(a, b=0):\n    return a + b\n"
WRONG = "def add(a, b=0):\n    return 99\n"
ASYNC = "import asyncio\nasync def add(a, b=0):\n    await asyncio.sleep(0)\n    return a + b\n"


def judged(sandbox: Sandbox, body: str, source: str = RIGHT) -> Verdict:
    return sandbox.verify(Program(source=source, entry_point="add"), SuiteTests(source=BEGIN + body))


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {result.test: result.outcome.value for result in verdict.results}


def test_a_skipped_test_is_not_run_and_says_why(standard: Sandbox) -> None:
    body = """
def test_now():
    if add(1) != 1: pytest.skip("odd")
class T(unittest.TestCase):
    def test_now(self):
        if add(1) != 1: self.skipTest("odd")
class Left(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if add(1) != 1: raise unittest.SkipTest("odd")
    def test_a(self): pass
    def test_b(self): pass
"""
    names = ["test_now", "T.test_now", "Left.test_a", "Left.test_b"]
    assert outcomes(judged(standard, body)) == dict.fromkeys(names, "pass")
    verdict = judged(standard, body, WRONG)
    assert outcomes(verdict) == dict.fromkeys(names, "not_run")
    assert {result.detail for result in verdict.results} == {"skipped: odd"}
    assert verdict.status is Status.DONE
    assert not verdict.all_passed


def test_a_function_that_unittest_skips_is_no_test(standard: Sandbox) -> None:
    body = "@unittest.skip('x')\ndef test_a(): pass\ndef test_b(): assert add(1) == 1\n"
    assert outcomes(judged(standard, body)) == {"test_b": "pass"}


@pytest.mark.parametrize("mark", ["unittest.skip('x')", "unittest.skipIf(True, 'x')", "unittest.expectedFailure"])
def test_what_is_left_out_whatever_the_program_is_no_test(standard: Sandbox, mark: str) -> None:
    body = f"class T(unittest.TestCase):\n    @{mark}\n    def test_a(self): self.assertEqual(add(1), 2)\n"
    assert outcomes(judged(standard, body + "    def test_b(self): self.assertEqual(add(1), 1)\n")) == {
        "T.test_b": "pass"
    }
    verdict = judged(standard, body)
    assert verdict.status is Status.TESTER_ERROR
    assert "holds no test" in verdict.detail


@pytest.mark.parametrize(
    "mark", ["skipif(add(1) != 1, reason='x')", "xfail(add(1) != 1, reason='x')", "skipif('add(1) != 1', reason='x')"]
)
def test_what_the_program_may_have_left_out_is_not_run(standard: Sandbox, mark: str) -> None:
    body = f"@pytest.mark.{mark}\ndef test_a(): assert add(1) == 1\n@pytest.mark.skip\ndef test_b(): pass\n"
    assert outcomes(judged(standard, body)) == {"test_a": "pass", "test_b": "not_run"}
    assert outcomes(judged(standard, body, WRONG)) == {"test_a": "not_run", "test_b": "not_run"}


def test_coroutines_are_run(standard: Sandbox) -> None:
    body = """
async def test_a(): assert add(1) == 1
class TestIt:
    async def test_b(self): await asyncio.sleep(0); assert add(1) == 1
class T(unittest.TestCase):
    async def test_c(self): self.assertEqual(add(1), 1)
class U(unittest.IsolatedAsyncioTestCase):
    async def test_d(self): self.assertEqual(add(1), 1)
async def inner(): assert add(1) == 1
def test_e(): return inner()
"""
    names = ["test_a", "TestIt.test_b", "T.test_c", "U.test_d", "test_e"]
    assert outcomes(judged(standard, body)) == dict.fromkeys(names, "pass")
    assert outcomes(judged(standard, body, WRONG)) == dict.fromkeys(names, "fail")


def test_a_test_that_returns_something_does_not_pass(standard: Sandbox) -> None:
    body = "def test_a(): return add(1) == 1\nclass T(unittest.TestCase):\n    def test_b(self): return add(1)\n"
    verdict = judged(standard, body)
    assert outcomes(verdict) == {"test_a": "fail", "T.test_b": "fail"}
    assert "returns a value of type bool" in verdict.results[0].detail


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def test_a():\n    yield\n    assert add(1) == 1\n", "test_a is a generator"),
        ("class T(unittest.TestCase):\n    def test_a(self): yield 1\n", "T.test_a is a generator"),
        ("class TestIt:\n    async def test_a(self): yield 1\n", "TestIt.test_a is a generator"),
        ("def test_a(benchmark): assert add(1) == 1\n", "fixture 'benchmark' is not available"),
        ("def test_a(capsys): assert add(1) == 1\n", "fixture 'capsys' is not available"),
        ("@pytest.fixture\ndef one(two): pass\ndef test_a(one): pass\n", "fixture 'two' is not available"),
        ("@pytest.fixture\ndef one(one): pass\ndef test_a(one): pass\n", "fixture 'one' asks for itself"),
        ("@pytest.fixture\nasync def one(): pass\ndef test_a(one): pass\n", "fixture 'one' is a coroutine"),
        ("@pytest.fixture(scope='row')\ndef one(): pass\ndef test_a(one): pass\n", "'row' is none of"),
        ("def test_a():\n    with pytest.warns(UserWarning): add(1)\n", "pytest.warns"),
        ("import pytest as p\ndef test_a():\n    with p.deprecated_call(): add(1)\n", "pytest.deprecated_call"),
        ("from pytest import raises, warns\ndef test_a(): add(1)\n", "pytest.warns"),
        ("class T(unittest.TestCase):\n    def test_a(self): self.assertLogs('x')\n", "uses assertLogs"),
        ("@pytest.mark.parametrize('a', [1])\ndef test_a(): pass\n", "has parameters for 'a'"),
        ("@pytest.mark.parametrize('a, b', [(1,)])\ndef test_a(a, b): pass\n", "names 2 parameters and gives 1"),
        ("def check(): assert add(1) == 1\n", "holds no test"),
        ("assert add(1) == 1\n", "holds no test"),
        ("pytest.importorskip('not_there')\ndef test_a(): assert add(1) == 1\n", "not_there"),
        ("import not_there\ndef test_a(): assert add(1) == 1\n", "not_there"),
    ],
)
def test_suites_that_cannot_be_run_are_the_testers_fault(standard: Sandbox, body: str, text: str) -> None:
    verdict = judged(standard, body)
    assert verdict.status is Status.TESTER_ERROR
    assert text in verdict.detail
    assert not any(result.outcome == "pass" for result in verdict.results)


def test_a_suite_whose_loading_fails_because_of_the_program_is_its_fault(standard: Sandbox) -> None:
    assert judged(standard, "assert add(1) == 1\ndef test_a(): pass\n", WRONG).status is Status.LOAD_ERROR


def test_tests_of_the_program_and_of_other_modules_are_not_the_suites(standard: Sandbox) -> None:
    source = RIGHT + "def test_free(): pass\nclass TestFree:\n    def test_a(self): pass\n"
    body = "from solution import *\nfrom solution import test_free, TestFree\ndef test_real(): assert add(1) == 1\n"
    assert outcomes(judged(standard, body, source)) == {"test_real": "pass"}
    tests = InProcessTests(tests=SuiteTests(source=BEGIN + body))
    assert outcomes(standard.verify(Program(source=source, entry_point="add"), tests)) == {"test_real": "pass"}
    called = Program(source="def test_add(a): return a\n", entry_point="test_add")
    named = "from solution import test_add\ndef test_real(): assert test_add(1) == 1\n"
    assert outcomes(standard.verify(called, SuiteTests(source=named))) == {"test_real": "pass"}


def test_what_is_set_up_is_set_up_again_after_a_death(standard: Sandbox) -> None:
    source = "import os\ndef add(a, b=0):\n    if a == 13: os._exit(0)\n    return a + b\n"
    body = """
@pytest.fixture(scope="module")
def one(): return add(1)
class T(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.one = add(1)
    def test_a(self): self.assertEqual(add(13), 13)
    def test_b(self): self.assertEqual(add(1), self.one)
def test_c(one): assert add(1) == one
def test_d(one): assert add(13) == one
def test_e(one): assert add(1) == one
class Dies(unittest.TestCase):
    @classmethod
    def setUpClass(cls): add(13)
    def test_f(self): pass
    def test_g(self): pass
"""
    assert outcomes(judged(standard, body, source)) == {
        "T.test_a": "crash",
        "T.test_b": "pass",
        "test_c": "pass",
        "test_d": "crash",
        "test_e": "pass",
        "Dies.test_f": "crash",
        "Dies.test_g": "crash",
    }


def test_suites_that_await_get_coroutines(sandbox: Sandbox) -> None:
    body = """
class T(unittest.IsolatedAsyncioTestCase):
    async def test_a(self): self.assertEqual(await add(1), 1)
    async def test_raises(self):
        with self.assertRaises(TypeError): await add(None)
    async def test_gather(self):
        self.assertEqual(await asyncio.gather(add(1), asyncio.wait_for(add(2, 1), 1)), [1, 3])
def test_run(): assert asyncio.run(add(1)) == 1
def test_list():
    late = add(None)
    with pytest.raises(TypeError): asyncio.run(late)
"""
    verdict = judged(sandbox, body, ASYNC)
    assert verdict.all_passed, verdict
    assert outcomes(judged(sandbox, body, RIGHT))["test_run"] == "error"
    assert set(outcomes(judged(sandbox, body, "async def add(a, b=0): return object()\n")).values()) == {"not_plain"}


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ("import asyncio\nassert asyncio.run(add(1)) == 1", "pass"),
        ("from asyncio import run\nassert run(candidate(1)) == 1", "pass"),
        ("import asyncio as a\nassert a.run(add(1)) == 1", "pass"),
        ("import asyncio\nassert asyncio.run(add(1)) == 2", "fail"),
        ("assert add(1) == 1", "pass"),
        ("assert add(1) == 2", "fail"),
        ("import asyncio  # not used: nothing is awaited\nassert add(1) == 1", "pass"),
    ],
)
def test_cases_await_or_compare_directly(standard: Sandbox, case: str, outcome: str) -> None:
    program = Program(source=ASYNC, entry_point="add")
    assert [one.outcome for one in standard.verify(program, SplitTests(cases=(case,))).results] == [outcome]


def test_in_data_mode_coroutines_are_awaited(standard: Sandbox) -> None:
    tests = DataTests(cases=(Case(args=(1, 2), expected=3), Case(args=(1, 2), expected=4)))
    verdict = standard.verify(Program(source=ASYNC, entry_point="add"), tests)
    assert [one.outcome for one in verdict.results] == ["pass", "fail"]


@pytest.mark.parametrize(
    ("answer", "case", "outcome"),
    [
        (["w", ["r", 1, 1, None]], "assert asyncio.run(add(1)) == 1", "pass"),
        (["w", ["r", 1, 2, None]], "assert asyncio.run(add(1)) == 1", "fail"),
        (["w", ["r", 1, 1, None]], "assert add(1) == 1", "protocol_error"),
        (["w", ["w", ["r", 1, 1, None]]], "assert asyncio.run(add(1)) == 1", "protocol_error"),
        (["w", ["r", 2, 1, None]], "assert asyncio.run(add(1)) == 1", "protocol_error"),
        (["w", []], "assert asyncio.run(add(1)) == 1", "protocol_error"),
        (["w"], "assert asyncio.run(add(1)) == 1", "protocol_error"),
    ],
)
def test_a_forged_answer_to_one_who_awaits_is_worth_its_value(
    standard: Sandbox, answer: list[object], case: str, outcome: str
) -> None:
    forged = f"body = json.dumps({answer!r}).encode()\n    os.write(3, struct.pack('<I', len(body)) + body)"
    program = Program(source=f"import json, os, struct\ndef add(a):\n    {forged}\n", entry_point="add")
    verdict = standard.verify(program, SplitTests(cases=(case,), setup="import asyncio" if "run" in case else ""))
    assert [one.outcome for one in verdict.results] == [outcome]
