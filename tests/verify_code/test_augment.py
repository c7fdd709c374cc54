import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ConfigError
from stages.core.options import LlmOptions
from stages.programs.matrix import Matrix, vector
from stages.programs.oracle import oracle_tests
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
from stages.sandbox.layers import require
from stages.verify_code.asking import open_model
from stages.verify_code.augment import augment, augment_all, augmentation_identity
from stages.verify_code.augmented import COUNTED, Augmented, Job, Known
from stages.verify_code.config import SandboxOptions, VerifyCodeConfig
from stages.verify_code.measuring import Measured
from stages.verify_code.mutants import Mutant
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.chat_server import start_server
from tests.servers.scripted import Call, Said, Scripted, completion, scripted

QUICK = SandboxOptions(test_seconds=0.3, program_seconds=0.9, memory_mb=256, reruns=2)

CLAMP = """
def clamp(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x
"""
RIGHT = "def clamp(x, a, b):\n    return max(a, min(x, b))\n"
SAME = "def clamp(x, a, b):\n    return x\n"
UPPER = "def clamp(x, a, b):\n    return min(x, b)\n"
PROMPT = [{"role": "user", "content": "Bring x into [low, high]."}]


@pytest.fixture(scope="module")
def verifier() -> Iterator[SandboxVerifier]:
    try:
        require("standard")
    except ConfigError as error:
        pytest.skip(str(error))
    with SandboxVerifier(QUICK, 1.0) as opened:
        yield opened


def suite(*cases: str) -> Suite:
    return Suite(tests=SplitTests(cases=cases), names=tuple(map(str, range(len(cases)))))


def clamp_task(**changes: Any) -> Task:
    fields: dict[str, Any] = {"key": "clamp", "prompt": PROMPT, "entry_point": "clamp", "reference": CLAMP}
    return Task(**fields | {"suite": suite("assert clamp(5, 0, 10) == 5")} | changes)


def known(*sources: str, outcomes: list[list[str]] | None = None) -> Known:
    rows = outcomes or [["pass"]] * len(sources)
    return Known(sources=sources, matrix=Matrix.of([vector(row) for row in rows]))


def measured(*mutants: tuple[str, bool], num_tests: int = 1, valid: bool = True) -> Measured:
    """Mutants that no test kills, each with whether it is taken for equivalent."""
    none = np.zeros((len(mutants), num_tests), dtype=bool)
    return Measured(
        names=tuple(map(str, range(num_tests))),
        valid=np.full(num_tests, valid),
        flaky=np.zeros(num_tests, dtype=bool),
        reference_status="done",
        mutants=tuple(
            Mutant(source, "comparison", 3, f"change {number}") for number, (source, _) in enumerate(mutants)
        ),
        killed=none,
        known=~none,
        equivalent=np.array([equivalent for _, equivalent in mutants], dtype=bool),
    )


def saying(*answers: object) -> Callable[[Call], Said]:
    """One answer a call; the last one again and again."""
    return lambda call: completion(_text(answers[min(call.number, len(answers) - 1)]))


def _text(answer: object) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer)


def configured(url: str, **options: Any) -> VerifyCodeConfig:
    llm = LlmOptions(llm=url, max_retries=options.pop("max_retries", 2), timeout=5.0, concurrency=8)
    fields: dict[str, Any] = {"augment": 10, "rounds": 1, "sandbox": QUICK} | options
    return VerifyCodeConfig(inputs=("x",), llm=llm, **fields)


def augmented(
    answer: Callable[[Call], Said],
    verifier: SandboxVerifier,
    root: Path,
    *jobs: Job,
    calls: list[Call] | None = None,
    **options: Any,
) -> list[Augmented]:
    with scripted(answer) as server:
        found = asked(server, verifier, root, *jobs, **options)
        if calls is not None:
            calls += server.calls
    return found


def asked(server: Scripted, verifier: SandboxVerifier, root: Path, *jobs: Job, **options: Any) -> list[Augmented]:
    config = configured(server.url, **options)
    model = open_model(config, root, lambda text: None)
    try:
        with model.asking(0, "augment") as asker:
            return augment_all(jobs, asker, verifier, config)
    finally:
        model.close()


