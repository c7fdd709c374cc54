import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.rows import Problem
from stages.select_cotp.arrays import F32
from stages.select_cotp.bins import bin_chain, check_entropies, per_step, step_boundaries
from tests.naive.bins import binned


def chain(*values: float) -> F32:
    return np.array(values, np.float32)


def test_bins_worked_by_hand() -> None:
    # seven tokens in three bins: 0-1, 2-3, 4-6
    assert bin_chain(chain(1, 3, 0, 1, 2, 2, 5), 3).tolist() == [2, 0.5, 3]
    assert bin_chain(chain(1, 3, 0, 1), 4).tolist() == [1, 3, 0, 1]
    assert bin_chain(chain(1, 3, 0, 1), 1).tolist() == [1.25]


def test_fewer_tokens_than_bins_repeat_in_their_order() -> None:
    assert bin_chain(chain(4), 3).tolist() == [4, 4, 4]
    # three tokens in five bins: lo = 0, 0, 1, 1, 2
    assert bin_chain(chain(1, 2, 3), 5).tolist() == [1, 1, 2, 2, 3]


@given(st.integers(1, 700), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_bins_are_the_formula_of_the_specification(tokens: int, bins: int, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 12, tokens).astype(np.float16).astype(np.float32)
    found = bin_chain(values, bins)
    assert found.dtype == np.float32
    assert found.tolist() == binned(values.tolist(), bins)


def test_every_token_counts_once_where_there_are_more_than_bins() -> None:
    values = np.zeros(1000, np.float32)
    for place in (0, 1, 499, 998, 999):
        values[:] = 0
        values[place] = 1
        assert np.count_nonzero(bin_chain(values, 256)) == 1


def test_long_chains_lose_no_digits() -> None:
    # a million tokens of 0.1 after one of 12: a float32 sum would be off in the fourth digit
    values = np.full(1_000_000, 0.1, np.float32)
    values[0] = 12
    assert (bin_chain(values, 256)[1:] == np.float32(0.1)).all()


def test_steps_are_means_of_their_tokens() -> None:
    values = chain(1, 3, 0, 2, 2, 8)
    assert per_step(values, [(0, 2), (2, 5), (5, 6), (0, 6)]).tolist() == [2, np.float32(4 / 3), 8, np.float32(16 / 6)]
    assert per_step(values, [(0, 2)]).dtype == np.float32


def test_spans_of_characters_become_spans_of_tokens_in_proportion() -> None:
    # 100 characters, 10 tokens: a token is 10 characters
    spans = [(0, 30), (30, 35), (35, 100), (99, 100), (9, 31)]
    assert step_boundaries(spans, 100, 10) == [(0, 3), (3, 4), (3, 10), (9, 10), (0, 4)]


def test_each_step_has_a_token_and_none_lies_outside() -> None:
    # two tokens for four steps; an empty span at the end; spans that reach over the text or are turned around
    spans = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 4), (-3, 99), (3, 1), (50, 60)]
    assert step_boundaries(spans, 4, 2) == [(0, 1), (0, 1), (1, 2), (1, 2), (1, 2), (0, 2), (1, 2), (1, 2)]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1),
    st.integers(1, 5000),
    st.integers(1, 3000),
)
def test_boundaries_can_always_be_averaged(spans: list[tuple[int, int]], chars: int, tokens: int) -> None:
    found = per_step(np.ones(tokens, np.float32), step_boundaries(spans, chars, tokens))
    assert found.tolist() == [1] * len(spans)


def test_good_entropies_are_kept_and_tiny_negatives_are_zero() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        found = check_entropies(np.array([0, 0.5, -0.0009, 5.9], dtype), 400)
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float32
        assert found.tolist() == np.array([0, 0.5, 0, 5.9], dtype).astype(np.float32).tolist()


def test_empty_chain_has_no_entropy() -> None:
    problem = check_entropies(chain(), 400)
    assert isinstance(problem, Problem)
    assert problem[:2] == ("no_entropy", "entropy")


@pytest.mark.parametrize(
    ("value", "vocabulary", "good"),
    [
        (math.nan, 400, False),
        (math.inf, None, False),
        (-math.inf, None, False),
        (-0.00101, 400, False),
        (-0.00099, 400, True),
        (math.log(400) + 0.0101, 400, False),
        (math.log(400) + 0.0099, 400, True),
        (19.99, None, True),
        (20.01, None, False),
        (20.01, 2**40, True),
    ],
)
def test_values_that_no_entropy_can_have_are_refused(value: float, vocabulary: int | None, good: bool) -> None:
    found = check_entropies(np.array([0.5, value, 0.5, math.nan if not good else 0.5]), vocabulary)
    assert isinstance(found, np.ndarray) == good
    if isinstance(found, Problem):
        assert found[:2] == ("bad_entropy", "entropy")
        assert "The entropy of token 1 is" in found.error
