import math

import numpy as np
import pytest

from stages.core.errors import DataError
from stages.eval import hacking
from stages.eval.calibration_report import FIT, HELD_OUT, measure
from stages.eval.measured import Figure, to_figures
from stages.eval.scored_rows import ScoredRow, labels_of, read, scores_of, with_scores
from stages.rewards.calibration import fit_platt, nll
from tests.eval.rows import calibrated_rows, scored_row


def items(count: int, factor: float, seed: int = 0) -> list[ScoredRow]:
    return [read(row, "x") for row in calibrated_rows(count, seed, factor)]


def figures_of(rows: list[ScoredRow], smallest: int = 20) -> dict[tuple[str, str], Figure]:
    return {(one.group, one.metric): one for one in to_figures(measure(rows, smallest), seed=0, draws=30)}


def test_overconfident_scores_are_told_and_mended() -> None:
    figures = figures_of(items(4000, 3.0))
    assert figures[FIT, "temperature"].value == pytest.approx(3, rel=0.15)
    assert (figures[HELD_OUT, "ece.raw"].value or 0) > 0.1
    assert (figures[HELD_OUT, "ece.platt"].value or 1) < 0.05
    for group in (FIT, HELD_OUT):
        assert (figures[group, "nll.platt"].value or 9) < (figures[group, "nll.raw"].value or 0)
        assert figures[group, "auroc.platt"].value == pytest.approx(figures[group, "auroc.raw"].value or 0, abs=1e-12)
    assert figures[FIT, "nll.raw"].n + figures[HELD_OUT, "nll.raw"].n == figures["all", "nll.raw"].n == 4000


def test_the_fit_uses_one_half_and_no_conversation_is_in_both() -> None:
    rows = items(400, 2.0)
    fit = [row for row in rows if row.conversation % 2 == 0]
    platt = fit_platt(scores_of(fit), labels_of(fit))
    assert platt is not None
    figures = figures_of(rows)
    assert figures[FIT, "bias"].value == pytest.approx(platt.bias)
    other = [row for row in rows if row.conversation % 2]
    expected = nll(platt.log_odds(scores_of(other)), labels_of(other))
    assert figures[HELD_OUT, "nll.platt"].value == pytest.approx(expected)
    assert {row.conversation for row in fit}.isdisjoint(row.conversation for row in other)


def test_stored_probabilities_are_measured_where_every_row_has_one() -> None:
    rows = [row._replace(p_yes=0.5) for row in items(100, 1.0)]
    assert figures_of(rows)["all", "nll.p_yes"].value == pytest.approx(math.log(2))
    assert ("all", "nll.p_yes") not in figures_of([*rows, *items(2, 1.0, seed=5)])
    assert with_scores(rows[0], (1.0,)).p_yes is None


def test_principles_have_figures_on_the_held_out_half() -> None:
    rows = items(200, 1.0) + [scored_row(f"prompt {n}", "z", "rare", n % 2 == 0, float(n)) for n in range(10)]
    figures = figures_of(rows, smallest=20)
    assert figures["clarity", "nll.raw"].n < 200
    assert ("rare", "nll.raw") not in figures
    # every bin holds a fifteenth of the half
    sizes = [figures[f"bin {number:02d}", "mean_p.raw"].n for number in range(1, 16)]
    assert sum(sizes) == figures[HELD_OUT, "nll.raw"].n
    assert max(sizes) - min(sizes) <= 1


def test_equal_labels_leave_auroc_and_the_fit_undefined() -> None:
    rows = [scored_row(f"prompt {n}", "a", "clarity", True, float(n)) for n in range(40)]
    figures = figures_of(rows)
    assert figures["all", "auroc.raw"].value is None
    assert figures[FIT, "temperature"].value is None
    assert (HELD_OUT, "nll.platt") not in figures


def test_conversations_are_drawn_not_rows() -> None:
    rows = items(60, 1.0)
    for measured in (measure(rows, 20), hacking.measure(rows)):
        assert measured.clusters.tolist() == [row.conversation for row in rows]
        assert len(set(measured.clusters.tolist())) == 30


def test_one_conversation_cannot_be_halved() -> None:
    with pytest.raises(DataError, match="more conversations"):
        measure([scored_row("p", str(n), "clarity", n % 2 == 0, float(n)) for n in range(9)], 20)


def test_intervals_hold_their_figures() -> None:
    for one in figures_of(items(600, 2.0)).values():
        if one.value is not None and one.low is not None and one.high is not None and np.isfinite(one.value):
            assert one.low - 1e-9 <= one.value <= one.high + 1e-9 or one.group.startswith("bin"), one
