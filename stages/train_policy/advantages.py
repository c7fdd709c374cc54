"""The advantage of each completion over its group, in f64. Which groups are trained on is decided elsewhere."""

import math
from collections.abc import Sequence
from typing import Final

from stages.train_policy.config import AdvantageName

_EPSILON: Final = 1e-6
"""Added to standard deviations, as the released code of CE-GPPO does; it bounds the advantage of tiny differences."""


def group_advantages(rewards: Sequence[float | None], how: AdvantageName) -> list[float | None]:
    """Return the advantage of each completion of a group; None where there is no reward, or none to compare with.

    `grpo`: (R - mean) / (std + 1e-6), std unbiased (arXiv 2402.03300). `dr-grpo`: R - mean (arXiv 2503.20783). `rloo`:
    R - mean of the others (arXiv 2402.14740). `leave-one-out`: that, divided by (std of the others + 1e-6), but not
    where the others are all equal, which would make it a million (as NeMo-RL does). Completions without a reward count
    nowhere; fewer than two rewards leave None for all. All equal: 0 for all, exactly.
    """
    known = [reward for reward in rewards if reward is not None]
    assert all(math.isfinite(reward) for reward in known)
    if len(known) < 2:
        return [None] * len(rewards)
    if all_equal(known):
        return [None if reward is None else 0.0 for reward in rewards]
    if how in ("rloo", "leave-one-out"):
        advantages = iter([_over_others(known, number, scaled=how == "leave-one-out") for number in range(len(known))])
    else:
        scale = _std(known) + _EPSILON if how == "grpo" else 1.0
        mean = _mean(known)
        advantages = iter([(reward - mean) / scale for reward in known])
    return [None if reward is None else next(advantages) for reward in rewards]


def all_equal(rewards: Sequence[float]) -> bool:
    """Whether the largest reward is the smallest; a standard deviation is not 0 for equal numbers: in f32 that of eight
    times 0.1 is 8e-9.
    """
    return max(rewards) == min(rewards)


def _over_others(rewards: Sequence[float], number: int, *, scaled: bool) -> float:
    others = [reward for at, reward in enumerate(rewards) if at != number]
    difference = rewards[number] - _mean(others)
    return difference / (_std(others) + _EPSILON) if scaled and not all_equal(others) else difference


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _std(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
