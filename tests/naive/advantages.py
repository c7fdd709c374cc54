"""Group advantages from their definitions, with `statistics` and a loop over members."""

from collections.abc import Sequence
from statistics import mean, stdev


def advantages(rewards: Sequence[float | None], how: str) -> list[float | None]:
    found: list[float | None] = []
    for number, reward in enumerate(rewards):
        others = [other for at, other in enumerate(rewards) if other is not None and at != number]
        if reward is None or not others:
            found.append(None)
        elif how == "grpo":
            found.append((reward - mean([*others, reward])) / (stdev([*others, reward]) + 1e-6))
        elif how == "dr-grpo":
            found.append(reward - mean([*others, reward]))
        elif how == "rloo" or len(set(others)) == 1:
            found.append(reward - mean(others))
        else:
            found.append((reward - mean(others)) / (stdev(others) + 1e-6))
    return found
