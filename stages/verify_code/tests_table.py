"""What each test of each task is worth, collected task by task into the table `tests`, and what it comes to in all."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from stages.core.tables import TESTS
from stages.programs.cover import Curves, curves, mean_curve, minimal
from stages.programs.matrix import Bools, Matrix
from stages.programs.standings import Floats
from stages.programs.strength import CaseStrength, Mutants, SuiteStrength, suite_rates
from stages.verify_code.augmented import NewTest

_CURVE_POINTS: Final = (1, 2, 4, 8, 16, 32, 64)


class TaskTests(NamedTuple):
    """The tests of one task (T): names, worth, whether the reference is flaky on them, and those that a model added."""

    problem_id: str
    suite: str
    names: Sequence[str]
    cases: CaseStrength
    flaky: Bools
    added: Sequence[NewTest]


class TestsTable:
    """Collects the tests of all tasks."""

    def __init__(self) -> None:
        self._tasks: list[tuple[TaskTests, Bools | None]] = []
        self._scores: list[float] = []
        self._sizes: list[tuple[int, int, float, float]] = []
        self._curves: list[Curves] = []
        self._rates = np.zeros(4)

    def add(
        self, tests: TaskTests, matrix: Matrix, suite: SuiteStrength, mutants: Mutants | None, truth: Floats
    ) -> None:
        """Take note of a task; what is `minimal` is found out only where mutants were run."""
        known = ~np.isnan(truth)
        labelled = Matrix(passed=matrix.passed[known], flaky=matrix.flaky[known], ran=matrix.ran[known])
        rates = suite_rates(labelled, truth[known] == 1)
        accepted, refused = np.nan_to_num(rates.true_positive), np.nan_to_num(rates.true_negative)
        self._rates += (accepted * rates.num_right, rates.num_right, refused * rates.num_wrong, rates.num_wrong)
        chosen = None
        if mutants is not None:
            cover = minimal(matrix, mutants=mutants, valid=tests.cases.validity >= 0.5)
            chosen = np.isin(np.arange(len(tests.names)), cover.tests)
            self._sizes.append((cover.score.num_tests, cover.full.num_tests, cover.score.kills, cover.full.kills))
            self._scores.append(suite.mutation_score)
            self._curves.append(curves(matrix, tests.cases.weight, mutants=mutants))
        self._tasks.append((tests, chosen))

    def table(self) -> pa.Table:
        """All tests, in the order of the tasks."""
        rows = [row for tests, chosen in self._tasks for row in _rows(tests, chosen)]
        return pa.Table.from_pylist(rows, schema=TESTS.schema())

    def facts(self) -> dict[str, object]:
        """Figures over all tasks, as JSON."""
        tests = sum(len(one.names) for one, _ in self._tasks)
        right_kept, right, wrong_refused, wrong = self._rates.tolist()
        found: dict[str, object] = {
            "tests": tests,
            "distinct_tests": float(sum((1 / one.cases.alike).sum() for one, _ in self._tasks)),
            "true_positive_rate": right_kept / right if right else None,
            "true_negative_rate": wrong_refused / wrong if wrong else None,
        }
        if not self._scores:
            return found
        scored = [score for score in self._scores if not np.isnan(score)]
        own, full = (sum(size[place] for size in self._sizes) for place in (0, 1))
        return found | {
            "tasks_measured": len(self._scores),
            "mutation_score": float(np.mean(scored)) if scored else None,
            "valid_tests": int(sum((one.cases.validity >= 0.5).sum() for one, _ in self._tasks)),
            "minimal_tests": own,
            "tests_it_replaces": full,
            "score_by_tests": {
                "in_order": _points(mean_curve([curve.in_order for curve in self._curves])),
                "best_first": _points(mean_curve([curve.best_first for curve in self._curves])),
            },
        }


def _points(curve: Floats) -> dict[str, float]:
    return {str(point): float(curve[point - 1]) for point in _CURVE_POINTS if point <= len(curve)}


def _rows(tests: TaskTests, chosen: Bools | None) -> list[Mapping[str, Any]]:
    cases = tests.cases
    own = len(tests.names) - len(tests.added)
    return [
        {
            "problem_id": tests.problem_id,
            "suite_sha": tests.suite,
            "test_id": name,
            "flaky": bool(tests.flaky[place]),
            "validity": float(cases.validity[place]),
            "estimated": cases.estimated,
            "kill_rate": _number(cases.kill_rate[place]),
            "correlation": _number(cases.correlation[place]),
            "separation": _number(cases.separation[place]),
            "alike": int(cases.alike[place]),
            "weight": float(cases.weight[place]),
            "minimal": None if chosen is None else bool(chosen[place]),
            **_origin(tests.added[place - own] if place >= own else None),
        }
        for place, name in enumerate(tests.names)
    ]


def _origin(added: NewTest | None) -> dict[str, object]:
    if added is None:
        return {"origin": "input", "round": 0}
    return {"origin": added.origin, "text": added.text, "validated": added.validated, "round": added.round}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
