import numpy as np
import pytest

from stages.eval.length_control import controlled_win_rate, length_term


def test_it_finds_the_win_rate_at_equal_length() -> None:
    rng = np.random.default_rng(0)
    spread = np.tanh(rng.normal(1.0, 1.0, 100_000))
    wins = (rng.random(len(spread)) < 1 / (1 + np.exp(-(-1.0 + 2.0 * spread)))).astype(np.float64)
    assert wins.mean() > 0.5
    assert controlled_win_rate(wins, spread) == pytest.approx(1 / (1 + np.e), abs=0.01)


def test_the_fit_is_where_the_gradient_vanishes() -> None:
    wins, spread = np.array([1.0, 0.5, 0.0, 1.0]), np.array([0.9, -0.2, 0.3, 0.0])

    def loss(a: float, b: float) -> float:
        logits = a + b * spread
        return float((np.logaddexp(0, logits) - wins * logits).sum() + 0.5e-3 * a * a + 0.5 * b * b)

    grid = [(a, b) for a in np.linspace(-3, 3, 601) for b in np.linspace(-3, 3, 61)]
    best = min(grid, key=lambda point: loss(*point))
    assert controlled_win_rate(wins, spread) == pytest.approx(1 / (1 + np.exp(-best[0])), abs=0.01)


def test_without_differences_of_length_it_is_the_win_rate() -> None:
    wins = np.array([1.0, 1.0, 0.0, 0.5])
    assert controlled_win_rate(wins, np.zeros(4)) == pytest.approx(0.625, abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_sided_verdicts_stay_finite(value: float) -> None:
    for spread in (np.zeros(50), np.linspace(-1, 1, 50), np.full(50, 0.99)):
        found = controlled_win_rate(np.full(50, value), spread)
        assert abs(found - value) < 0.05


def test_the_two_sides_are_symmetric() -> None:
    rng = np.random.default_rng(1)
    wins, spread = rng.random(30), rng.uniform(-1, 1, 30)
    assert controlled_win_rate(wins, spread) == pytest.approx(1 - controlled_win_rate(1 - wins, -spread))


def test_the_term_is_scaled_by_the_spread_of_differences() -> None:
    term = length_term(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    assert term.tolist() == pytest.approx([np.tanh(2), 0])
    assert length_term(np.array([5.0, 6.0]), np.array([1.0, 2.0])).tolist() == [0, 0]
