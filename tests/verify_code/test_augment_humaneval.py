"""Augmentation on real tasks: one official assertion is the suite, the others' inputs and junk are what is proposed."""

import ast
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError
from stages.programs.matrix import Matrix, vector
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import Program, SplitTests
from stages.sandbox.layers import require
from stages.verify_code.augmented import Job, Known
from stages.verify_code.config import SandboxOptions
from stages.verify_code.measuring import measure
from stages.verify_code.verifier import SandboxVerifier
from tests.servers.scripted import Call, Said, completion, scripted
from tests.verify_code.clamping import asked

TASKS = ("HumanEval/5", "HumanEval/10", "HumanEval/15", "HumanEval/65")
JUNK: list[Any] = ["junk", {}, [None] * 9, ["x" * 70_000], "__import__('os')._exit(0)"]


@pytest.fixture(scope="module")
def verifier() -> Iterator[SandboxVerifier]:
    try:
        require("standard")
    except ConfigError as error:
        pytest.skip(str(error))
    with SandboxVerifier(SandboxOptions(test_seconds=1.0, program_seconds=3.0), 1.0) as opened:
        yield opened


def official(row: dict[str, str]) -> dict[str, str]:
    """The assertions of a task that compare a call of literals with a literal: call and value as text."""
    found = {}
    for node in ast.walk(ast.parse(row["test"])):
        match node:
            case ast.Assert(
                test=ast.Compare(left=ast.Call(func=ast.Name("candidate"), args=given), comparators=[value])
            ):
                call = f"{row['entry_point']}({', '.join(repr(ast.literal_eval(one)) for one in given)})"
                found[call] = repr(ast.literal_eval(value))
    return found


def task_of(row: dict[str, str]) -> Task:
    call, value = next(iter(official(row).items()))
    return Task(
        key=row["task_id"],
        prompt=[{"role": "user", "content": row["prompt"]}],
        entry_point=row["entry_point"],
        reference=row["prompt"] + row["canonical_solution"],
        suite=Suite(tests=SplitTests(cases=(f"assert {call} == {value}",)), names=("0",)),
    )


@pytest.mark.campaign
def test_added_tests_say_what_the_official_ones_do_and_raise_the_mutation_score(
    verifier: SandboxVerifier, tmp_path: Path, shared_data: Path
) -> None:
    with gzip.open(shared_data / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["task_id"] in TASKS]
    jobs = []
    for row in rows:
        task = task_of(row)
        assert task.reference is not None
        measured = measure(task, verifier, most=10, seed=0)
        known = Known(sources=(task.reference,), matrix=Matrix.of([vector(["pass"])]))
        jobs.append(Job(task=task, known=known, measured=measured))

    def answer(call: Call) -> Said:
        user = call.body["messages"][1]["content"]
        row = next(row for row in rows if f"function {row['entry_point']}:" in user)
        calls = [f"[{call.partition('(')[2][:-1]}]" for call in official(row)]
        return completion(json.dumps({"inputs": [*JUNK, *calls]}))

    with scripted(answer) as server:
        results = asked(server, verifier, tmp_path, *jobs, augment=30, rounds=2)
    for row, job, found in zip(rows, jobs, results, strict=True):
        values = official(row)
        assert found.tests, row["task_id"]
        assert {test.text for test in found.tests} <= {f"assert {call} == {value}" for call, value in values.items()}
        assert found.suite is not None
        reference = Program(source=job.task.reference or "", entry_point=job.task.entry_point)
        assert verifier.verify(reference, found.suite.tests, hash_seed=3).all_passed
        first, last = found.rounds[0], found.rounds[-1]
        assert first.counts["unparsable"] == 3
        assert first.counts["oversized"] == first.counts["invalid"] == 1
        assert first.counts["duplicate"] == 1  # the one that there is already
        assert first.score_before is not None
        assert last.score_after is not None
        assert first.score_before < last.score_after
