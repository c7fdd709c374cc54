"""CodeT's programs and tests, run again: the effect that keep rules live from, and what strength knows of it."""

import numpy as np
import pytest

from stages.programs.consensus import consensus
from stages.programs.cover import curves, mean_curve, minimal
from stages.programs.matrix import OUTCOMES, Bools, Floats, Matrix
from stages.programs.standings import Standings
from stages.programs.strength import estimated_validity, measure, suite_rates
from stages.sandbox.sandbox import open_sandbox
from tests.programs import codet
from tests.programs.conftest import LIMITS, Run

RIGHT = 177

pytestmark = pytest.mark.timeout(900)
"""Loops take a minute of CPU time, several of a busy machine's."""


def figures(standings: Standings, kept: Bools) -> tuple[int, float, float]:
    right = standings.truth[kept].sum()
    return int(kept.sum()), round(right / kept.sum(), 3), round(right / RIGHT, 3)


def order(score: Floats, right: Bools) -> float:
    """How often one that is right has a higher score than one that is wrong, ties as one half."""
    above, level = score[right][:, None] > score[~right], score[right][:, None] == score[~right]
    return float((above + level / 2).mean())


def test_the_protocol_finds_the_tests(tasks: list[codet.CodetTask]) -> None:
    assert (len(tasks), sum(len(task.programs) for task in tasks)) == (75, 750)
    assert sum(len(task.tests) for task in tasks) == 1850
    assert sum(sum(task.truth) for task in tasks) == RIGHT


def test_assertions_of_a_snippet() -> None:
    snippets = [
        "f(1)  ==  2\nassert f(2) == 3, 'three'\n\nassert g(1) == 1\nassert f(3\n",
        "f( 1 ) == 2\nassert f(4)\nassert f(5) == 5\nprint(f(6))",
        "\nf(1) == 2",
        "\n".join(f"assert f({n}) == 0" for n in range(9)).removeprefix("assert "),
    ]
    found = codet.assertions(snippets, "f")
    assert found[:2] == ("assert f(1) == 2", "assert f(2) == 3, 'three'")
    assert found[2:] == tuple(f"assert f({n}) == 0" for n in range(5))


def test_completions_are_cut_where_they_go_on() -> None:
    assert codet.cut("    return 1\n\ndef g():\n    pass\nprint(1)") == "    return 1\n"
    assert codet.cut("    if x:\n        # why\n        return 1\n") == "    if x:\n        # why\n        return 1\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (1.0, (8, 0.875, 0.040)),
        (0.9, (23, 0.870, 0.113)),
        (0.8, (49, 0.694, 0.192)),
        (0.6, (100, 0.560, 0.316)),
        (0.5, (149, 0.510, 0.429)),
        (0.4, (217, 0.512, 0.627)),
        (0.3, (270, 0.493, 0.751)),
        (0.2, (340, 0.462, 0.887)),
    ],
)
def test_global_fractions(standings: Standings, fraction: float, expected: tuple[int, float, float]) -> None:
    assert figures(standings, standings.pass_rate >= fraction) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("share", "expected"), [(1.0, (224, 0.554, 0.701)), (0.8, (290, 0.507, 0.831))])
def test_shares_of_the_best_of_the_task(standings: Standings, share: float, expected: tuple[int, float, float]) -> None:
    best = np.zeros(75, dtype=np.int64)
    np.maximum.at(best, standings.task, standings.passed)
    kept = (standings.passed > 0) & (standings.passed >= share * best[standings.task])
    assert figures(standings, kept) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("share", "expected"), [(1.0, (251, 0.574, 0.814)), (0.8, (290, 0.517, 0.847))])
def test_consensus(standings: Standings, share: float, expected: tuple[int, float, float]) -> None:
    assert figures(standings, (standings.passed > 0) & (standings.consensus >= share)) == expected


@pytest.mark.slow
def test_knowing_the_valid_tests(codet_run: Run, standings: Standings) -> None:
    assert (sum(valid.sum() for valid in codet_run.valid), sum(not valid.any() for valid in codet_run.valid)) == (
        690,
        4,
    )
    passing = [
        valid.any() and row[valid].all()
        for matrix, valid in zip(codet_run.matrices, codet_run.valid, strict=True)
        for row in matrix.passed
    ]
    assert figures(standings, np.array(passing)) == (207, 0.778, 0.910)


@pytest.mark.slow
def test_what_agreement_knows_of_the_tests(codet_run: Run, standings: Standings) -> None:
    valid = np.concatenate(codet_run.valid)
    assert order(np.concatenate([estimated_validity(matrix) for matrix in codet_run.matrices]), valid) > 0.90
    right = standings.truth == 1
    assert order(standings.pass_rate, right) == pytest.approx(0.831, abs=0.001)
    assert order(standings.weighted_rate, right) == pytest.approx(0.874, abs=0.001)
    assert sum(consensus(matrix).lone for matrix in codet_run.matrices) == 19


@pytest.mark.slow
def test_a_tenth_of_the_tests_says_the_same(codet_run: Run) -> None:
    covers = [minimal(matrix) for matrix in codet_run.matrices]
    assert all(cover.score.pairs == cover.full.pairs for cover in covers)
    assert sum(cover.score.num_tests for cover in covers) == 192
    each = [curves(matrix, measure(matrix)[0].weight) for matrix in codet_run.matrices]
    assert mean_curve([curve.in_order for curve in each])[4] == pytest.approx(0.76, abs=0.01)
    assert mean_curve([curve.best_first for curve in each])[4] == pytest.approx(0.93, abs=0.01)


@pytest.mark.slow
def test_suites_refuse_nearly_everything(codet_run: Run) -> None:
    pairs = zip(codet_run.tasks, codet_run.matrices, strict=True)
    rates = [suite_rates(matrix, np.array(task.truth)) for task, matrix in pairs]
    accepted = sum(rate.true_positive * rate.num_right for rate in rates if rate.num_right)
    refused = sum(rate.true_negative * rate.num_wrong for rate in rates if rate.num_wrong)
    assert (accepted, refused) == pytest.approx((7, 572))


@pytest.mark.slow
def test_two_cells_depend_on_the_hash_seed(codet_run: Run) -> None:
    """Programs that ran into a limit are left out, since they take most of the time."""
    timeout = OUTCOMES.index("timeout")
    differing = []
    with open_sandbox("standard", LIMITS, hash_seed=1) as other:
        for task, vectors in zip(codet_run.tasks, codet_run.vectors, strict=True):
            ended = [sample for sample, vector in enumerate(vectors) if timeout not in vector]
            again = Matrix.of(codet.outcomes(other, task, [task.programs[sample] for sample in ended])).passed
            before = Matrix.of([vectors[sample] for sample in ended]).passed
            differing += [(task.number, ended[place]) for place in np.argwhere(again != before)[:, 0]]
    assert differing == [(34, 1), (34, 3)]