def assert_reference_passes(verifier: SandboxVerifier, task: Task, found: Augmented) -> None:
    """Every test that was added holds under three hash seeds."""
    if found.suite is None:
        assert found.tests == ()
        return
    assert task.reference is not None
    program = Program(source=task.reference, entry_point=task.entry_point)
    for seed in (0, 1, 2):
        verdict = verifier.verify(program, found.suite.tests, hash_seed=seed)
        assert verdict.all_passed, verdict.results
        assert len(verdict.results) == len(found.tests) == len(found.suite.names)


def assert_counts_add_up(found: Augmented) -> None:
    for facts in found.rounds:
        assert set(facts.counts) == set(COUNTED)
        assert all(count >= 0 for count in facts.counts.values())
        assert facts.validity is None or 0 <= facts.validity <= 1
    assert found.counts["kept"] == len(found.tests)
    assert [len(row) for row in found.outcomes] == [len(found.tests)] * len(found.outcomes)
    assert found.killed.shape == found.known.shape == (len(found.equivalent), len(found.tests))
    assert not (found.killed & ~found.known).any()


# --- with a reference ---


def test_inputs_that_kill_mutants_or_part_programs_are_kept(verifier: SandboxVerifier, tmp_path: Path) -> None:
    """By hand: -1 parts the right program from both others and kills two mutants; 11 kills one and parts the others."""
    mutants = measured(
        (CLAMP.replace("x < low", "False"), False),
        (CLAMP.replace("return low", "return high"), False),
        (CLAMP.replace("x > high", "False"), True),
        (CLAMP.replace("x < low", "x <= low"), True),
    )
    task, calls = clamp_task(), []
    inputs = {"inputs": [[5, 0, 10], [3, 0, 10], [11, 0, 10], [-1, 0, 10], ["a", 0, 10], 7, [-1, 0, 10]]}
    job = Job(task=task, known=known(RIGHT, SAME, UPPER), measured=mutants)
    (found,) = augmented(saying(inputs), verifier, tmp_path, job, calls=calls)
    assert [(test.name, test.text, test.kills, test.separates) for test in found.tests] == [
        ("aug-1-1", "assert clamp(-1, 0, 10) == 0", 2, 2),
        ("aug-1-2", "assert clamp(11, 0, 10) == 10", 1, 1),
    ]
    assert {(test.origin, test.round, test.validated) for test in found.tests} == {("m", 1, "reference")}
    assert found.outcomes == (("pass", "pass"), ("fail", "fail"), ("fail", "pass"))
    assert found.killed.tolist() == [[True, False], [True, False], [False, True], [False, False]]
    assert found.equivalent.tolist() == [False, False, False, True]
    (facts,) = found.rounds
    wanted = {"unparsable": 1, "duplicate": 2, "invalid": 1, "useless": 1, "kept": 2}
    assert facts.counts == dict.fromkeys(COUNTED, 0) | wanted
    assert facts.proposed == 7
    assert facts.validity == pytest.approx(3 / 7)
    assert (facts.score_before, facts.score_after) == (0.0, 1.0)
    assert (found.prompt_tokens, found.completion_tokens) == (10, 5)
    user = calls[0].body["messages"][1]["content"]
    for shown in ("line 3: change 2", CLAMP, RIGHT, SAME, "Bring x into", "assert clamp(5, 0, 10) == 5", "up to 10"):
        assert shown in user
    assert_reference_passes(verifier, task, found)
    assert_counts_add_up(found)


def test_rounds_go_on_while_they_add_and_show_what_is_left(verifier: SandboxVerifier, tmp_path: Path) -> None:
    answers = [{"inputs": [[-1, 0, 10]]}, {"inputs": [[-2, 0, 10], [11, 0, 10]]}, {"inputs": [[0, 0, 10]]}]
    low, high = (CLAMP.replace("x < low", "False"), False), (CLAMP.replace("x > high", "False"), False)
    calls: list[Call] = []
    job = Job(task=clamp_task(), known=known(RIGHT), measured=measured(low, high))
    (found,) = augmented(saying(*answers), verifier, tmp_path, job, calls=calls, rounds=9)
    assert [test.name for test in found.tests] == ["aug-1-1", "aug-2-1"]
    assert [(one.round, one.counts["kept"], one.score_before, one.score_after) for one in found.rounds] == [
        (1, 1, 0.0, 0.5),
        (2, 1, 0.5, 1.0),
        (3, 0, 1.0, 1.0),
    ]
    questions = [call.body["messages"][1]["content"] for call in calls]
    assert ["change 0" in text for text in questions] == [True, False, False]
    assert ["change 1" in text for text in questions] == [True, True, False]
    assert "assert clamp(-1, 0, 10) == 0" in questions[1]
    assert "clamp(-2, 0, 10)" in questions[2]  # of no use, and not to be proposed again


