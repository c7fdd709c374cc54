from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stages.score.standing import Group, Standings, no_pair

ROWS = st.lists(st.tuples(st.sampled_from("gh"), st.sampled_from("abcd"), st.integers(-2, 2).map(float)), max_size=25)


def naive(rows: list[Any]) -> list[Group]:
    """Group by group, from whole lists."""
    result = []
    for group in dict.fromkeys(group for group, _, _ in rows):
        places = [place for place, row in enumerate(rows) if row[0] == group]
        kept = [place for n, place in enumerate(places) if rows[place][1] not in [rows[p][1] for p in places[:n]]]
        scores = [rows[place][2] for place in kept]
        best, worst = scores.index(max(scores)), scores.index(min(scores))
        result.append(Group(scores[best], kept[best], scores[worst], kept[worst], len(kept)))
    return result


@given(ROWS)
def test_the_first_best_and_the_first_worst_of_the_distinct_responses(rows: list[Any]) -> None:
    standings = Standings()
    numbers = [
        standings.add(group.encode(), response.encode(), score, place)
        for place, (group, response, score) in enumerate(rows)
    ]
    expected = naive(rows)
    assert standings.groups == expected
    order = list(dict.fromkeys(group for group, _, _ in rows))
    assert numbers == [order.index(group) for group, _, _ in rows]


def test_why_a_group_makes_no_pair() -> None:
    assert no_pair(Group(1.0, 0, 1.0, 0, 1), 0.0) == "single_response"
    assert no_pair(Group(1.0, 0, 1.0, 0, 3), 0.0) == "tie"
    assert no_pair(Group(1.0, 0, 0.5, 1, 2), 0.75) == "small_margin"
    assert no_pair(Group(1.0, 0, 0.5, 1, 2), 0.5) is None
