import numpy as np
import pytest

from stages.programs.logistic import fit_logistic, probabilities
from stages.programs.matrix import Bools, Floats
from stages.programs.scores import features_of, fitted_score, plain_score
from tests.programs.made import labelled, made

STANDINGS = made(
    [4, 4, 2, 3, 0],
    [4, 4, 4, 6, 0],
    task=[0, 0, 0, 1, 2],
    group=[2, 2, 1, 1, 1],
    consensus=[1, 1, 0.3, 1, 0],
    weighted_rate=[0.9, 0.9, 0.1, 0.4, np.nan],
)


def test_scores_without_labels() -> None:
    expected = {
        "agreement": [2 / 3, 2 / 3, 1 / 6, 0.5, np.nan],
        "pass_rate": [1, 1, 0.5, 0.5, np.nan],
        "weighted": [0.9, 0.9, 0.1, 0.4, np.nan],
        "consensus": [1, 1, 0.3, 1, np.nan],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(plain_score(STANDINGS, name), values)


def test_features_are_relative_to_the_task_and_have_no_gaps() -> None:
    table = features_of(STANDINGS)
    assert np.isfinite(table).all()
    rate, weighted, share_of_best = table[:, 0], table[:, 2], table[:, 4]
    assert rate.tolist() == [1, 1, 0.5, 0.5, 0.75]
    assert weighted[4] == pytest.approx((0.9 + 0.9 + 0.1 + 0.4) / 4)
    assert share_of_best.tolist() == [1, 1, 0.5, 1, 0]
    assert table[:, 1].tolist() == table[:, 3].tolist() == [0, 0, 0, 0, 1]


def test_logistic_regression_without_features_gives_the_share() -> None:
    labels = np.array([True, False, False, False])
    weights = fit_logistic(np.zeros((4, 0)), labels, ridge=1.0)
    assert weights == pytest.approx([np.log(1 / 3)])


def assert_flat(features: Floats, labels: Bools, ridge: float) -> None:
    """The slopes of the loss vanish at the fitted weights."""
    weights = fit_logistic(features, labels, ridge=ridge)
    errors = probabilities(features, weights) - labels
    assert errors.sum() == pytest.approx(0, abs=1e-7)
    assert features.T @ errors == pytest.approx(-ridge * weights[1:], abs=1e-6)


def test_logistic_regression_is_at_the_minimum() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    labels = rng.random(200) < 1 / (1 + np.exp(-(features @ [2.0, -1.0, 0.0] + 0.5)))
    assert_flat(features, labels, 3.0)


def test_steps_that_overshoot_are_halved() -> None:
    """Far outliers: Newton's full steps end in a singular curvature."""
    rng = np.random.default_rng(2)
    features = 100 * rng.standard_t(1, size=(10, 3))
    assert_flat(features, rng.random(10) < 0.5, 0.1)


def test_separable_labels_have_finite_weights() -> None:
    features = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    weights = fit_logistic(features, features[:, 0] > 0, ridge=0.01)
    assert 0 < weights[1] < 20
    assert weights[0] == pytest.approx(0, abs=1e-6)


def test_fitted_score_learns_from_its_training_programs_only() -> None:
    standings = labelled(np.random.default_rng(0), 40)
    features, truth, train = features_of(standings), standings.truth > 0, standings.task < 30
    score = fitted_score(features, truth, train)
    assert np.array_equal(score, fitted_score(features, truth & train, train))
    elsewhere = np.where(train[:, None], features, features * 3 + 1)
    assert np.array_equal(score[train], fitted_score(elsewhere, truth, train)[train])
    held_out = score[~train]
    assert held_out[truth[~train]].mean() > held_out[~truth[~train]].mean() + 0.3


def test_equal_features_tie() -> None:
    standings = labelled(np.random.default_rng(3), 20)
    features = np.concatenate([features_of(standings)] * 3)
    truth = np.tile(standings.truth > 0, 3)
    train = np.ones(600, dtype=np.bool_)
    score = fitted_score(features, truth, train)
    assert np.array_equal(score[:200], score[200:400])
    order = np.random.default_rng(0).permutation(600)
    assert np.array_equal(fitted_score(features[order], truth[order], train), score[order])


def test_labels_that_are_all_equal_give_their_mean() -> None:
    features = np.arange(6.0)[:, None]
    train = np.arange(6) < 4
    assert fitted_score(features, np.arange(6) < 4, train).tolist() == [1.0] * 6
