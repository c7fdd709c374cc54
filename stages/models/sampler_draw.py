"""One draw a row from softmax(logits / temperature): a random number by counter, and inversion of the distribution.

Which logits they are is sampler.py's business. Legend: B rows, V vocabulary, K blocks of it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK: Final = 256
"""Tokens whose weights are summed before the sums are searched: a vocabulary is gone through once, by a fast kernel."""

_BELOW_ONE: Final = 1 - 2.0**-50


def uniforms(seeds: Sequence[int], count: int) -> NDArray[np.float64]:
    """Return `count` random numbers a seed, len(seeds) x count, inside (0, 1); number t depends on (seed, t) alone.

    They are the outputs of SplitMix64 (Steele, Lea and Flood, 2014) whose state begins with the scrambled seed, of
    which the lowest 64 bits count; 48 bits each, so that no number is 0 or 1.
    """
    start = _scramble(np.array([seed & (2**64 - 1) for seed in seeds], np.uint64) + np.uint64(_STEP))
    states = start[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STEP)
    bits = _scramble(states) >> np.uint64(16)
    numbers: NDArray[np.float64] = (bits.astype(np.float64) + 0.5) * 2.0**-48
    return numbers


def draw(logits: Tensor, numbers: Tensor | None, temperature: float, top_p: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the tokens (B,) and their log-probabilities (B,), fp32, under the whole of softmax(logits / temperature).

    `logits` B x V; `numbers` (B,) fp64 inside (0, 1), or None for the most probable token. With `top_p` below 1, tokens
    come from the fewest that hold this much probability together (nucleus sampling, arXiv 1904.09751). Where logits are
    NaN or infinite upwards, some token is returned, with NaN for its log-probability.
    """
    logits = logits.float()
    chances = (logits if temperature == 1.0 else logits / temperature).softmax(dim=1)
    if numbers is None:
        tokens = logits.argmax(dim=1)
    else:
        tokens = _invert(chances if top_p >= 1 else _nucleus(chances, top_p), numbers)
    return tokens, chances.gather(1, tokens[:, None])[:, 0].log()


_STEP: Final = 0x9E3779B97F4A7C15


def _scramble(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _nucleus(chances: Tensor, top_p: float) -> Tensor:
    """The chances with those set to 0 that do not belong to the nucleus; of equal ones, the first belong first."""
    ordered, order = chances.sort(dim=1, descending=True, stable=True)
    before = ordered.cumsum(dim=1, dtype=torch.float64) - ordered
    return torch.zeros_like(chances).scatter_(1, order, ordered.where(before < top_p, 0.0))


def _invert(weights: Tensor, numbers: Tensor) -> Tensor:
    """The index in each row of B x V weights at which their running sum passes this share of their total."""
    size = weights.shape[1]
    if size <= 4 * _BLOCK:
        sums = weights.cumsum(dim=1, dtype=torch.float64)
        return _first_above(sums, numbers * sums[:, -1])
    padded = torch.nn.functional.pad(weights, (0, -size % _BLOCK)).view(len(weights), -1, _BLOCK)
    sums = padded.sum(dim=2).cumsum(dim=1, dtype=torch.float64)
    wanted = numbers * sums[:, -1]
    block = _first_above(sums, wanted)[:, None]
    before = sums.gather(1, block - 1 + (block == 0)).where(block > 0, 0.0)[:, 0]
    inside = padded.gather(1, block[:, :, None].expand(-1, -1, _BLOCK))[:, 0].cumsum(dim=1, dtype=torch.float64)
    # only NaN leads behind the last token, into the padding
    return (block[:, 0] * _BLOCK + _first_above(inside, wanted - before)).clamp(max=size - 1)


def _first_above(sums: Tensor, wanted: Tensor) -> Tensor:
    """The first place (B,) where the running sums B x K are above `wanted` (B,): never one that adds nothing.

    Rounding may have moved `wanted` out of the range of the sums, hence the bounds. No sum that is NaN is above it.
    """
    wanted = wanted.clamp(min=0.0).minimum(sums[:, -1] * _BELOW_ONE)
    return torch.searchsorted(sums, wanted[:, None], right=True)[:, 0].clamp(max=sums.shape[1] - 1)
