"""Entropy chains as they are compared: the checks before the kernel, bins of equal number, means of reasoning steps.

Where entropies come from is in entropies.py.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core.rows import Problem
from stages.select_cotp.arrays import F32, F64, I64

HIGHEST: Final = 20.0
"""Nats above which no entropy is, where the vocabulary is not known: that of 485 million equally probable tokens."""

_ABOVE: Final = 0.01
_BELOW: Final = -0.001
"""How far rounding may take an entropy, float16's too, out of [0, ln V]."""


def check_entropies(values: NDArray[np.floating], vocabulary: int | None) -> F32 | Problem:
    """Return token entropies in nats (T,) as float32 with tiny negatives as 0, or why they are none.

    A Problem: no_entropy for an empty chain; bad_entropy for NaN, infinities, and values below -0.001 or more than 0.01
    above ln V, V being the model's `vocabulary` (above 20 where it is not known).
    """
    assert values.ndim == 1
    if not len(values):
        return Problem("no_entropy", "entropy", "The row has no token entropies; its completion may be empty.")
    highest = HIGHEST if vocabulary is None else math.log(vocabulary) + _ABOVE
    good = (values >= _BELOW) & (values <= highest)
    if not good.all():
        place = int(np.argmin(good))
        return Problem(
            "bad_entropy",
            "entropy",
            f"The entropy of token {place} is {values[place]:g}; it must be a number of nats from 0 to {highest:.4g}.",
        )
    usable: F32 = np.maximum(values, 0).astype(np.float32)
    return usable


def bin_chain(values: F32, bins: int) -> F32:
    """Return a chain of `bins` means (bins,): bin k is that of tokens lo to hi-1 of the chain's T (T,).

    lo = floor(kT/L) and hi = max(lo+1, floor((k+1)T/L)), with L = `bins`. With T < L tokens repeat, which DTW ignores.
    """
    assert values.ndim == 1
    assert len(values)
    assert bins > 0
    edges = np.arange(bins + 1) * len(values) // bins
    return _means(values, edges[:-1], np.maximum(edges[:-1] + 1, edges[1:]))


def per_step(values: F32, boundaries: Sequence[tuple[int, int]]) -> F32:
    """Return the mean entropy of each step (n,), a step being tokens lo to hi-1 of the chain (T,); none is empty."""
    assert len(boundaries)
    edges = np.array(boundaries, np.int64)
    assert (edges[:, 0] >= 0).all()
    assert (edges[:, 0] < edges[:, 1]).all()
    assert (edges[:, 1] <= len(values)).all()
    return _means(values, edges[:, 0], edges[:, 1])


def step_boundaries(char_spans: Sequence[tuple[int, int]], num_chars: int, num_tokens: int) -> list[tuple[int, int]]:
    """Return the tokens of each span of characters, as if all tokens were of one length; each span has at least one.

    The text has `num_chars` characters and `num_tokens` tokens; spans are cut to it. Which characters a token covers is
    not known, entropies of a column come without, so that a boundary is off by as much as the tokens before it are
    longer or shorter than the text's mean: step means are near the truth, and not exact.
    """
    assert num_chars > 0
    assert num_tokens > 0
    result = []
    for start, end in char_spans:
        low = min(max(start, 0) * num_tokens // num_chars, num_tokens - 1)
        high = -(-min(end, num_chars) * num_tokens // num_chars)
        result.append((low, max(low + 1, high)))
    return result


def _means(values: F32, low: I64, high: I64) -> F32:
    """Means of values[low:high]; the sums are float64, in which those of float16 values are exact."""
    sums: F64 = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    means: F32 = ((sums[high] - sums[low]) / (high - low)).astype(np.float32)
    return means
