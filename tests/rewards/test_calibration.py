import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.rewards.calibration import (
    Platt,
    auroc,
    balanced_accuracy,
    brier,
    equal_mass_bins,
    expected_calibration_error,
    fit_platt,
    logit,
    nll,
    sigmoid,
    sweep_error,
    tally,
)
from tests.naive import calibration as naive

ROWS = st.lists(
    st.tuples(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])), st.booleans()),
    min_size=1,
    max_size=60,
)


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p for p, _ in rows]), np.array([label for _, label in rows])


def drawn(count: int, seed: int, temperature: float, bias: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 3, count)
    return scores, rng.random(count) < sigmoid(scores / temperature + bias)


@given(ROWS, st.integers(1, 20))
def test_ece_equals_its_slow_twin(rows: list[tuple[float, bool]], bins: int) -> None:
    p, labels = columns(rows)
    assert expected_calibration_error(tally(p, labels), bins) == pytest.approx(naive.ece(p, labels, bins), abs=1e-12)


def test_ece_with_fifteen_bins_equals_its_slow_twin_on_many_rows() -> None:
    scores, labels = drawn(1007, 3, 2.0, 0.3)
    p = np.round(sigmoid(scores), 2)  # many ties
    assert expected_calibration_error(tally(p, labels)) == pytest.approx(naive.ece(p, labels, 15), abs=1e-12)


@given(ROWS)
def test_adaptive_ece_equals_its_slow_twin(rows: list[tuple[float, bool]]) -> None:
    p, labels = columns(rows)
    assert sweep_error(tally(p, labels)) == pytest.approx(naive.sweep(p, labels), abs=1e-12)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[float, bool]], shuffler: random.Random) -> None:
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    one, other = (expected_calibration_error(tally(*columns(part)), 4) for part in (rows, shuffled))
    assert one == pytest.approx(other, abs=1e-12)


def test_ece_by_hand() -> None:
    p, labels = np.array([0.1, 0.3, 0.6, 0.8]), np.array([False, True, True, True])
    # two bins: |.2 - .5| and |.7 - 1|
    assert expected_calibration_error(tally(p, labels), 2) == pytest.approx(0.3)
    # one bin .45 against .75; with three the shares 0, 1, 1 still rise: |.1 - 0|, |.3 - 1|, |.7 - 1|; so with four
    assert sweep_error(tally(p, labels)) == pytest.approx((0.1 + 0.7 + 0.4 + 0.2) / 4)


def test_bins_of_a_count_that_does_not_divide() -> None:
    p = np.arange(7) / 7
    assert equal_mass_bins(tally(p, p > 0.5), 3).rows.tolist() == [2, 2, 3]
    assert equal_mass_bins(tally(p, p > 0.5), 15).rows.tolist() == [1] * 7


@given(ROWS)
def test_the_parts_of_the_brier_score_add_up(rows: list[tuple[float, bool]]) -> None:
    p, labels = columns(rows)
    parts = brier(tally(p, labels))
    assert parts.score == pytest.approx(float(((p - labels) ** 2).mean()), abs=1e-12)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(parts.score, abs=1e-12)


def test_brier_by_hand() -> None:
    # two bins of one value each, so that nothing is left within: (.2, yes 1 of 2), (.9, yes 2 of 2)
    p, labels = np.array([0.2, 0.2, 0.9, 0.9]), np.array([False, True, True, True])
    parts = brier(tally(p, labels), 2)
    assert parts.reliability == pytest.approx((0.3**2 + 0.1**2) / 2)
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.uncertainty == pytest.approx(0.75 * 0.25)
    assert parts.within == pytest.approx(0, abs=1e-12)


def test_bins_weigh_as_many_rows_as_they_hold() -> None:
    # three rows in two bins: one, then two
    parts = brier(tally(np.array([0.2, 0.9, 0.9]), np.array([False, True, False])), 2)
    assert parts.reliability == pytest.approx((0.2**2 + 2 * 0.4**2) / 3)
    assert parts.resolution == pytest.approx(((1 / 3) ** 2 + 2 * (1 / 6) ** 2) / 3)


@given(ROWS)
def test_auroc_equals_every_pair(rows: list[tuple[float, bool]]) -> None:
    p, labels = columns(rows)
    if labels.all() or not labels.any():
        assert math.isnan(auroc(tally(p, labels)))
    else:
        assert auroc(tally(p, labels)) == pytest.approx(naive.auroc(p, labels), abs=1e-12)