def test_no_more_tests_than_asked_for(verifier: SandboxVerifier, tmp_path: Path) -> None:
    answer = {"inputs": [[-1, 0, 10], [11, 0, 10], [12, 0, 10]]}
    job = Job(task=clamp_task(), known=known(RIGHT, SAME, UPPER), measured=measured())
    (found,) = augmented(saying(answer), verifier, tmp_path, job, augment=1, rounds=3)
    assert len(found.tests) == len(found.rounds) == 1
    assert found.counts["surplus"] == 2


def test_inputs_on_which_the_reference_loops_raises_or_is_undecided_are_refused(
    verifier: SandboxVerifier, tmp_path: Path
) -> None:
    reference = """
def pick(n):
    while n < 0:
        pass
    if n == 7:
        raise ValueError(n)
    if n == 8:
        return object()
    if n == 9:
        return "x" * 100_000
    if n == 10:
        return list({"a", "b", "c", "d", "e"})
    return n
"""
    wrong = "def pick(n):\n    return abs(n) + 1\n"
    task = Task(key="p", entry_point="pick", reference=reference, suite=suite("assert pick(1) > 0"))
    numbers = [-1, 7, 8, 9, 10, -2, -3, -4, -5, 3]
    job = Job(task=task, known=known(reference, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": [[n] for n in numbers]}), verifier, tmp_path, job)
    assert [test.text for test in found.tests] == ["assert pick(3) == 3"]
    assert found.counts == {"invalid": 8, "flaky": 1, "kept": 1}
    assert_reference_passes(verifier, task, found)


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


def test_a_mutant_that_loops_is_killed_once(verifier: SandboxVerifier, tmp_path: Path) -> None:
    loops = (CLAMP.replace("return low", "while True: pass"), False)
    job = Job(task=clamp_task(), known=known(RIGHT), measured=measured(loops))
    (found,) = augmented(saying({"inputs": [[3, 0, 9], [-1, 0, 9], [-2, 0, 9]]}), verifier, tmp_path, job)
    assert [test.text for test in found.tests] == ["assert clamp(-1, 0, 9) == 0"]
    assert found.rounds[0].score_after == 1.0


def test_a_solution_that_depends_on_the_hash_seed_is_flaky_there(verifier: SandboxVerifier, tmp_path: Path) -> None:
    right = "def first(words):\n    return words[0]\n"
    chance = "def first(words):\n    return list(set(words))[0] if len(words) > 1 else words[0]\n"
    wrong = "def first(words):\n    return None if len(words) > 1 else words[0]\n"
    task = Task(key="f", entry_point="first", reference=right, suite=suite("assert first(['a']) == 'a'"))
    words = [[list(order)] for order in itertools.permutations(["aa", "bb", "cc"])]
    job = Job(task=task, known=known(right, chance, wrong), measured=measured())
    (found,) = augmented(saying({"inputs": words}), verifier, tmp_path, job)
    assert found.outcomes[0] == ("pass",) * len(found.tests)
    assert found.outcomes[2] == ("fail",) * len(found.tests)
    assert set(found.outcomes[1]) <= {"flaky", "fail", "pass"}


# --- without a reference ---


def test_assertions_are_validated_by_the_consensus(verifier: SandboxVerifier, tmp_path: Path) -> None:
    """By hand: two right programs in the best group (score 2 * sqrt 2), the others have sqrt 2."""
    twin = "def clamp(x, a, b):\n    return sorted((a, x, b))[1]\n"
    task = clamp_task(reference=None, suite=suite("assert clamp(5, 0, 10) == 5", "assert clamp(-1, 0, 10) == 0"))
    job = Job(
        task=task,
        known=known(
            RIGHT, twin, SAME, UPPER, outcomes=[["pass"] * 2, ["pass"] * 2, ["pass", "fail"], ["pass", "fail"]]
        ),
        measured=None,
    )
    assertions = [
        "assert clamp(11, 0, 10) == 10",  # parts the last two, the best group agrees
        "assert clamp(11, 0, 10) == 11",  # wrong, only one program agrees
        "assert clamp(1, 0, 10) == 1",  # right, tells nothing
        "assert clamp(5,0,10)==5",  # there already
        "assert clamp(1, 0, 10) == print('x')",
        "import os; os._exit(0)",
    ]
    (found,) = augmented(saying({"assertions": assertions}), verifier, tmp_path, job)
    assert [(test.text, test.validated, test.kills, test.separates) for test in found.tests] == [
        ("assert clamp(11, 0, 10) == 10", "consensus", 0, 1)
    ]
    assert found.outcomes == (("pass",), ("pass",), ("fail",), ("pass",))
    assert found.counts == {"unparsable": 2, "duplicate": 1, "invalid": 1, "useless": 1, "kept": 1}
    assert found.rounds[0].score_before is None


def test_runs_of_scripts_are_validated_by_the_consensus(verifier: SandboxVerifier, tmp_path: Path) -> None:
    double, square, same = ("print(2 * int(input()))", "print(int(input()) ** 2)", "n = int(input())\nprint(n + n)")
    given = StdioTests(cases=(StdioCase(stdin="2", expected="4"),))
    job = Job(
        task=Task(key="q", suite=Suite(tests=given, names=("0",))),
        known=Known(sources=(double, square, same), matrix=Matrix.of([b"\0"] * 3), counts=np.array([1, 1, 9])),
        measured=None,
    )
    runs = [{"stdin": "3", "stdout": "6"}, {"stdin": "3", "stdout": "9"}, {"stdin": "4", "stdout": ""}]
    (found,) = augmented(saying({"runs": runs}), verifier, tmp_path, job)
    # all are one group, and it disagrees about every input that would part it
    assert found.tests == ()
    assert found.counts == {"unparsable": 1, "duplicate": 1, "invalid": 1}


def test_where_nothing_passes_nothing_is_validated(verifier: SandboxVerifier, tmp_path: Path) -> None:
    job = Job(task=clamp_task(reference=None), known=known(RIGHT, SAME, outcomes=[["fail"], ["fail"]]), measured=None)
    (found,) = augmented(saying({"assertions": ["assert clamp(11, 0, 10) == 10"]}), verifier, tmp_path, job)
    assert found.counts == {"invalid": 1}


def test_a_reference_that_does_not_load_is_not_trusted(verifier: SandboxVerifier, tmp_path: Path) -> None:
    broken = Measured.without_mutants(("0",), "syntax_error", np.array([False]), np.array([False]))
    job = Job(task=clamp_task(reference="def clamp("), known=known(RIGHT, SAME), measured=broken)
    calls: list[Call] = []
    augmented(saying({"assertions": []}), verifier, tmp_path, job, calls=calls)
    assert "def clamp(\n" not in calls[0].body["messages"][1]["content"]
    assert '"assertions"' in calls[0].body["messages"][1]["content"]


def test_a_suite_whose_tests_differ_between_runs_is_taken_whole(verifier: SandboxVerifier, tmp_path: Path) -> None:
    job = Job(task=clamp_task(), known=known(RIGHT, SAME), measured=measured(num_tests=3))
    (found,) = augmented(saying({"inputs": [[-1, 0, 10]]}), verifier, tmp_path, job)
    assert len(found.tests) == 1


def test_tests_that_the_reference_fails_part_nobody(verifier: SandboxVerifier, tmp_path: Path) -> None:
    programs = known(RIGHT, SAME, outcomes=[["pass"], ["fail"]])
    answer = saying({"inputs": [[-1, 0, 10]]})
    for valid, kept in ((True, 0), (False, 1)):
        job = Job(task=clamp_task(), known=programs, measured=measured(valid=valid))
        (found,) = augmented(answer, verifier, tmp_path, job)
        assert len(found.tests) == kept


# --- tasks that cannot be augmented ---


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suite": Suite(tests=InProcessTests(tests=SplitTests(cases=("assert 1",))))}, "inproc"),
        ({"entry_point": None}, "no_entry_point"),
        ({"entry_point": None, "suite": None}, "no_entry_point"),
        ({"entry_point": None, "suite": Suite(tests=SuiteTests(source="def test_a(): pass"))}, "no_entry_point"),
    ],
)
def test_tasks_that_cannot_be_augmented_say_why_and_ask_nothing(
    verifier: SandboxVerifier, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    calls: list[Call] = []
    job = Job(task=clamp_task(**changes), known=known(RIGHT), measured=None)
    (found,) = augmented(saying({}), verifier, tmp_path, job, calls=calls)
    assert (found.reason, found.suite, found.rounds, calls) == (reason, None, (), [])
    assert_counts_add_up(found)


def test_a_suite_in_unittest_style_gets_tests_of_its_function(verifier: SandboxVerifier, tmp_path: Path) -> None:
    source = "from solution import clamp\ndef test_a():\n    assert clamp(5, 0, 10) == 5\n"
    task = clamp_task(suite=Suite(tests=SuiteTests(source=source)))
    job = Job(task=task, known=known(RIGHT, SAME), measured=measured())
    (found,) = augmented(saying({"inputs": [[-1, 0, 10]]}), verifier, tmp_path, job)
    assert len(found.tests) == 1
    assert_reference_passes(verifier, task, found)


# --- what a model and a server may do ---

HOSTILE: list[Any] = [
    "__import__('os').system('touch ESCAPED')",
    "[open('ESCAPED', 'w')]",
    "[[] for _ in iter(int, 1)]",
    "(" * 40_000,
    "[" + "-" * 40_000 + "1, 0, 0]",
    "[0x" + "f" * 50_000 + ", 0, 1]",
    ["x" * 70_000, 0, 1],
    [[[[[]]]], {}, None],
    {"__class__": "os"},
    [],
    [1],
    [1, 2, 3, 4],
    [1e999, 0, 1],
    [-1e308, 0.5, 1e308],
    ["\ud800", "a", "b"],
    ["\x1b[2J", "\x00", "z"],
    [[1, 2], [0], [3]],
    [None, True, False],
    [10**4000, 0, 1],
    None,
    3.5,
]


def test_a_test_that_the_reference_fails_is_never_added(verifier: SandboxVerifier, tmp_path: Path) -> None:
    """Fifteen answers drawn from junk, hostile code, repetitions, huge inputs, wrong forms and some good ones."""
    draw = random.Random(7)
    task = clamp_task()
    jobs, answers = [], []
    for number in range(15):
        good = [[draw.randint(-20, 20), 0, draw.randint(0, 9)] for _ in range(draw.randint(0, 4))]
        items = [*good, *draw.choices(HOSTILE, k=6), *good[:1]]
        draw.shuffle(items)
        whole = [{"inputs": items}] * 8 + [{"inputs": "x"}, "<html>503</html>", {"tests": items}, '{"inputs": [[1, 2']
        answers.append(_text(draw.choice(whole)))
        jobs.append(
            Job(
                task=clamp_task(key=str(number), prompt=[{"role": "user", "content": f"Task {number}."}]),
                known=known(RIGHT, SAME, UPPER),
                measured=measured((CLAMP.replace("x < low", "x <= 3"), False)),
            )
        )

    def answer(call: Call) -> Said:
        user = call.body["messages"][1]["content"]
        return completion(next(text for n, text in enumerate(answers) if f"Task {n}." in user))

    results = augmented(answer, verifier, tmp_path, *jobs, rounds=2)
    assert sum(len(found.tests) for found in results) >= 10
    for found in results:
        assert_reference_passes(verifier, task, found)
        assert_counts_add_up(found)
        for test in found.tests:
            test.text.encode()
    assert not any(Path(folder, "ESCAPED").exists() for folder in (".", tmp_path))


def test_hostile_assertions_are_never_run_and_wrong_ones_never_kept(verifier: SandboxVerifier, tmp_path: Path) -> None:
    task = clamp_task(reference=None, suite=suite("assert clamp(5, 0, 10) == 5", "assert clamp(-1, 0, 10) == 0"))
    marker = tmp_path / "escaped"
    assertions = [
        f"assert open({str(marker)!r}, 'w') and clamp(1, 0, 2)",
        f"assert clamp(1, 0, 2) and __import__('pathlib').Path({str(marker)!r}).touch()",
        "assert clamp(1, 0, 2) == [0] * 10**12",
        "assert clamp(10 ** 10 ** 10, 0, 2) == 2",
        "assert clamp(1, 0, 2) == sum(1 for _ in range(10 ** 12))",
        "assert clamp(*range(10 ** 9)) == 1",
        "assert True",
        "assert clamp(11, 0, 10) == 12",
        "assert clamp(11, 0, 10) == 10",
    ]
    twin = "def clamp(x, a, b):\n    return sorted((a, x, b))[1]\n"
    rows = [["pass"] * 2, ["pass"] * 2, ["pass", "fail"], ["pass", "fail"]]
    job = Job(task=task, known=known(RIGHT, twin, UPPER, SAME, outcomes=rows), measured=None)
    (found,) = augmented(saying({"assertions": assertions}), verifier, tmp_path, job)
    assert not marker.exists()
    assert {test.text for test in found.tests} == {"assert clamp(11, 0, 10) == 10"}
    assert found.counts["unparsable"] == 3
    assert_counts_add_up(found)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (Said(500, {"error": "broken"}), "http_500"),
        (Said(200, b"<html><body>Bad gateway</body></html>"), "broken_reply"),
        (Said(429, {"error": "slow down"}, {"Retry-After": "0.01"}), "rate_limited"),
        (completion('{"inputs": [[1, 2', "length"), "cut_off"),
        (completion("There are no good tests."), "bad_answer"),
        (completion(None, refusal="No."), "refused"),
    ],
)
def test_a_call_that_fails_for_good_costs_its_task_alone(
    verifier: SandboxVerifier, tmp_path: Path, said: Said, failure: str
) -> None:
    def answer(call: Call) -> Said:
        odd = "Odd task." in call.body["messages"][1]["content"]
        return said if odd else completion(json.dumps({"inputs": [[-1, 0, 10]]}))

    odd = clamp_task(prompt=[{"role": "user", "content": "Odd task."}])
    jobs = [Job(task=task, known=known(RIGHT, SAME), measured=measured()) for task in (clamp_task(), odd)]
    good, bad = augmented(answer, verifier, tmp_path, *jobs, rounds=3, max_retries=1)
    assert len(good.tests) == 1
    assert bad.tests == ()
    assert [one.failure for one in bad.rounds] == [failure]
    assert bad.rounds[0].validity is None
    assert_counts_add_up(bad)


