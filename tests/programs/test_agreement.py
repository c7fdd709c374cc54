import numpy as np
import pytest

from stages.programs.agreement import agreement, confusion
from tests.programs.made import made


def test_kappa_by_hand() -> None:
    """20 of 50 both yes, 15 both no, 5 and 10 apart: they agree on 0.7 where 0.5 were expected."""
    judge = np.repeat([True, True, False, False], [20, 5, 10, 15])
    other = np.repeat([True, False, True, False], [20, 5, 10, 15])
    found = confusion(judge, other)
    assert found[:4] == (20, 5, 10, 15)
    assert found.n == 50
    assert found.kappa == pytest.approx(0.4)


@pytest.mark.parametrize(("judge", "other", "kappa"), [("1100", "1100", 1), ("1100", "0011", -1), ("1010", "1100", 0)])
def test_ends_of_kappa(judge: str, other: str, kappa: float) -> None:
    sides = [np.array([one == "1" for one in side]) for side in (judge, other)]
    assert confusion(*sides).kappa == kappa


def test_kappa_is_undefined_where_both_always_say_the_same() -> None:
    yes = np.ones(3, dtype=np.bool_)
    assert np.isnan(confusion(yes, yes).kappa)
    assert np.isnan(confusion(yes[:0], yes[:0]).kappa)


def test_only_programs_that_both_know_count() -> None:
    found = agreement(
        made(
            [5, 4, 5, 0, 5, 5],
            [5, 5, 5, 0, 5, 5],
            judge=[4, 3.9, np.nan, 5, 2, 4.5],
            truth=[1, 0, 1, 1, np.nan, 0],
        ),
        4.0,
    )
    assert found.with_tests[:4] == (2, 0, 1, 1)
    assert found.with_truth[:4] == (2, 1, 0, 1)
