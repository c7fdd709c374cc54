import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.train_rm.ablations import hide_responses, majority_log_odds, shuffle_principles, strata
from tests.train_rm.rows import example, examples


def guesses(train: list[tuple[str, bool]], families: list[str]) -> np.ndarray:
    labels = np.array([label for _, label in train], dtype=bool)
    return majority_log_odds([family for family, _ in train], labels, families)


def test_majority_by_hand() -> None:
    train = [("a", True), ("a", True), ("a", False), ("b", False), ("c", True), ("c", False), ("d", True)]
    # base 4/7; a (2 + 4/7) / 4, b (4/7) / 2, c (1 + 4/7) / 3, d (1 + 4/7) / 2, unseen 4/7
    p = np.array([18 / 28, 4 / 14, 11 / 21, 11 / 14, 4 / 7])
    assert guesses(train, ["a", "b", "c", "d", "e"]) == pytest.approx(np.log(p / (1 - p)))


LABELLED = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20)


@given(LABELLED)
def test_sign_is_that_of_the_majority(train: list[tuple[str, bool]]) -> None:
    yes = sum(label for _, label in train) * 2 - len(train)
    for family, odds in zip("abcd", guesses(train, list("abcd")), strict=True):
        lead = sum(1 if label else -1 for name, label in train if name == family) or yes
        assert np.sign(odds) == np.sign(lead) or abs(odds) < 1e-12
        assert lead == 0 or abs(odds) > 1e-12
        assert math.isfinite(odds)


@given(st.lists(st.sampled_from(["a", "a", "a", "b", "c", "d"]), max_size=25), st.integers(0, 20))
def test_no_row_keeps_its_principle(principles: list[str], seed: int) -> None:
    made = [example(f"prompt {n}", "x", name, True, n) for n, name in enumerate(principles)]
    shuffled = shuffle_principles(made, seed)
    if len(set(principles)) < 2:
        assert shuffled is None
        return
    assert shuffled is not None
    assert all(new.family != old.family for new, old in zip(shuffled, made, strict=True))
    assert [new._replace(principle="", family="") for new in shuffled] == [
        old._replace(principle="", family="") for old in made
    ]
    assert all(new.principle == new.family for new in shuffled)
    counts = Counter(principles)
    if max(counts.values()) * 2 <= len(principles):
        assert Counter(one.principle for one in shuffled) == counts
    assert shuffled == shuffle_principles(made, seed)


def test_principles_are_shuffled_evenly() -> None:
    made = [example("Hi", "x", name, True) for name in "aabbccdd"]
    drawn: Counter[tuple[str, str]] = Counter()
    for seed in range(600):
        drawn.update(
            (old.family, new.family) for old, new in zip(made, shuffle_principles(made, seed) or [], strict=True)
        )
    # 1,200 rows of each family, a third to each other one
    assert len(drawn) == 12
    assert all(340 < count < 460 for count in drawn.values())


def test_wordings_of_one_principle_are_one_family() -> None:
    assert shuffle_principles(examples(("Hi", "x", "Tone", True), ("Hi", "x", "tone ", False)), 0) is None


def test_hidden_responses_leave_the_rest() -> None:
    (hidden,) = hide_responses([example([{"role": "user", "content": "Hi"}], "It is.", "tone", False, 4)])
    assert hidden == example("Hi", "It is.", "tone", False, 4)._replace(response="")


def test_strata_by_length_and_markup() -> None:
    texts = ["a", "bb", "- ccc\n- d", "**d** is bold", "1. first of all", "x " * 40]
    found = strata([example("Hi", text, "tone", True) for text in texts])
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "length: shortest third": [0, 1],
        "length: middle third": [2, 3],
        "length: longest third": [4, 5],
        "with markup": [2, 3, 4],
        "without markup": [0, 1, 5],
    }
    assert strata([]) == {}
    assert {name: rows.tolist() for name, rows in strata([example("Hi", "x", "tone", True)] * 2).items()} == {
        "length: shortest third": [0, 1],
        "without markup": [0, 1],
    }
