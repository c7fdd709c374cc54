import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.eval.majority import majority_at_k
from tests.naive import majority as naive

SAMPLES = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.booleans()), min_size=1, max_size=9)


@given(SAMPLES, st.integers(1, 9))
def test_the_sum_equals_all_choices(samples: list[tuple[str | None, bool]], k: int) -> None:
    replies, right = zip(*samples, strict=True)
    k = min(k, len(replies))
    assert majority_at_k(replies, right, k) == pytest.approx(naive.majority_at_k(replies, right, k), abs=1e-12)


def test_by_hand() -> None:
    # of 3 samples, 2 of them a: the pairs are aa, ab, ab; a wins the first, and half of the others
    assert majority_at_k("aab", (True, True, False), 2) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert majority_at_k("aab", (True, True, False), 3) == pytest.approx(1)
    assert majority_at_k("abc", (True, False, False), 3) == pytest.approx(1 / 3)
    assert majority_at_k(("a", None, None), (True, False, False), 1) == pytest.approx(1 / 3)
    assert majority_at_k(("a", None, None), (True, False, False), 3) == pytest.approx(1)
    assert majority_at_k((None, None), (False, False), 1) == 0


def test_an_answer_that_is_right_and_wrong_counts_as_its_share() -> None:
    assert majority_at_k("aaa", (True, True, False), 3) == pytest.approx(2 / 3)


def test_one_sample_is_its_own_majority_and_large_numbers_are_no_trouble() -> None:
    replies = ["a"] * 600 + ["b"] * 500 + ["c"] * 900
    right = [reply == "a" for reply in replies]
    assert majority_at_k(replies, right, 1) == pytest.approx(0.3)
    assert 0 < majority_at_k(replies, right, 9) < 0.3
    assert majority_at_k(replies, right, 2000) == 0
    assert majority_at_k(["a"] * 2000, [True] * 2000, 1000) == pytest.approx(1)
