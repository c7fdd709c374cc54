"""Group advantages against numbers worked by hand and the definitions."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.train_policy.advantages import all_equal, group_advantages
from stages.train_policy.config import AdvantageName
from tests.naive import advantages as naive

NAMES = get_args(AdvantageName)


def test_each_by_hand() -> None:
    # mean 3, squares 4 + 1 + 0 + 9 = 14, unbiased variance 14/3
    rewards = [1.0, 2.0, 3.0, 6.0]
    std = math.sqrt(14 / 3) + 1e-6
    assert group_advantages(rewards, "grpo") == pytest.approx([-2 / std, -1 / std, 0, 3 / std], abs=1e-15)
    assert group_advantages(rewards, "dr-grpo") == [-2.0, -1.0, 0.0, 3.0]
    # means of the others: 11/3, 10/3, 3, 2
    assert group_advantages(rewards, "rloo") == pytest.approx([-8 / 3, -4 / 3, 0, 4], abs=1e-15)
    # their variances: 13/3 over 2, 3; 7; 1
    scales = [math.sqrt(variance) + 1e-6 for variance in (13 / 3, 19 / 3, 7, 1)]
    expected = [difference / scale for difference, scale in zip([-8 / 3, -4 / 3, 0, 4], scales, strict=True)]
    assert group_advantages(rewards, "leave-one-out") == pytest.approx(expected, abs=1e-14)


def test_a_single_success_has_no_advantage_of_a_million() -> None:
    found = group_advantages([0.0, 0.0, 1.0, 0.0], "leave-one-out")
    # the others of the success are all 0; those of a failure have mean 1/3 and std 1/sqrt(3)
    failure = -(1 / 3) / (math.sqrt(1 / 3) + 1e-6)
    assert found == pytest.approx([failure, failure, 1.0, failure], abs=1e-15)
    assert group_advantages([0.0, 1.0], "leave-one-out") == [-1.0, 1.0]


@pytest.mark.parametrize("how", NAMES)
def test_missing_rewards_count_nowhere(how: AdvantageName) -> None:
    dense = group_advantages([1.0, 5.0, 3.0], how)
    assert group_advantages([None, 1.0, None, 5.0, 3.0], how) == [None, dense[0], None, dense[1], dense[2]]


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("rewards", [[], [1.0], [None, None], [None, 0.5, None]])
def test_fewer_than_two_rewards_leave_nothing(how: AdvantageName, rewards: list[float | None]) -> None:
    assert group_advantages(rewards, how) == [None] * len(rewards)


@pytest.mark.parametrize("how", NAMES)
def test_equal_rewards_have_no_advantage(how: AdvantageName) -> None:
    for value in (0.1, -3.3, 1e30):
        assert group_advantages([value] * 7 + [None], how) == [0.0] * 7 + [None]


def test_a_standard_deviation_is_no_test_of_equality() -> None:
    rewards = torch.tensor([0.1] * 8)
    assert rewards.std() > 7e-9
    assert all_equal(rewards.tolist())
    assert not all_equal([0.1, 0.1, math.nextafter(0.1, 1)])


@pytest.mark.parametrize("how", NAMES)
def test_tiny_differences_stay_bounded(how: AdvantageName) -> None:
    found = group_advantages([0.5, 0.5 + 1e-12, 0.5, 0.5], how)
    assert all(advantage is not None and abs(advantage) < 1e-5 for advantage in found)


@pytest.mark.parametrize("how", NAMES)
@given(rewards=st.lists(st.none() | st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), max_size=9))
def test_as_defined(how: AdvantageName, rewards: list[float | None]) -> None:
    found, expected = group_advantages(rewards, how), naive.advantages(rewards, how)
    assert [one is None for one in found] == [one is None for one in expected]
    assert [one for one in found if one is not None] == pytest.approx(
        [one for one in expected if one is not None], rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("how", ["grpo", "dr-grpo", "rloo"])
@given(rewards=st.lists(st.floats(-10, 10), min_size=2, max_size=16))
def test_advantages_add_up_to_zero(how: AdvantageName, rewards: list[float]) -> None:
    found = group_advantages(rewards, how)
    assert math.fsum(one for one in found if one is not None) == pytest.approx(0, abs=1e-7)


def test_rloo_is_dr_grpo_times_n_over_n_minus_one() -> None:
    rewards = [0.3, 0.9, -2.0, 4.0, 0.0]
    centred = group_advantages(rewards, "dr-grpo")
    assert group_advantages(rewards, "rloo") == pytest.approx([5 / 4 * one for one in centred if one is not None])


def test_a_reward_that_is_not_finite_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        group_advantages([0.0, math.nan, 1.0], "grpo")
