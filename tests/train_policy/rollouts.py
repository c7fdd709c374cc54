"""Rollouts made by hand, for tests of what is done with them."""

import numpy as np

from stages.core.chat import Message
from stages.train_policy.arrays import Prompt, Rollout


def rollout(group: int, number: int, reward: float | None, *, finish: str = "stop", length: int = 2) -> Rollout:
    """A completion of `length` tokens of the prompt named after its group."""
    prompt = Prompt(f"p{group}", (Message("user", f"question {group}"),), (5, 6, 7 + group), reference=str(group))
    return Rollout(
        prompt=prompt,
        group=group,
        number=number,
        completion=f"answer {number}",
        completion_ids=tuple(range(10, 10 + length)),
        sampling=np.linspace(-1, -0.1, length, dtype=np.float32),
        finish=finish,
        reward=reward,
        parts={} if reward is None else {"math": reward},
        status="ok" if reward is not None else "timeout",
    )


def group_of(number: int, *rewards: float | None) -> list[Rollout]:
    """A group with these rewards."""
    return [rollout(number, place, reward) for place, reward in enumerate(rewards)]
