"""Utility: three measures by hand, unknown rates, and no rate at all."""

import numpy as np
import pytest

from stages.core.errors import DataError
from stages.select_cotp.utility import shortfall, without_rate

RATES = np.array([0.0, 0.25, 0.5, 1.0, np.nan])


def test_learnability_by_hand() -> None:
    assert shortfall(RATES, "learnability").tolist() == [1.0, 0.25, 0.0, 1.0, 1.0]


def test_potential_by_hand() -> None:
    assert shortfall(RATES, "potential").tolist() == [0.0, 0.25, 0.5, 1.0, 1.0]


def test_unsolved_by_hand() -> None:
    assert shortfall(RATES, "unsolved").tolist() == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_rows_without_a_rate_are_counted() -> None:
    assert without_rate(RATES) == 1
    assert without_rate(RATES[:4]) == 0


@pytest.mark.parametrize("rates", [np.array([np.nan, np.nan]), np.zeros(0)])
def test_no_rate_at_all_names_the_column(rates: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"`success_rate`.*--map success_rate=COLUMN.*--utility none"):
        shortfall(rates, "learnability")


def test_the_rates_stay_as_they_are() -> None:
    rates = RATES.copy()
    shortfall(rates, "potential")
    assert np.array_equal(rates, RATES, equal_nan=True)