def test_faults_in_three_calls_of_ten_lose_only_what_failed(verifier: SandboxVerifier, tmp_path: Path) -> None:
    jobs = [
        Job(
            task=clamp_task(key=str(n), prompt=[{"role": "user", "content": f"Task {n}."}]),
            known=known(RIGHT, SAME),
            measured=measured(),
        )
        for n in range(20)
    ]
    answer = json.dumps({"inputs": [[-1, 0, 10], [4, 0, 10]]})
    mix = "429:6,500:6,truncated:3,length:4,schema:4"
    with start_server(faults=0.3, mix=mix, retry_after="0.01", answer=answer) as server:
        config = configured(server.url, max_retries=6)
        model = open_model(config, tmp_path, lambda text: None)
        with model.asking(0, "augment") as asker:
            results = augment_all(jobs, asker, verifier, config)
        model.close()
        stats = server.stats()
    assert sum(count for name, count in stats.items() if name.startswith("fault")) > 3, stats
    failed = [found for found in results if found.rounds[0].failure]
    assert len(failed) < 6
    assert all(len(found.tests) == 1 for found in results if found not in failed)
    assert stats["most_in_flight"] > 1  # a round asks for all tasks at once


def test_a_second_run_asks_nothing_and_finds_the_same(verifier: SandboxVerifier, tmp_path: Path) -> None:
    answers = [{"inputs": [[-1, 0, 10]]}, {"inputs": [[11, 0, 10]]}, {"inputs": []}]
    job = Job(task=clamp_task(), known=known(RIGHT, SAME, UPPER), measured=measured())
    with scripted(saying(*answers)) as server:
        first = asked(server, verifier, tmp_path, job, rounds=5)
        number = len(server.calls)
        second = asked(server, verifier, tmp_path, job, rounds=5)
        assert len(server.calls) == number == 3
    assert [(one.suite, one.tests, one.outcomes, one.rounds) for one in first] == [
        (one.suite, one.tests, one.outcomes, one.rounds) for one in second
    ]
    assert (tmp_path / ".rlbff" / "journal" / "part-00000.augment.jsonl").exists()


def test_one_task_alone_is_augmented_like_one_of_many(verifier: SandboxVerifier, tmp_path: Path) -> None:
    task, programs = clamp_task(), known(RIGHT, SAME)
    with scripted(saying({"inputs": [[-1, 0, 10]]})) as server:
        config = configured(server.url)
        model = open_model(config, tmp_path, lambda text: None)
        with model.asking(0, "augment") as asker:
            found = augment(task, programs, measured(), asker, verifier, config)
        model.close()
    assert [test.text for test in found.tests] == ["assert clamp(-1, 0, 10) == 0"]
    assert augmentation_identity("m")["augment_model"] == "m"


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
