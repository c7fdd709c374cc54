"""CodeT's programs under its model-written tests, run once for all tests that look at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from stages.programs.matrix import Bools, Matrix
from stages.programs.stand import TaskResults, stand
from stages.programs.standings import Standings
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from tests.programs import codet
from tests.sandbox.conftest import skip_unless_possible

LIMITS = Limits(test_cpu=0.5, program_cpu=16)
"""No test of these passes later than that: with 3 s a test the matrix is the same."""


class Run(NamedTuple):
    """One of each for a task: ten stored vectors, their matrix, and the tests that the canonical solution passes."""

    tasks: list[codet.CodetTask]
    vectors: list[list[bytes]]
    matrices: list[Matrix]
    valid: list[Bools]


@pytest.fixture(scope="session")
def tasks(shared_data: Path) -> list[codet.CodetTask]:
    return [task for task in codet.read(shared_data) if task.tests]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    skip_unless_possible("standard")
    with open_sandbox("standard", LIMITS) as opened:
        yield opened


@pytest.fixture(scope="session")
def codet_run(tasks: list[codet.CodetTask], sandbox: Sandbox) -> Run:
    vectors = [codet.outcomes(sandbox, task, (*task.programs, task.canonical)) for task in tasks]
    programs = [each[:-1] for each in vectors]
    valid = [Matrix.of(each[-1:]).passed[0] for each in vectors]
    return Run(tasks, programs, [Matrix.of(each) for each in programs], valid)


@pytest.fixture(scope="session")
def standings(codet_run: Run) -> Standings:
    tasks = [
        TaskResults(
            rows=np.arange(10 * number, 10 * number + 10),
            matrix=matrix,
            judge=np.full(10, np.nan),
            truth=np.array(task.truth, dtype=np.float64),
        )
        for number, (task, matrix) in enumerate(zip(codet_run.tasks, codet_run.matrices, strict=True))
    ]
    return stand(tasks)
