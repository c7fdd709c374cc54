import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.rewards.model import Judgement
from stages.score.aggregate import Rule, combine, logit, sigmoid


@pytest.mark.parametrize(("rule", "expected"), [("mean", 1.0), ("min", -1.0), ("weighted", 2.0)])
def test_raw_log_odds_by_hand(rule: Rule, expected: float) -> None:
    # weighted: (1 * -1 + 3 * 3) / 4
    found = combine([Judgement(-1.0), Judgement(3.0)], [1.0, 3.0], rule)
    assert (found.score, found.p_yes) == (expected, None)


def test_calibrated_log_odds_are_combined_where_there_are_any() -> None:
    # p = 0.8 and 0.5 have log-odds ln 4 and 0; their mean is ln 2, whose probability is 2/3
    found = combine([Judgement(9.0, 0.8), Judgement(-9.0, 0.5)], [1, 1], "mean")
    assert found.score == pytest.approx(math.log(2))
    assert found.p_yes == pytest.approx(2 / 3)
    assert combine([Judgement(9.0, 0.8), Judgement(-9.0, 0.5)], [1, 1], "min").p_yes == pytest.approx(0.5)
    weighted = combine([Judgement(9.0, 0.8), Judgement(-9.0, 0.5)], [3, 1], "weighted")
    assert weighted.score == pytest.approx(1.5 * math.log(2))


@given(st.floats(-700, 30))
def test_logit_turns_sigmoid_back(log_odds: float) -> None:
    assert logit(sigmoid(log_odds)) == pytest.approx(log_odds, rel=1e-3, abs=1e-12)


def test_probabilities_of_0_and_1_stay_finite() -> None:
    assert logit(0.0) < -700
    assert 36 < logit(1.0) < 40
    assert (sigmoid(1e4), sigmoid(-1e4)) == (1.0, 0.0)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=6), st.data())
def test_a_combined_score_lies_between_its_parts_whatever_their_order(scores: list[float], data: st.DataObject) -> None:
    weights = [data.draw(st.floats(0.1, 10)) for _ in scores]
    pairs = list(zip(scores, weights, strict=True))
    shuffled = data.draw(st.permutations(pairs))
    for rule in ("mean", "min", "weighted"):
        found = combine([Judgement(score) for score, _ in pairs], [weight for _, weight in pairs], rule)
        other = combine([Judgement(score) for score, _ in shuffled], [weight for _, weight in shuffled], rule)
        assert min(scores) - 1e-9 <= found.score <= max(scores) + 1e-9
        assert found.score == pytest.approx(other.score, abs=1e-9)
