import json
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stages.score.tally import Sums, Tally

SCORED = st.tuples(st.sampled_from("pq"), st.sampled_from("wxyz"), st.sampled_from([None, "a"]), st.integers(-2, 2))


def test_sums_by_principle() -> None:
    tally = Tally()
    for score, p_yes in ((1.0, 0.4), (-2.0, 0.6), (3.0, 0.8)):
        tally.add("clarity", score, p_yes)
    tally.add(None, 2.0, None)
    assert tally.scored["clarity"] == Sums(3, 2.0, 2, 1.8)
    facts = tally.facts(1)
    assert facts["principles"] == [
        {"principle": "clarity", "n": 3, "mean_score": 2 / 3, "yes_rate": 2 / 3, "mean_p_yes": 1.8 / 3}
    ]
    assert facts["principles_in_all"] == 2
    # a model without principles says no Yes
    assert tally.facts(2)["principles"][1]["yes_rate"] is None


def test_without_calibration_yes_is_a_score_above_0() -> None:
    tally = Tally()
    for score in (0.0, 0.1, -1.0):
        tally.add("a", score, None)
    assert tally.scored["a"].yes == 1


@given(st.lists(SCORED, max_size=30))
def test_ties_are_pairs_of_distinct_responses_with_equal_scores(rows: list[Any]) -> None:
    tally, first = Tally(), {}
    for prompt, completion, principle, score in rows:
        key = (prompt, principle, completion)
        tally.compare(prompt, completion, principle, first.setdefault(key, score))
    pairs = [(one, other) for one, other in combinations(first.items(), 2) if one[0][:2] == other[0][:2]]
    stored = tally.to_json()
    assert stored["pairs"] == len(pairs)
    assert stored["ties"] == sum(one[1] == other[1] for one, other in pairs)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-3, 3), st.sampled_from([None, 0.5, 0.75]))),
    st.integers(0, 9),
)
def test_parts_can_be_merged(rows: list[Any], cut: int) -> None:
    whole, merged = Tally(), Tally()
    for row in rows:
        whole.add(*row)
    for some in (rows[:cut], rows[cut:]):
        part = Tally()
        for row in some:
            part.add(*row)
        merged.merge(json.loads(json.dumps(part.to_json())))
    assert merged.scored == whole.scored
