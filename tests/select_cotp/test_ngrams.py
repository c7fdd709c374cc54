import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.select_cotp.ngrams import name_distances
from tests.naive import ngrams as naive

names = st.lists(st.text(alphabet="aab 分析验证e\u0301😀", max_size=8), max_size=6)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        # characters n i g h t and n a c h t: 3 common of 5 + 5; pairs ni ig gh ht and na ac ch ht: 1 common of 4 + 4
        ("dice", (1 - 6 / 10 + 1 - 2 / 8) / 2),
        ("jaccard", (1 - 3 / 7 + 1 - 1 / 7) / 2),
        ("exact", 1),
    ],
)
def test_numbers_worked_by_hand(measure: str, expected: float) -> None:
    assert name_distances(["night"], ["nacht"], measure)[0, 0] == np.float32(expected)  # type: ignore[arg-type]


def test_grams_are_counted_as_often_as_they_occur() -> None:
    # aaa has a thrice and aa twice, aa has a twice and aa once
    assert name_distances(["aaa"], ["aa"])[0, 0] == np.float32((1 - 4 / 5 + 1 - 2 / 3) / 2)
    assert name_distances(["aaa"], ["aa"], "jaccard")[0, 0] == np.float32((1 - 2 / 3 + 1 - 1 / 2) / 2)


def test_short_names() -> None:
    table = name_distances(["算", ""], ["算", "验", "验算", ""])
    # a name of one character has no pair: that term is 0 for equal names, else 1
    np.testing.assert_array_equal(table[0], np.float32([0, 1, (1 - 2 / 3 + 1) / 2, 1]))
    np.testing.assert_array_equal(table[1], np.float32([1, 1, 1, 0]))


def test_code_points_count_not_bytes_or_utf_16_units() -> None:
    # as UTF-16, each of these would be two units, the first of them common
    assert name_distances(["😀"], ["😁"])[0, 0] == 1
    assert name_distances(["é"], ["è"])[0, 0] == 1
    assert name_distances(["\ud800x"], ["\ud800x"])[0, 0] == 0


def test_a_pair_of_characters_lies_within_one_name() -> None:
    # one behind the other the names read ab|ba: without borders ab and ba would share a pair
    assert name_distances(["ab", "b"], ["ba", "ab"])[0].tolist() == [0.5, 0]


def test_empty_lists() -> None:
    assert name_distances([], ["a"]).shape == (0, 1)
    assert name_distances(["a"], [], "exact").shape == (1, 0)
    assert name_distances([""], [""]).tolist() == [[0]]


@given(names, names, st.sampled_from(["dice", "jaccard", "exact"]))
def test_equal_to_multisets(ours: list[str], others: list[str], measure: str) -> None:
    table = name_distances(ours, others, measure)  # type: ignore[arg-type]
    expected = [[naive.distance(x, y, measure) for y in others] for x in ours]
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, np.array(expected, dtype=np.float32).reshape(table.shape))


@given(names, st.sampled_from(["dice", "jaccard", "exact"]))
def test_symmetric_and_zero_where_multisets_agree(some: list[str], measure: str) -> None:
    table = name_distances(some, some, measure)  # type: ignore[arg-type]
    np.testing.assert_array_equal(table, table.T)
    assert ((table >= 0) & (table <= 1)).all()
    same = [[_multisets(x) == _multisets(y) if measure != "exact" else x == y for y in some] for x in some]
    np.testing.assert_array_equal(table == 0, np.array(same, dtype=bool).reshape(table.shape))


def test_ten_thousand_names() -> None:
    draw = random.Random(0)
    many = list(dict.fromkeys("".join(draw.choices("abcdefgh 推理验证", k=draw.randint(1, 30))) for _ in range(11_000)))
    many = many[:10_000]
    core = many[::200]
    table = name_distances(core, many)
    assert table.shape == (50, 10_000)
    assert all(table[place, place * 200] == 0 for place in range(50))
    for place in draw.sample(range(10_000), 200):
        assert table[place % 50, place] == np.float32(naive.distance(core[place % 50], many[place], "dice"))


def _multisets(name: str) -> tuple["Counter[str]", "Counter[str]"]:
    return Counter(name), Counter(pairwise(name))
