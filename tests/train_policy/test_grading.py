"""What a group teaches, and the reasons why a completion or a whole group teaches nothing."""

import pytest

from stages.train_policy.grading import judge, num_teaching, without_surplus
from stages.train_policy.presets import PRESETS
from tests.train_policy.rollouts import group_of, rollout

KEEP = PRESETS["dapo"]._replace(advantage="dr-grpo", truncated="keep")
DROP = KEEP._replace(truncated="drop")
WRONG = KEEP._replace(truncated="wrong")


def test_advantages_are_differences_to_the_mean_of_the_group() -> None:
    found = judge(group_of(0, 1.0, 0.0, 0.0, 1.0), KEEP, 1.0)
    assert [one.advantage for one in found] == [0.5, -0.5, -0.5, 0.5]
    assert {one.dropped_by for one in found} == {None}


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_equal_rewards_teach_nothing(value: float) -> None:
    # the standard deviation of eight times 0.1 is not 0 in single precision
    found = judge(group_of(0, *[value] * 8), KEEP, 1.0)
    assert {(one.advantage, one.dropped_by) for one in found} == {(None, "equal_rewards")}


def test_a_completion_without_reward_is_left_out_of_the_mean() -> None:
    found = judge(group_of(0, 1.0, None, 0.0), KEEP, 1.0)
    assert [one.advantage for one in found] == [0.5, None, -0.5]
    assert [one.dropped_by for one in found] == [None, "no_reward", None]


def test_a_single_reward_teaches_nothing() -> None:
    found = judge(group_of(0, 1.0, None, None), KEEP, 1.0)
    assert {(one.advantage, one.dropped_by) for one in found} == {(None, "no_reward")}


def test_truncated_completions_keep_their_reward_are_dropped_or_are_wrong() -> None:
    group = [rollout(0, 0, 1.0), rollout(0, 1, 1.0, finish="length"), rollout(0, 2, 0.0)]
    assert [one.reward for one in judge(group, KEEP, 1.0)] == [1.0, 1.0, 0.0]
    dropped = judge(group, DROP, 1.0)
    assert [one.dropped_by for one in dropped] == [None, "truncated", None]
    assert [one.advantage for one in dropped] == [0.5, None, -0.5]
    assert [one.reward for one in judge(group, WRONG, 1.0)] == [1.0, 0.0, 0.0]


def test_wrong_is_the_smallest_reward_of_the_group_where_no_best_is_known() -> None:
    group = [rollout(0, 0, 3.0), rollout(0, 1, 5.0, finish="length"), rollout(0, 2, -2.0)]
    assert [one.reward for one in judge(group, WRONG, None)] == [3.0, -2.0, -2.0]


def test_groups_beyond_the_number_wanted_are_surplus_and_never_split() -> None:
    teaching = [judge(group_of(n, 1.0, 0.0), KEEP, 1.0) for n in range(3)]
    silent = judge(group_of(9, 0.0, 0.0), KEEP, 1.0)
    groups = [teaching[0], silent, teaching[1], teaching[2]]
    assert num_teaching(groups) == 3
    kept = list(without_surplus(groups, 2))
    assert [{one.dropped_by for one in group} for group in kept] == [{None}, {"equal_rewards"}, {None}, {"surplus"}]
    assert [one.advantage for one in kept[3]] == [None, None]
