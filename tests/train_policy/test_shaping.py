"""The soft overlong penalty of DAPO by hand."""

import pytest

from stages.train_policy.shaping import overlong_penalty


def test_by_hand() -> None:
    # the report's own numbers: 20,480 tokens, the last 4,096 of which are the buffer
    lengths = [0, 16_384, 16_385, 18_432, 20_480, 30_000]
    expected = [0, 0, -1 / 4096, -0.5, -1, -1]
    assert [overlong_penalty(length, 20_480, 4096) for length in lengths] == expected


def test_without_a_buffer_length_costs_nothing() -> None:
    assert [overlong_penalty(length, 10, 0) for length in (0, 10, 11)] == [0, 0, 0]


def test_a_buffer_may_be_all_there_is() -> None:
    assert [overlong_penalty(length, 10, 10) for length in (0, 1, 10)] == [0, -0.1, -1]


def test_a_buffer_longer_than_the_limit_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        overlong_penalty(5, 10, 11)
