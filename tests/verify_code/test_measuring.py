from collections.abc import Iterator

import numpy as np
import pytest

from stages.programs.task import Suite, Task
from stages.sandbox.jobs import (
    Case,
    DataTests,
    InProcessTests,
    Program,
    SplitTests,
    StdioCase,
    StdioTests,
    SuiteTests,
    Tests,
)
from stages.sandbox.verdict import Verdict
from stages.verify_code.config import SandboxOptions
from stages.verify_code.measuring import NO_REFERENCE, NO_SUITE, Measured, measure
from stages.verify_code.verifier import SandboxVerifier, Verifier
from tests.sandbox.conftest import skip_unless_possible

QUICK = SandboxOptions(test_seconds=0.25, program_seconds=0.6, memory_mb=256)

RELU = "def relu(x):\n    if x < 0:\n        return 0\n    return x\n"
SURVIVORS = {"x < 0 -> x <= 0": True, "x < 0 -> x < 1": True, "x < 0 -> x < -1": False}
"""What no test with -3 and 3 kills, and whether it is the same for every whole number."""


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    skip_unless_possible("standard")
    with SandboxVerifier(QUICK, 1.0) as opened:
        yield opened


class Counted:
    """A verifier that counts what it is asked."""

    def __init__(self, inner: Verifier) -> None:
        self.inner, self.asked = inner, 0

    def verify(self, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
        self.asked += 1
        return self.inner.verify(program, tests, hash_seed=hash_seed)


def split(*cases: str, setup: str = "") -> SplitTests:
    return SplitTests(cases=cases, setup=setup)


def measured(verifier: Verifier, tests: Tests, reference: str | None, entry: str = "relu", most: int = 100) -> Measured:
    task = Task(key="t", entry_point=entry, suite=Suite(tests=tests), reference=reference)
    return measure(task, verifier, most=most, seed=0)


def survivors(found: Measured) -> dict[str, bool]:
    alive = np.flatnonzero(~found.killed.any(axis=1))
    return {found.mutants[number].change: bool(found.equivalent[number]) for number in alive}


SUITE = """
from {module} import relu
import unittest
class Relu(unittest.TestCase):
    def test_positive(self): self.assertEqual(relu(3), 3)
    def test_wrong(self): self.assertEqual(relu(4), 5)
def test_negative(): assert relu(-3) == 0
"""
SUITE_NAMES = ("Relu.test_positive", "Relu.test_wrong", "test_negative")


@pytest.mark.parametrize(
    ("tests", "names"),
    [
        (split("assert relu(3) == 3", "assert relu(4) == 5", "assert relu(-3) == 0"), ("0", "1", "2")),
        (split("f(3, 3)", "f(4, 5)", "f(-3, 0)", setup="def f(x, y):\n    assert relu(x) == y"), ("0", "1", "2")),
        (DataTests(cases=tuple(Case(args=(x,), expected=y) for x, y in ((3, 3), (4, 5), (-3, 0)))), ("0", "1", "2")),
        (SuiteTests(source=SUITE.format(module="solution")), SUITE_NAMES),
        (SuiteTests(source=SUITE.format(module="relus"), modules=("relus",)), SUITE_NAMES),
    ],
    ids=["asserts", "check", "data", "suite", "other_module"],
)
def test_kills_and_survivors_of_every_form_of_tests(verifier: Verifier, tests: Tests, names: tuple[str, ...]) -> None:
    found = measured(verifier, tests, RELU)
    assert found.names == names
    assert found.valid.tolist() == [True, False, True]
    assert found.reference_status == "done"
    assert not found.flaky.any()
    assert survivors(found) == SURVIVORS
    assert len(found.mutants) == 10
    assert found.mutation_score == pytest.approx(7 / 8)
    kills = {mutant.change: row.tolist() for mutant, row in zip(found.mutants, found.killed, strict=True)}
    assert kills["x < 0 -> x > 0"] == [True, False, True]
    assert kills["return x -> return None"] == [True, False, False]
    assert kills["return 0 -> return 1"] == [False, False, True]
    assert found.known.tolist() == [[True, False, True]] * 10


def test_scripts_are_compared_by_what_they_print(verifier: Verifier) -> None:
    script = "x = int(input())\nif x < 0:\n    x = 0\nprint(x)\n"
    cases = tuple(StdioCase(stdin=f"{given}\n", expected=f"{right}") for given, right in ((3, 3), (4, 5), (-1, 0)))
    found = measured(verifier, StdioTests(cases=cases), script, entry="ignored")
    assert found.valid.tolist() == [True, False, True]
    # -1 is the input that tells x < -1 apart; 0 and 1, near it, tell nothing apart that the tests do not.
    assert survivors(found) == {"x < 0 -> x <= 0": True, "x < 0 -> x < 1": True}
    assert found.mutation_score == 1.0


def test_a_loose_comparison_lets_mutants_live_that_are_not_equivalent(verifier: Verifier) -> None:
    source = "def half(x):\n    return x / 2 + 0.0\n"
    cases = (Case(args=(3.0,), expected=1.5), Case(args=(5.0,), expected=2.5))
    loose = measured(verifier, DataTests(cases=cases, compare="approx", atol=9.0), source, "half")
    assert set(survivors(loose).values()) >= {False}
    assert survivors(loose)["x / 2 + 0.0 -> x / 2 - 0.0"]
    assert not survivors(loose)["x / 2 + 0.0 -> x / 2 + 1.0"]


def test_values_that_only_constructors_can_write_are_compared(verifier: Verifier) -> None:
    from datetime import date
    from decimal import Decimal

    source = "def later(d, n, x):\n    return (d.year + n, x) if n else None\n"
    cases = (Case(args=(date(2020, 1, 2), Decimal(2), float("inf")), expected=(Decimal(2022), float("inf"))),)
    found = measured(verifier, DataTests(cases=cases), source, "later")
    assert found.valid.all()
    assert found.mutation_score == 1.0


def test_in_process_tests_estimate_no_equivalence(verifier: Verifier) -> None:
    tests = InProcessTests(tests=split("assert relu(3) == 3", "assert relu(-3) == 0"))
    found = measured(verifier, tests, RELU)
    assert survivors(found) == dict.fromkeys(SURVIVORS, False)
    assert found.mutation_score == pytest.approx(7 / 10)


def test_without_anything_to_compare_no_survivor_is_equivalent(verifier: Verifier) -> None:
    source = "import random\ndef draw(n):\n    return random.SystemRandom().random() + n\n"
    found = measured(verifier, split("assert draw(0) >= 0"), source, "draw")
    assert survivors(found)
    assert not any(survivors(found).values())


def test_a_mutant_that_loops_is_killed_by_one_test_and_run_no_further(verifier: Verifier) -> None:
    source = "def down(n):\n    while n > 0:\n        n -= 1\n    return n\n"
    cases = split("assert down(-1) == -1", *(f"assert down({n}) == 0" for n in range(1, 9)))
    counted = Counted(verifier)
    found = measured(counted, cases, source, "down")
    row = {mutant.change: number for number, mutant in enumerate(found.mutants)}
    for change in ("n -= 1 -> pass", "n -= 1 -> n += 1", "n -= 1 -> n -= 0"):
        killed, known = found.killed[row[change]], found.known[row[change]]
        assert killed.sum() == 1
        assert known[killed].all()
        assert known.sum() <= 2
    assert found.known[row["return n -> return None"]].all()


def test_a_loop_in_another_test_is_looked_for_there_first(verifier: Verifier) -> None:
    source = "def walk(n):\n    while n > 0:\n        n -= 1\n    return n\n"
    found = measured(verifier, split("assert walk(3) == 0", "assert walk(-2) == -2"), source, "walk")
    loops = {mutant.change: number for number, mutant in enumerate(found.mutants)}
    known = [found.known[loops[change]].tolist() for change in ("n -= 1 -> n += 1", "n -= 1 -> pass")]
    # The last test is the first probe; what loops in the other one makes that the probe.
    assert [True, False] in known
    assert all(found.killed[loops[change], 0] for change in ("n -= 1 -> n += 1", "n -= 1 -> pass"))


def test_a_mutant_that_does_not_load_is_killed_by_every_valid_test(verifier: Verifier) -> None:
    source = "TABLE = [1]\nFIRST = TABLE[0]\ndef first(n):\n    return FIRST + n\n"
    tests = split("assert first(1) == 2", "assert first(1) == 3", "assert first(0) == 1")
    found = measured(verifier, tests, source, "first")
    row = [mutant.change for mutant in found.mutants].index("TABLE[0] -> TABLE[1]")
    assert found.killed[row].tolist() == found.known[row].tolist() == [True, False, True]


def test_a_reference_that_depends_on_the_hash_seed_makes_tests_flaky(verifier: Verifier) -> None:
    source = "def odd(text):\n    return hash(text) % 2\n"
    found = measured(verifier, split(*(f"assert odd('{letter}') == 1" for letter in "abcdefghij")), source, "odd")
    assert found.flaky.any()
    assert not (found.flaky & found.valid).any()
    assert not found.killed[:, ~found.valid].any()


@pytest.mark.parametrize(
    ("reference", "tests", "status"),
    [
        ("def relu(x:", split("pass"), "syntax_error"),
        ("raise ValueError", split("pass"), "load_error"),
        ("def other(x): pass", split("pass"), "no_entry_point"),
        ("", split("pass"), "no_code"),
        (RELU, split("assert relu(1) = 1"), "tester_error"),
        (RELU, SuiteTests(source="def test_a(:"), "tester_error"),
        ("while True: pass", split("pass"), "timeout"),
    ],
    ids=["syntax", "load", "entry", "empty", "tests", "suite", "time"],
)
def test_what_cannot_be_measured_says_why(verifier: Verifier, reference: str, tests: Tests, status: str) -> None:
    found = measured(verifier, tests, reference)
    assert found.reference_status == status
    assert found.mutants == ()
    assert not found.valid.any()
    assert found.killed.shape == found.known.shape == (0, len(found.names))
    assert np.isnan(found.mutation_score)


def test_tasks_without_suite_or_reference_run_nothing() -> None:
    class Nothing:
        def verify(self, program: Program, tests: Tests, *, hash_seed: int = 0) -> Verdict:
            raise AssertionError("asked to run something")

    bare = measure(Task(key="t", reference=RELU), Nothing(), most=9, seed=0)
    assert (bare.reference_status, bare.names) == (NO_SUITE, ())
    lone = measure(Task(key="t", suite=Suite(tests=split("pass", "pass"))), Nothing(), most=9, seed=0)
    assert (lone.reference_status, lone.names, lone.valid.tolist()) == (NO_REFERENCE, ("0", "1"), [False, False])


def test_without_a_valid_test_mutants_are_made_and_not_run(verifier: Verifier) -> None:
    counted = Counted(verifier)
    found = measured(counted, split("assert relu(1) == 2"), RELU, most=5)
    assert len(found.mutants) == 5
    assert not found.known.any()
    assert np.isnan(found.mutation_score)


def test_twice_the_same(verifier: Verifier) -> None:
    tests = split("assert relu(3) == 3", "assert relu(-3) == 0")
    first, second = (measured(verifier, tests, RELU, most=6) for _ in range(2))
    assert first.mutants == second.mutants
    assert (first.killed == second.killed).all()
    assert (first.equivalent == second.equivalent).all()
