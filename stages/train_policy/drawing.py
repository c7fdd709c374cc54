"""Which prompt is drawn when, and with which random numbers: functions of the seed and a place, never states.

Prompts stand in an endless order, one permutation behind the other; a place in it is a number from 0.
"""

import hashlib

import numpy as np


def draw(num_prompts: int, seed: int, start: int, count: int) -> list[int]:
    """Return the numbers of the prompts at the places start, ..., start + count - 1."""
    assert num_prompts > 0
    places = range(start, start + count)
    orders = {epoch: _order(num_prompts, seed, epoch) for epoch in {place // num_prompts for place in places}}
    return [orders[place // num_prompts][place % num_prompts] for place in places]


def sampling_seed(seed: int, place: int, number: int) -> int:
    """The seed of completion `number` of the prompt drawn at a place: 63 bits."""
    return int.from_bytes(hashlib.sha256(f"{seed} {place} {number}".encode()).digest()[:8]) >> 1


def shuffled(count: int, seed: int, generation: int) -> list[int]:
    """The order in which the groups of a generation are dealt into updates."""
    order: list[int] = np.random.default_rng([seed, 1, generation]).permutation(count).tolist()
    return order


def _order(num_prompts: int, seed: int, epoch: int) -> list[int]:
    order: list[int] = np.random.default_rng([seed, 0, epoch]).permutation(num_prompts).tolist()
    return order
