"""Sampling the slow way: one row, one forward pass over everything for each token, numbers one at a time."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch

_MASK = 2**64 - 1


def uniform(seed: int, place: int) -> float:
    """Number `place` of a seed, by SplitMix64 on Python's whole numbers."""
    state = _scramble((seed + 0x9E3779B97F4A7C15) & _MASK)
    return ((_scramble((state + (place + 1) * 0x9E3779B97F4A7C15) & _MASK) >> 16) + 0.5) / 2**48


def _scramble(bits: int) -> int:
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def pick(chances: Sequence[float], number: float) -> int:
    """The first place at which the running sum of the chances is above `number` of their total."""
    sums = list(accumulate(chances))
    return bisect_right(sums, number * sums[-1])


def nucleus(chances: Sequence[float], top_p: float) -> list[float]:
    """The chances of the fewest tokens that hold `top_p` together, 0 elsewhere."""
    kept = [0.0] * len(chances)
    total = 0.0
    for token in sorted(range(len(chances)), key=lambda token: -chances[token]):
        if total < top_p:
            kept[token] = chances[token]
        total += chances[token]
    return kept


@torch.no_grad()
def logprobs_of(model: Any, prompt: Sequence[int], ids: Sequence[int], temperature: float) -> list[float]:
    """ln softmax(logits / temperature) of each token after the prompt, by one pass without a cache."""
    logits = model(input_ids=torch.tensor([[*prompt, *ids]]), use_cache=False).logits[0].double()
    rows = (logits / temperature).log_softmax(1)[len(prompt) - 1 : -1]
    return [float(row[token]) for row, token in zip(rows, ids, strict=True)]


@torch.no_grad()
def sample_one(
    model: Any, prompt: Sequence[int], seed: int, *, new_tokens: int, temperature: float, ends: Sequence[int]
) -> tuple[int, ...]:
    """A completion of one prompt."""
    ids: list[int] = []
    while len(ids) < new_tokens and not (ids and ids[-1] in ends):
        logits = model(input_ids=torch.tensor([[*prompt, *ids]]), use_cache=False).logits[0, -1].double()
        if temperature == 0:
            ids.append(int(logits.argmax()))
        else:
            ids.append(pick((logits / temperature).softmax(0).tolist(), uniform(seed, len(ids))))
    return tuple(ids)
