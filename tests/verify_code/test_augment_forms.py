"""Added tests take the form of the suite that they are added to."""

from pathlib import Path

import pytest

from stages.programs.matrix import Matrix
from stages.programs.oracle import oracle_tests
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import (
    Case,
    DataTests,
    SplitTests,
    StdioCase,
    StdioTests,
    SuiteTests,
    Tests,
)
from stages.verify_code.augmented import Job, Known
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.scripted import Call
from tests.verify_code.clamping import (
    RIGHT,
    SAME,
    assert_reference_passes,
    augmented,
    clamp_task,
    known,
    measured,
    saying,
    suite,
)


def test_what_a_function_leaves_in_its_arguments_counts(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "def arrange(items):\n    items.sort()\n"
    wrong = "def arrange(items):\n    items.reverse()\n"
    task = Task(key="s", entry_point="arrange", reference=right, suite=suite("assert arrange([1]) is None"))
    job = Job(task=task, known=known(right, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": [[[2, 1]], [[1, 3, 2]]]}), verifier, tmp_path, job)
    assert [test.text for test in found.tests] == [
        "_given = [[1, 3, 2]]\nassert arrange(*_given) is None\nassert _given == [[1, 2, 3]]"
    ]
    assert found.outcomes == (("pass",), ("fail",))
    assert_reference_passes(verifier, task, found)


def test_the_last_bit_of_a_sum_is_no_difference_and_a_whole_number_is(
    verifier: SandboxVerifier, tmp_path: Path
) -> None:
    right = "def total(x):\n    return [x[0] + x[1] + x[2], len(x) * 10**7]\n"
    other = "def total(x):\n    return [x[2] + x[1] + x[0], len(x) * 10**7]\n"
    wrong = "def total(x):\n    return [x[2] + x[1] + x[0], len(x) * 10**7 + 1]\n"
    task = Task(key="t", entry_point="total", reference=right)
    untested = Matrix.of([b"", b"", b""])
    job = Job(task=task, known=Known(sources=(right, other, wrong), matrix=untested), measured=None)
    (found,) = augmented(saying({"inputs": [[[0.1, 0.2, 0.3]]]}), verifier, tmp_path, job)
    assert found.outcomes == (("pass",), ("pass",), ("fail",))
    assert found.tests[0].text == "assert _same(total([0.1, 0.2, 0.3]), [0.6000000000000001, 30000000])"


def test_what_a_generator_gives_is_compared(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "def count(n):\n    yield from range(n)\n"
    wrong = "def count(n):\n    yield from range(1, n + 1)\n"
    task = Task(key="c", entry_point="count", reference=right, suite=suite("assert list(count(0)) == []"))
    job = Job(task=task, known=known(right, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": [[3]]}), verifier, tmp_path, job)
    assert [test.text for test in found.tests] == ["assert list(count(3)) == [0, 1, 2]"]
    assert found.outcomes == (("pass",), ("fail",))


@pytest.mark.parametrize("name", ["close", "same", "given", "candidate"])
def test_a_program_with_an_unlucky_name_does_not_judge_itself(
    verifier: SandboxVerifier, tmp_path: Path, name: str
) -> None:
    right = f"def {name}(x):\n    return x + 0.5\n"
    wrong = f"def {name}(*x):\n    return True if len(x) > 1 else 7.0\n"
    task = Task(key="n", entry_point=name, reference=right, suite=suite(f"assert {name}(0)"))
    job = Job(task=task, known=known(right, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": [[1]]}), verifier, tmp_path, job)
    assert found.outcomes == (("pass",), ("fail",))


def test_tuples_and_sets_come_as_literals(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "def swap(pair, other):\n    return (pair[1], pair[0]), sorted(other)\n"
    task = Task(key="s", entry_point="swap", reference=right, suite=suite("assert swap((1, 1), ())"))
    job = Job(task=task, known=known(right, "def swap(pair, other):\n    return pair, []\n"), measured=measured())
    (found,) = augmented(saying({"inputs": ["[(1, 2), {3}]"]}), verifier, tmp_path, job)
    assert found.tests[0].text == "assert swap((1, 2), {3}) == ((2, 1), [3])"


def test_a_suite_with_its_own_comparison_gets_tests_that_compare_alike(
    verifier: SandboxVerifier, tmp_path: Path
) -> None:
    right = "def divisors(n):\n    return [k for k in range(1, n + 1) if n % k == 0]\n"
    other = "def divisors(n):\n    return [k for k in range(n, 0, -1) if n % k == 0]\n"
    wrong = "def divisors(n):\n    return [1]\n"
    given = DataTests(cases=(Case(args=(1,), expected=[1]),), compare="multiset")
    task = Task(key="d", entry_point="divisors", reference=right, suite=Suite(tests=given, names=("0",)))
    job = Job(task=task, known=known(right, other, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": [[6], [1]]}), verifier, tmp_path, job)
    assert found.suite is not None
    assert found.suite.tests == DataTests(cases=(Case(args=(6,), expected=[1, 2, 3, 6]),), compare="multiset")
    assert found.tests[0].text == "divisors(6) == [1, 2, 3, 6]"
    assert found.outcomes == (("pass",), ("pass",), ("fail",))
    assert found.counts == {"duplicate": 1, "kept": 1}


def test_a_suite_that_asks_the_reference_keeps_its_way_of_comparing(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "def two(n):\n    return [n, -n]\n"
    other = "def two(n):\n    return [-n, n]\n"
    given = oracle_tests(right, "two", [[0]], atol=0, rtol=0, oracle="same_set")
    task = Task(key="d", entry_point="two", reference=right, suite=given)
    job = Job(task=task, known=known(right, other, "def two(n):\n    return [n]\n"), measured=measured())
    (found,) = augmented(saying({"inputs": [[0], [3]]}), verifier, tmp_path, job)
    assert found.outcomes == (("pass",), ("pass",), ("fail",))
    assert found.tests[0].text == "two(3)"
    assert found.counts == {"duplicate": 1, "kept": 1}
    assert_reference_passes(verifier, task, found)


def test_inputs_of_scripts_get_what_the_reference_prints(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "n = int(input())\nif n:\n    print(n * n)\n"
    wrong = "print(int(input()) * 2)\n"
    given = StdioTests(cases=(StdioCase(stdin="2\n", expected="4\n"),), compare="tokens")
    task = Task(key="q", reference=right, suite=Suite(tests=given, names=("0",)))
    job = Job(task=task, known=known(right, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": ["2\n", "0\n", "x\n", "3\n", 5]}), verifier, tmp_path, job)
    assert found.suite is not None
    assert found.suite.tests == StdioTests(cases=(StdioCase(stdin="3\n", expected="9\n"),), compare="tokens")
    assert found.outcomes == (("pass",), ("fail",))
    assert found.counts == {"duplicate": 1, "unparsable": 1, "invalid": 2, "kept": 1}
    assert_reference_passes(verifier, task, found)


def test_a_suite_in_unittest_style_gets_tests_of_its_function(verifier: SandboxVerifier, tmp_path: Path) -> None:
    source = "from solution import clamp\ndef test_a():\n    assert clamp(5, 0, 10) == 5\n"
    task = clamp_task(suite=Suite(tests=SuiteTests(source=source)))
    job = Job(task=task, known=known(RIGHT, SAME), measured=measured())
    (found,) = augmented(saying({"inputs": [[-1, 0, 10]]}), verifier, tmp_path, job)
    assert len(found.tests) == 1
    assert_reference_passes(verifier, task, found)


def test_forms_of_suites_are_all_shown(verifier: SandboxVerifier, tmp_path: Path) -> None:
    forms: list[Tests] = [
        SplitTests(setup="# the set-up", cases=("assert clamp(5, 0, 10) == 5",)),
        DataTests(cases=(Case(args=(5, 0), kwargs=(("high", 10),), expected=5),)),
        SuiteTests(source="def test_a():\n    assert clamp(5, 0, 10) == 5\n"),
    ]
    shown = ["assert clamp(5, 0, 10) == 5", "clamp(5, 0, high=10) == 5", "def test_a():"]
    for form, text in zip(forms, shown, strict=True):
        calls: list[Call] = []
        job = Job(task=clamp_task(suite=Suite(tests=form)), known=known(RIGHT), measured=measured())
        augmented(saying({"inputs": []}), verifier, tmp_path / text[:3], job, calls=calls)
        assert text in calls[0].body["messages"][1]["content"]
