import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import DataError
from stages.train_rm.batch import MicroBatch, Pair, Tree
from stages.train_rm.examples import Comparison, Example
from stages.train_rm.pairs import Arm, compare, measure_arm, opposites, unpaired
from tests.train_rm.rows import comparison, examples

ROWS = examples(
    ("Hi", "a", "clarity", True),  # 0
    ("Hi", "b", "Clarity ", False),  # 1
    ("Hi", "b", "tone", True),  # 2
    ("Hi", "a", "tone", True),  # 3
    ("Bye", "a", "clarity", True),  # 4
    ("Bye", "c", "tone", False),  # 5
    ("Bye", "c", "length", True),  # 6
    ("Yes?", "d", "clarity", True),  # 7
    ("Yes?", "d", "clarity", False),  # 8: two annotators, one response
)


def shape(pairs: list[Comparison]) -> list[tuple[str, str, float, str | None]]:
    return [(pair.better.response, pair.worse.response, pair.margin, pair.family) for pair in pairs]


def test_pairs_of_one_principle() -> None:
    pairs = compare(ROWS, [], "principle", 0.0)
    assert shape(pairs) == [("a", "b", 0.0, "clarity")]
    assert (pairs[0].better_rows, pairs[0].worse_rows) == ((0,), (1,))
    assert unpaired(range(len(ROWS)), pairs) == dict.fromkeys(range(2, 9), "no_pair")


def test_pairs_of_fulfilment() -> None:
    pairs = compare(ROWS, [], "fulfilment", 0.25)
    # Hi: a has 2 of 2, b 1 of 2; Bye: a has 1 of 1, c 1 of 2
    assert shape(pairs) == [("a", "b", 0.75, None), ("a", "c", 0.75, None)]
    assert [(pair.better_rows, pair.worse_rows) for pair in pairs] == [((0, 3), (1, 2)), ((4,), (5, 6))]


def test_preferences_on_judged_conversations() -> None:
    judged = comparison(20, prompt="Bye", chosen="x", rejected="y", margin=1.0)
    other = comparison(21, prompt="What?", chosen="x", rejected="y")
    assert shape(compare(ROWS, [judged, other], "preference", 0.5)) == [("x", "y", 1.5, None)]
    assert unpaired([20, 21], compare(ROWS, [judged, other], "preference", 0)) == {21: "no_pair"}
    assert compare([], [judged, other], "principle", 0.0) == [judged, other]
    assert shape(compare(ROWS, [judged], "principle", 0.0)) == [("a", "b", 0.0, "clarity")]
    with pytest.raises(DataError, match="--pairs preference needs preferences beside the principles"):
        compare(ROWS, [], "preference", 0.0)


ANY = st.lists(
    st.tuples(st.sampled_from("pq"), st.sampled_from("abc"), st.sampled_from(["x", "X", "y"]), st.booleans()),
    max_size=12,
)


def opposites_one_by_one(rows: list[Example]) -> set[tuple[int, int]]:
    found = set()
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            same = one.messages == other.messages and one.principle.lower() == other.principle.lower()
            if same and one.response != other.response and one.label and not other.label:
                found.add((i, j))
    return found


@given(ANY)
def test_opposites_equal_their_slow_twin(rows: list[tuple[str, str, str, bool]]) -> None:
    made = examples(*rows)
    found = opposites(made)
    assert len(found) == len(set(found))
    assert set(found) == opposites_one_by_one(made)


@given(ANY)
def test_fulfilment_compares_shares(rows: list[tuple[str, str, str, bool]]) -> None:
    made = examples(*rows)
    for pair in compare(made, [], "fulfilment", 0.0):
        shares = []
        for answer, places in pair.sides:
            assert places == tuple(one.place for one in made if one.answer == answer)
            shares.append(sum(made[place].label for place in places) / len(places))
        assert pair.margin == shares[0] - shares[1] > 0


def test_arms_are_matched_by_conversations_and_updates() -> None:
    pieces = [
        MicroBatch(trees=(Tree((1, 2), ((3,), (4, 5))),), targets=(1.0, 0.0)),
        MicroBatch(trees=(Tree((1,), ((2,), (3,))),), pairs=(Pair(0, 1, 0.0),)),
    ]
    arm = measure_arm([one.conversation for one in ROWS], [one.answer for one in ROWS], pieces, 7)
    assert arm == Arm(conversations=3, responses=5, rows=2, pairs=1, tokens=8, updates=7)
    assert arm.matches(arm._replace(rows=9, pairs=9, tokens=9, responses=9))
    assert not arm.matches(arm._replace(updates=8))
    assert not arm.matches(arm._replace(conversations=2))
