"""From the matrices of all tasks to how every program of the input stands.

Shapes: N programs of the input, S solutions of a task, T tests of a task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.programs.consensus import consensus
from stages.programs.matrix import Floats, Ints, Matrix
from stages.programs.standings import Standings
from stages.programs.strength import measure, weighted_rate


@dataclass(frozen=True, kw_only=True)
class TaskResults:
    """What is known of the solutions of one task.

    `rows` (S,): their places in the input. `weights` (T,) of the tests and the suite's `strength`: None to have them
    from how the tests divide the solutions. `judge` and `truth` (S,): NaN where not known.
    """

    rows: Ints
    matrix: Matrix
    judge: Floats
    truth: Floats
    weights: Floats | None = None
    strength: float | None = None

    def __post_init__(self) -> None:
        assert self.rows.shape == self.judge.shape == self.truth.shape == self.matrix.passed.shape[:1]
        assert self.weights is None or self.weights.shape == self.matrix.passed.shape[1:]


def stand(tasks: Sequence[TaskResults], *, further: Mapping[str, Floats] | None = None) -> Standings:
    """Standings of all programs, in the order of the input; `rows` of all tasks together are 0 to N - 1.

    Rates are NaN for a program without a test that counts; its consensus is 0. One that could not be loaded has
    failed every test. `further` (N,) each are passed on.
    """
    num = sum(len(task.rows) for task in tasks)
    standings = _unknown(num, further or {})
    seen = np.zeros(num, dtype=np.bool_)
    for number, task in enumerate(tasks):
        seen[task.rows] = True
        standings.task[task.rows] = number
        _place(standings, task)
    assert seen.all()
    np.divide(standings.passed, standings.total, out=standings.pass_rate, where=standings.total > 0)
    return standings


def _place(standings: Standings, task: TaskResults) -> None:
    rows, matrix = task.rows, task.matrix
    weights, strength = task.weights, task.strength
    if weights is None or strength is None:
        cases, suite = measure(matrix)
        weights = cases.weight if weights is None else weights
        strength = suite.strength if strength is None else strength
    agreed = consensus(matrix)
    standings.passed[rows] = matrix.passed.sum(axis=1)
    standings.total[rows] = matrix.counted.sum(axis=1)
    standings.weighted_rate[rows] = weighted_rate(matrix, weights)
    standings.consensus[rows] = agreed.share
    standings.group[rows] = agreed.group
    standings.strength[rows] = strength
    standings.judge[rows] = task.judge
    standings.truth[rows] = task.truth


def _unknown(num: int, further: Mapping[str, Floats]) -> Standings:
    """Standings of which nothing is known yet, to be filled in place."""

    def floats() -> Floats:
        return np.full(num, np.nan)

    def ints() -> Ints:
        return np.zeros(num, dtype=np.int64)

    return Standings(
        task=ints(),
        passed=ints(),
        total=ints(),
        pass_rate=floats(),
        weighted_rate=floats(),
        consensus=floats(),
        group=ints(),
        strength=floats(),
        judge=floats(),
        truth=floats(),
        further=further,
    )