def test_balanced_accuracy_by_hand() -> None:
    log_odds, labels = np.array([1.0, -1, 0, -2]), np.array([True, True, True, False])
    # one of three yes is told (0 is not above 0), and the only no
    assert balanced_accuracy(log_odds, labels) == pytest.approx((1 / 3 + 1) / 2)
    assert math.isnan(balanced_accuracy(log_odds, np.ones(4, dtype=bool)))


def test_nll_by_hand_and_without_overflow() -> None:
    assert nll(np.array([math.log(3), math.log(3)]), np.array([True, False])) == pytest.approx(-math.log(3 / 16) / 2)
    assert nll(np.array([1e4, -1e4]), np.array([True, True])) == pytest.approx(5e3)
    assert logit(np.array([0.75])) == pytest.approx(math.log(3))
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_platt_finds_the_temperature_and_bias_that_made_the_labels() -> None:
    platt = fit_platt(*drawn(40_000, 0, 2.5, -0.7))
    assert platt is not None
    assert platt.temperature == pytest.approx(2.5, rel=0.05)
    assert platt.bias == pytest.approx(-0.7, abs=0.05)


@given(st.integers(0, 1000), st.floats(0.05, 50), st.floats(-3, 3))
def test_platt_keeps_auroc_and_never_raises_nll_where_it_was_fitted(seed: int, temperature: float, bias: float) -> None:
    scores, labels = drawn(60, seed, temperature, bias)
    platt = fit_platt(scores, labels)
    if platt is None:
        return
    fitted = platt.log_odds(scores)
    assert nll(fitted, labels) <= nll(scores, labels) + 1e-12
    assert auroc(tally(fitted, labels)) == pytest.approx(auroc(tally(scores, labels)), abs=1e-12)


def test_platt_is_where_the_gradient_vanishes() -> None:
    scores, labels = drawn(500, 1, 2.0, 0.5)
    platt = fit_platt(scores, labels)
    assert platt is not None
    rest = sigmoid(platt.log_odds(scores)) - labels
    assert abs(rest.mean()) < 1e-9
    assert abs((rest * scores).mean()) < 1e-9


def test_platt_has_no_answer_where_scores_say_nothing() -> None:
    ones = np.ones(4, dtype=bool)
    assert fit_platt(np.arange(4.0), ones) is None
    assert fit_platt(np.arange(4.0), ~ones) is None
    assert fit_platt(np.zeros(4), np.array([True, False, True, False])) is None
    assert fit_platt(np.array([3.0, 2, 1, 0]), np.array([False, False, True, True])) is None
    assert fit_platt(np.empty(0), np.empty(0, dtype=bool)) is None


def test_smoothed_platt_keeps_separable_rows_from_certainty() -> None:
    scores = np.array([-3.0, -2.0, -1.5, 1.0, 2.0, 4.0]) / 100
    labels = scores > 0
    sharp, smooth = fit_platt(scores, labels), fit_platt(scores, labels, smooth=True)
    assert sharp is not None
    assert smooth is not None
    p = sigmoid(smooth.log_odds(scores))
    # Platt's targets for three of each are 4/5 and 1/5; at the optimum residuals and their products with scores vanish
    residuals = p - np.where(labels, 0.8, 0.2)
    assert residuals.sum() == pytest.approx(0, abs=1e-9)
    assert (residuals * scores).sum() == pytest.approx(0, abs=1e-9)
    assert p.max() < 0.99
    assert sigmoid(sharp.log_odds(scores)).max() > 0.999999


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_smoothed_platt_never_raises_nll_where_it_was_fitted(scale: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=30) * scale
    labels = scores + rng.normal(size=30) * 0.1 * scale > 0
    platt = fit_platt(scores, labels, smooth=True)
    assert platt is not None
    assert nll(platt.log_odds(scores), labels) <= nll(scores, labels)


def test_platt_on_separable_rows_ends_with_a_small_positive_temperature() -> None:
    platt = fit_platt(np.array([-2.0, -1, 1, 2]), np.array([False, False, True, True]))
    assert platt is not None
    assert 0 < platt.temperature < 0.2
    assert math.isfinite(platt.bias)
    assert Platt(2.0, 1.0).log_odds(np.array([4.0])).tolist() == [3.0]
