import ast
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.programs import cover
from stages.programs.matrix import Matrix
from stages.programs.strength import Mutants
from stages.programs.task import Suite, Task
from stages.sandbox.jobs import SplitTests
from stages.verify_code.config import SandboxOptions
from stages.verify_code.measuring import measure
from stages.verify_code.verifier import SandboxVerifier, Verifier
from tests.sandbox.conftest import skip_unless_possible


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    skip_unless_possible("standard")
    with SandboxVerifier(SandboxOptions(test_seconds=1.0), 1.0) as opened:
        yield opened


@pytest.fixture(scope="module")
def humaneval(shared_data: Path) -> list[dict[str, str]]:
    with gzip.open(shared_data / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def of_humaneval(row: dict[str, str]) -> Task:
    """Each assertion of the official check is a test, where it consists of assertions only."""
    tree = ast.parse(row["test"])
    check = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    simple = all(isinstance(statement, ast.Assert) for statement in check.body)
    cases = tuple(map(ast.unparse, check.body)) if simple else ("check(candidate)",)
    suite = Suite(tests=SplitTests(cases=cases, setup=row["prompt"] + "\n" + row["test"]))
    reference = row["prompt"] + row["canonical_solution"]
    return Task(key=row["task_id"], entry_point=row["entry_point"], suite=suite, reference=reference)


@pytest.mark.campaign
def test_humaneval_references_and_minimal_suites(verifier: Verifier, humaneval: list[dict[str, str]]) -> None:
    scores = []
    for row in humaneval[3:164:14]:
        found = measure(of_humaneval(row), verifier, most=40, seed=0)
        assert found.valid.all(), row["task_id"]
        assert 0 < len(found.mutants) <= 40
        scores.append(found.mutation_score)
        assert 0.5 < found.mutation_score <= 1
        assert not found.killed[found.equivalent].any()
        tests = Matrix.of([bytes(len(found.names))])
        cut = cover.minimal(tests, mutants=Mutants(killed=found.killed, equivalent=found.equivalent), valid=found.valid)
        assert found.killed[:, cut.tests].any(axis=1).sum() == found.killed.any(axis=1).sum()
        assert len(cut.tests) <= len(found.names)
    assert 0.8 < np.mean(scores) < 1
