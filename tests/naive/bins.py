"""Bins of an entropy chain, straight from the formula."""

from collections.abc import Sequence

import numpy as np


def binned(values: Sequence[float], bins: int) -> list[float]:
    """Bin k is the mean of tokens lo to hi-1, lo = floor(kT/L), hi = max(lo+1, floor((k+1)T/L))."""
    tokens = len(values)
    result = []
    for k in range(bins):
        low = k * tokens // bins
        high = max(low + 1, (k + 1) * tokens // bins)
        result.append(float(np.float32(sum(values[low:high]) / (high - low))))
    return result
