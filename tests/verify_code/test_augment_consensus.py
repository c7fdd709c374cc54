import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from stages.programs.matrix import Matrix
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import (
    StdioCase,
    StdioTests,
)
from stages.verify_code.augmented import Job, Known
from stages.verify_code.measuring import Measured
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.scripted import Call
from tests.verify_code.clamping import (
    CLAMP,
    RIGHT,
    SAME,
    UPPER,
    augmented,
    clamp_task,
    known,
    measured,
    saying,
    suite,
)


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


def test_a_reference_that_loads_under_one_hash_seed_alone_validates_nothing(
    verifier: SandboxVerifier, tmp_path: Path
) -> None:
    reference = CLAMP + "\nassert [hash(c) % 2 for c in 'abcdefgh'] {} {!r}\n"
    hashes = "print([hash(c) % 2 for c in 'abcdefgh'])"
    environ = {"PYTHONHASHSEED": "0"}
    under_0 = subprocess.run([sys.executable, "-c", hashes], env=environ, capture_output=True, text=True, check=True)
    found = []
    for half in ("==", "!="):
        shaky = replace(measured((CLAMP.replace("x < low", "False"), False)), reference_status="load_error")
        job = Job(
            task=clamp_task(reference=reference.format(half, json.loads(under_0.stdout))),
            known=known(RIGHT, SAME),
            measured=shaky,
        )
        found += augmented(
            saying({"inputs": [[-1, 0, 10]]}), verifier, tmp_path / ("same" if half == "==" else "other"), job
        )
    assert [one.tests for one in found] == [(), ()]
    assert [one.counts for one in found] == [{"flaky": 1}, {"invalid": 1}]
    assert [one.killed.shape for one in found] == [(1, 0), (1, 0)]
