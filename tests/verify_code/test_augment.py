import itertools
from pathlib import Path
from typing import Any

import pytest

from stages.programs.task import Suite, Task
from stages.sandbox.jobs import (
    InProcessTests,
    SplitTests,
    SuiteTests,
)
from stages.verify_code.augment import augment, augmentation_identity
from stages.verify_code.augmented import COUNTED, Job
from stages.verify_code.local_model import open_model
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.scripted import Call, scripted
from tests.verify_code.clamping import (
    CLAMP,
    RIGHT,
    SAME,
    UPPER,
    asked,
    assert_counts_add_up,
    assert_reference_passes,
    augmented,
    clamp_task,
    configured,
    known,
    measured,
    saying,
    suite,
)


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


def test_a_pair_is_parted_once_and_a_proposal_made_once(verifier: SandboxVerifier, tmp_path: Path) -> None:
    answers = [{"inputs": [[-1, 0, 10], [1, 0, 10]]}, {"inputs": [[-1, 0, 10], [1, 0, 10], [-2, 0, 10]]}]
    calls: list[Call] = []
    job = Job(task=clamp_task(), known=known(RIGHT, SAME), measured=measured())
    (found,) = augmented(saying(*answers), verifier, tmp_path, job, calls=calls, rounds=3)
    assert [test.name for test in found.tests] == ["aug-1-1"]
    assert found.rounds[1].counts["duplicate"] == 2
    assert found.rounds[1].counts["useless"] == 1
    questions = [call.body["messages"][1]["content"] for call in calls]
    assert [SAME in text for text in questions] == [True, False]


def test_a_question_shows_other_changes_than_the_one_before(verifier: SandboxVerifier, tmp_path: Path) -> None:
    """Fifteen mutants survive, the first is taken for equivalent: twelve others are shown, then what was not."""
    mutants = measured(*((CLAMP + f"# {n}\n", n == 0) for n in range(15)))
    calls: list[Call] = []
    job = Job(task=clamp_task(), known=known(RIGHT, SAME), measured=mutants)
    augmented(saying({"inputs": [[-1, 0, 10]]}), verifier, tmp_path, job, calls=calls, rounds=2)
    shown = [[n for n in range(15) if f"change {n}\n" in call.body["messages"][1]["content"]] for call in calls]
    assert shown == [list(range(1, 13)), [*range(10), 13, 14]]


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
