import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.intervals import Figures, Rows, bootstrap, mcnemar_exact
from tests.naive import intervals as naive


def zeros(n: int) -> Rows:
    return np.zeros(n, dtype=np.int64)


def mean_of(values: list[float]) -> Figures:
    table = np.array(values)
    return lambda rows: np.array([table[rows].mean()])


@pytest.mark.parametrize(
    ("first", "second", "p"),
    # 2 * (1 + 5) / 2^5 = 0.375; 2 * 1 / 2^3 = 0.25; equal counts give more than 1, which is cut
    [(4, 1, 0.375), (1, 4, 0.375), (3, 0, 0.25), (2, 2, 1.0), (0, 0, 1.0)],
)
def test_mcnemar_by_hand(first: int, second: int, p: float) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(p, abs=1e-12)


@given(st.integers(0, 700), st.integers(0, 700))
def test_mcnemar_equals_fractions_on_both_sides_of_a_thousand(first: int, second: int) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(float(naive.mcnemar(first, second)), rel=1e-9, abs=1e-300)


def test_interval_of_a_mean_is_that_of_the_binomial() -> None:
    values = [1.0] * 300 + [0.0] * 100
    bounds = bootstrap(mean_of(values), np.arange(400), zeros(400), seed=0, draws=4000)
    # 1.96 * sqrt(.75 * .25 / 400) = 0.0424
    assert bounds.low[0] == pytest.approx(0.75 - 0.0424, abs=0.004)
    assert bounds.high[0] == pytest.approx(0.75 + 0.0424, abs=0.004)
    assert bounds.middle[0] == pytest.approx(0.75, abs=0.003)


def test_a_seed_gives_its_interval() -> None:
    values = list(np.linspace(0, 1, 50))
    one, same, other = (
        bootstrap(mean_of(values), np.arange(50), zeros(50), seed=seed, draws=100) for seed in (1, 1, 2)
    )
    assert one.low == same.low
    assert one.low != other.low


def test_rows_of_a_cluster_are_drawn_together() -> None:
    seen = []

    def figures(rows: Rows) -> np.ndarray:
        seen.append(np.bincount(rows, minlength=6))
        return np.array([0.0])

    bootstrap(figures, np.array([7, 3, 7, 3, 7, 9]), zeros(6), seed=0, draws=200)
    for counts in seen:
        assert counts[0] == counts[2] == counts[4]
        assert counts[1] == counts[3]
        # three clusters are drawn from three
        assert counts[0] + counts[1] + counts[5] == 3
    assert len({tuple(counts) for counts in seen}) > 5


def test_as_many_clusters_are_drawn_from_a_stratum_as_it_has() -> None:
    strata = np.array([0, 1, 0, 1, 1])
    figures = mean_of([float(value) for value in strata])
    bounds = bootstrap(figures, np.arange(5), strata, seed=0, draws=50)
    assert (bounds.low[0], bounds.high[0]) == (0.6, 0.6)


def test_draws_without_the_figure_are_left_out() -> None:
    def figures(rows: Rows) -> np.ndarray:
        return np.array([np.nan, 1.0 if 0 in rows else np.nan])

    bounds = bootstrap(figures, np.arange(3), zeros(3), seed=0, draws=100)
    assert np.isnan(bounds.low[0])
    assert (bounds.low[1], bounds.high[1]) == (1.0, 1.0)
