import numpy as np
import pytest

from stages.core.intervals import Rows
from stages.train_rm.figures import Draws, Figure, figures_of, rows_by_name

DRAWS = Draws(300, 0)
VALUES = np.array([1.0, 1, 1, 0, 0, 0, 1, 0] * 25)


def mean(rows: Rows) -> np.ndarray:
    return np.array([VALUES[rows].mean(), np.nan])


def test_interval_draws_whole_conversations() -> None:
    (apart, nothing) = figures_of("test", "all", ("mean", "nothing"), mean, [str(n) for n in range(200)], DRAWS)
    assert apart[:4] == ("test", "all", "mean", 0.5)
    assert apart.n == 200
    # binomial: 1.96 * sqrt(.25 / 200) = 0.069
    assert apart.low == pytest.approx(0.431, abs=0.02)
    assert apart.high == pytest.approx(0.569, abs=0.02)
    assert nothing == Figure("test", "all", "nothing", None, None, None, 200)
    # two conversations, of means 3/4 and 1/4: draws are 1/4, 1/2 or 3/4
    names = ["a", "a", "a", "a", "b", "b", "b", "b"] * 25
    together = figures_of("test", "all", ("mean", "nothing"), mean, names, DRAWS)[0]
    assert (together.low, together.high) == (0.25, 0.75)


def test_no_interval_without_a_second_conversation_and_no_figure_without_a_row() -> None:
    assert figures_of("test", "all", ("mean", "nothing"), mean, ["a"] * 200, DRAWS)[0][3:] == (0.5, None, None, 200)
    assert figures_of("test", "all", ("mean",), mean, [], DRAWS) == [Figure("test", "all", "mean", None, None, None, 0)]


def test_interval_of_a_calibration_error_is_moved_to_the_figure() -> None:
    def error(rows: Rows) -> np.ndarray:
        # what draws is larger than what is measured
        return np.array([0.1, 0.1]) if len(set(rows)) == 8 else np.array([0.3, 0.3])

    ece, other = figures_of("test", "all", ("ece.raw", "other"), error, list("abcdefgh"), DRAWS)
    assert ece.low == pytest.approx(0.1)
    assert ece.high == pytest.approx(0.1)
    assert other.low == pytest.approx(0.3)


def test_rows_by_name() -> None:
    found = rows_by_name(["b", "a", None, "b", None], 1)
    assert {name: rows.tolist() for name, rows in found.items()} == {"a": [1], "b": [0, 3]}
    assert list(found) == ["a", "b"]
    assert list(rows_by_name(["b", "a", "b"], 2)) == ["b"]
