import gzip
import json
from collections import Counter
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract_principles.agreement import (
    Agreement,
    Interval,
    agreement,
    fleiss_kappa,
    krippendorff_alpha,
    response_statistics,
    vote_pattern,
)
from tests.naive import agreement as naive

PANDALM = Path(__file__).parents[3] / "shared" / "data" / "pandalm" / "testset-v1.jsonl.gz"


def coefficients(counts: list[list[int]]) -> tuple[float, float]:
    sums = response_statistics(np.array(counts))
    return float(krippendorff_alpha(sums)), float(fleiss_kappa(sums))


def test_two_units_by_hand() -> None:
    # votes 4 yes, 2 no. alpha = 1 - 5 * 2 / (36 - 20); kappa: P = (1 + 1/3) / 2, chance = 5/9
    assert coefficients([[3, 0], [1, 2]]) == pytest.approx((0.375, 0.25))


def test_units_with_different_numbers_of_votes_by_hand() -> None:
    # votes 3 yes, 2 no. alpha = 1 - 4 * 2 / (25 - 13); kappa: shares are means over units, (1 + 1/3) / 2 = 2/3
    assert coefficients([[2, 0], [1, 2]]) == pytest.approx((1 / 3, 0.25))


def test_single_votes_and_empty_units_do_not_count() -> None:
    with_singles = response_statistics(np.array([[3, 0], [1, 2], [1, 0], [0, 0]]))
    np.testing.assert_array_equal(with_singles, response_statistics(np.array([[3, 0], [1, 2]])))


def test_the_sums_themselves_by_hand() -> None:
    # [1, 2]: disagreement (9 - 5) / 2, agreeing pairs (5 - 3) / 6
    expected = [2, 2, 1 + 1 / 3, 4, 2, 1 + 1 / 3, 2 / 3]
    np.testing.assert_allclose(response_statistics(np.array([[3, 0], [1, 2]])), expected)


def test_the_table_of_fleiss_1971_has_its_published_kappa() -> None:
    table = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    assert coefficients(table)[1] == pytest.approx(0.210, abs=5e-4)


@pytest.mark.skipif(not PANDALM.exists(), reason="no shared data beside the repository")
def test_three_votes_on_real_pairs_have_the_known_kappa() -> None:
    with gzip.open(PANDALM, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    votes = [Counter(row[f"annotator{k}"] for k in (1, 2, 3)) for row in rows]
    patterns = Counter(vote_pattern([[vote[category] for category in (0, 1, 2)]]) for vote in votes)
    result = agreement(patterns, seed=0)
    assert result.kappa.value == pytest.approx(0.8642, abs=5e-5)
    assert (result.responses, result.units) == (999, 999)
    assert result.kappa.low is not None
    assert result.kappa.high is not None
    assert 0.84 < result.kappa.low < 0.855
    assert 0.875 < result.kappa.high < 0.89


units = st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=8)


@given(units)
def test_equals_the_slow_twin_and_the_krippendorff_package(ratings: list[list[int]]) -> None:
    counts = np.array([[unit.count(category) for category in range(3)] for unit in ratings])
    alpha, kappa = coefficients(counts.tolist())
    for value, expected in ((alpha, naive.alpha(ratings)), (kappa, naive.kappa(ratings))):
        if expected is None:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(float(expected), abs=1e-9)
    if not np.isnan(alpha):
        package = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
        assert alpha == pytest.approx(package, abs=1e-9)


def test_a_pattern_is_sorted_and_leaves_single_votes_out() -> None:
    assert vote_pattern([(2, 1), (1, 0), (0, 3)]) == "0/3 2/1"
    assert vote_pattern([(1, 0)]) == ""


def test_patterns_give_what_the_units_give() -> None:
    result = agreement({"3/0 1/2": 1, "0/2": 2, "": 7}, seed=0)
    alpha, kappa = coefficients([[3, 0], [1, 2], [0, 2], [0, 2]])
    assert (result.alpha.value, result.kappa.value) == pytest.approx((alpha, kappa))
    assert (result.responses, result.units) == (3, 4)


def test_undefined_coefficients_are_none() -> None:
    nothing = Interval(None, None, None)
    assert agreement({}, seed=0) == Agreement(nothing, nothing, 0, 0)
    assert agreement({"": 5}, seed=0) == Agreement(nothing, nothing, 0, 0)
    assert agreement({"3/0": 5}, seed=0) == Agreement(nothing, nothing, 5, 5)


def test_the_same_seed_gives_the_same_interval_and_the_order_of_patterns_does_not_matter() -> None:
    left = agreement({"3/0": 50, "1/2": 10, "0/3": 40}, seed=3)
    assert agreement({"0/3": 40, "1/2": 10, "3/0": 50}, seed=3) == left
    assert agreement({"3/0": 50, "1/2": 10, "0/3": 40}, seed=4) != left


def test_responses_are_drawn_not_units() -> None:
    # ten responses of a hundred equal units: as uncertain as ten units, not as a thousand
    bundled = agreement({" ".join(["2/0"] * 100): 5, " ".join(["1/1"] * 100): 5}, seed=0)
    single = agreement({"2/0": 500, "1/1": 500}, seed=0)
    widths = [result.kappa.high - result.kappa.low for result in (bundled, single)]  # type: ignore[operator]
    # standard errors are in the ratio of the square roots of 1000 and 10 draws
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.35)


def test_the_multinomial_draw_is_the_plain_bootstrap() -> None:
    patterns = {"3/0": 60, "2/1": 20, "0/3 1/2": 20}
    rows = np.stack([response_statistics(np.array(c)) for c in ([[3, 0]], [[2, 1]], [[0, 3], [1, 2]])])
    rows = np.repeat(rows, [60, 20, 20], axis=0)
    rng = np.random.default_rng(1)
    plain = [float(krippendorff_alpha(rows[rng.integers(0, 100, 100)].sum(axis=0))) for _ in range(4000)]
    result = agreement(patterns, seed=0, draws=4000)
    assert result.alpha.low == pytest.approx(np.quantile(plain, 0.025), abs=0.008)
    assert result.alpha.high == pytest.approx(np.quantile(plain, 0.975), abs=0.008)
