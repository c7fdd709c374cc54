"""What a group teaches: the advantages of its completions, or the reason why a completion or the whole group has none.

How an advantage is computed is in advantages.py. The words of `dropped_by` are here.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from stages.train_policy.advantages import all_equal, group_advantages
from stages.train_policy.arrays import Rollout
from stages.train_policy.presets import Settled

EQUAL: Final = "equal_rewards"
NO_REWARD: Final = "no_reward"
TRUNCATED: Final = "truncated"
SURPLUS: Final = "surplus"

WORST: Final = 0.0
"""What a wrong completion is worth to sources that have a best value."""


def judge(group: Sequence[Rollout], settled: Settled, best: float | None) -> list[Rollout]:
    """Give the completions of a group their advantages, or the reason why they have none.

    `best` is the largest value of the reward, None where there is none. Completions without a reward, and under
    --truncated drop those that the limit ended, count neither in the mean nor in the loss. Fewer than two rewards, or
    only equal ones, teach nothing.
    """
    group = [_cut_off(one, group, settled, best) for one in group]
    usable = [one.reward if one.dropped_by is None else None for one in group]
    values = [value for value in usable if value is not None]
    rule = NO_REWARD if len(values) < 2 else EQUAL if all_equal(values) else None
    if rule is not None:
        return [one._replace(dropped_by=one.dropped_by or rule) for one in group]
    return [
        one._replace(advantage=advantage, dropped_by=one.dropped_by or (NO_REWARD if advantage is None else None))
        for one, advantage in zip(group, group_advantages(usable, settled.advantage), strict=True)
    ]


def num_teaching(groups: Sequence[Sequence[Rollout]]) -> int:
    """How many groups have advantages."""
    return sum(any(one.advantage is not None for one in group) for group in groups)


def without_surplus(groups: Sequence[Sequence[Rollout]], wanted: int) -> Iterator[Sequence[Rollout]]:
    """The groups, those beyond the number wanted without advantages; a group is never split."""
    left = wanted
    for group in groups:
        teaches = num_teaching([group])
        if teaches and not left:
            yield [as_surplus(one) for one in group]
            continue
        left -= teaches
        yield group


def as_surplus(one: Rollout) -> Rollout:
    """A completion of a group that is not needed."""
    return one._replace(advantage=None, dropped_by=one.dropped_by or SURPLUS)


def _cut_off(one: Rollout, group: Sequence[Rollout], settled: Settled, best: float | None) -> Rollout:
    """What is made of a completion that the limit ended."""
    if one.finish != "length" or settled.truncated == "keep" or one.reward is None:
        return one
    if settled.truncated == "drop":
        return one._replace(dropped_by=TRUNCATED)
    if best is not None:
        return one._replace(reward=WORST)
    return one._replace(reward=min(other.reward for other in group if other.reward is not None))
