from fractions import Fraction

import numpy as np
import pytest

from stages.programs.compare_rules import (
    compare_at_equal_recall,
    keep_table,
    precision_at,
    precision_gap,
    precision_recall,
)
from tests.naive import keep_rules as naive

TRUTH = np.array([True, True, False, True, False, False])
SCORES = np.array([0.9, 0.7, 0.7, 0.3, 0.3, np.nan])


def test_precision_and_recall_by_hand() -> None:
    assert precision_recall(SCORES >= 0.7, TRUTH) == pytest.approx([2 / 3, 2 / 3])
    assert precision_recall(SCORES >= 0.7, TRUTH & False)[0] == 0
    assert np.isnan(precision_recall(SCORES > 2, TRUTH)[0])
    assert np.isnan(precision_recall(SCORES >= 0.7, TRUTH & False)[1])


@pytest.mark.parametrize(
    ("recall", "precision"),
    [
        (1 / 3, 1),  # the first of three
        (1 / 6, 1),  # half of it
        (2 / 3, 2 / 3),
        (1 / 2, 1.5 / 2),  # the first, and one of the next two: half a right one
        (1, 3 / 5),
        (5 / 6, 2.5 / 4),
    ],
)
def test_precision_between_thresholds_by_hand(recall: float, precision: float) -> None:
    assert precision_at(SCORES, TRUTH, recall) == pytest.approx(precision)


def test_precision_is_undefined_without_recall() -> None:
    assert np.isnan(precision_at(SCORES, TRUTH, 0.0))
    assert np.isnan(precision_at(SCORES, TRUTH, float("nan")))
    assert np.isnan(precision_at(SCORES, TRUTH & False, 0.5))


@pytest.mark.parametrize("seed", range(30))
def test_precision_equals_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, 6, 40) / 5, rng.random(40) < 0.4
    for tenth in range(1, 11):
        expected = naive.precision_at(scores.tolist(), truth.tolist(), Fraction(tenth, 10))
        assert precision_at(scores, truth, tenth / 10) == pytest.approx(float(expected))


def test_a_threshold_is_level_with_its_own_score() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.random(200), rng.random(200) < 0.5
    scores[truth] += 0.2
    for threshold in np.sort(scores[truth]):
        assert precision_gap(scores >= threshold, scores, truth) == pytest.approx(0)


def test_a_rule_that_keeps_nothing_has_no_gap() -> None:
    assert np.isnan(precision_gap(SCORES > 2, SCORES, TRUTH))


def test_programs_without_a_score_come_last_together() -> None:
    scores = np.array([np.nan, 0.5, np.nan, np.nan])
    for right in (0, 2, 3):
        truth = np.arange(4) == right
        assert precision_at(scores, truth, 1.0) == pytest.approx(1 / 4)
        assert precision_at(scores, truth | (scores > 0), 1.0) == pytest.approx(1 / 2)


def test_rows_may_repeat() -> None:
    rows = np.array([0, 0, 1, 2, 4, 5, 5])
    assert precision_recall((SCORES >= 0.7)[rows], TRUTH[rows]) == pytest.approx([3 / 4, 1])
    assert precision_at(SCORES[rows], TRUTH[rows], 1.0) == pytest.approx(3 / 4)


def test_table_of_rules() -> None:
    task = np.array([0, 0, 0, 1, 1, 1])
    table = keep_table({"best": SCORES >= 0.7, "all": SCORES > -1, "none": SCORES > 2}, TRUTH, task, seed=0, draws=100)
    assert [(line.rule, line.kept, line.tasks) for line in table] == [("best", 3, 1), ("all", 5, 2), ("none", 0, 0)]
    assert table[1].precision.value == 3 / 5
    # the draws are both tasks, the first twice, or the second twice
    assert table[1].precision[1:] == (1 / 2, 2 / 3)
    assert table[0].recall == pytest.approx((2 / 3, 0, 1))
    assert np.isnan(table[2].precision).all()


def test_a_better_score_beats_every_fraction_at_equal_recall() -> None:
    rng = np.random.default_rng(1)
    task, truth = np.repeat(np.arange(60), 10), rng.random(600) < 0.3
    weak, strong = truth + rng.normal(0, 2, 600), truth + rng.normal(0, 0.5, 600)
    kept = {"strong": strong > 0.8, "weak": weak > 0.8}
    by_weak = compare_at_equal_recall(kept, weak, truth, task, seed=0, draws=200)
    assert by_weak[0].difference.low > 0.1
    assert by_weak[0].precision - by_weak[0].score_precision == pytest.approx(by_weak[0].difference.value)
    assert -0.02 < by_weak[1].difference.low <= by_weak[1].difference.high <= 0
    by_strong = compare_at_equal_recall(kept, strong, truth, task, seed=0, draws=200)
    assert by_strong[1].difference.high < -0.1
