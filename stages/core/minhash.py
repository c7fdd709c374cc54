"""How alike two programs are: MinHash signatures over runs of tokens of their normal forms.

Shapes: N programs, P permutations, S shingles (distinct runs of tokens).
"""

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS: Final = 128
SHINGLE: Final = 5
"""Tokens in a run."""

Signatures = NDArray[np.uint32]


def signature(form: str, *, seed: int = 0) -> bytes:
    """The MinHash signature of a normal form: P whole numbers of 32 bits, little-endian.

    The smallest value of each of P random functions over the set of runs of five tokens (Broder, 1997); a form of fewer
    tokens is one run. Two signatures can be compared where the seed is the same.
    """
    factors, offsets = _functions(seed)
    values = np.unique(shingles(form)).astype(np.uint64)
    # multiply-shift: the upper half of a x + b modulo 2^64 is strongly universal for x of 32 bits
    least = np.full(PERMUTATIONS, 2**32 - 1, dtype=np.uint64)
    for start in range(0, len(values), _BLOCK):
        images = (factors[:, None] * values[start : start + _BLOCK] + offsets[:, None]) >> np.uint64(32)
        np.minimum(least, images.min(axis=1), out=least)
    return least.astype("<u4").tobytes()


def shingles(form: str) -> NDArray[np.uint32]:
    """A hash of every run of five tokens, in their order, repeated ones included."""
    text = form.encode()
    ends = [*np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")).tolist(), len(text)]
    starts = [0, *(end + 1 for end in ends)]
    runs = max(len(ends) - SHINGLE + 1, 1)
    last = ends[SHINGLE - 1 :] or ends[-1:]
    return np.array([zlib.crc32(text[starts[run] : last[run]]) for run in range(runs)], dtype=np.uint32)


def similarity(first: bytes, second: bytes) -> float:
    """An unbiased estimate of the Jaccard similarity J of two sets of runs, with standard error sqrt(J (1 - J) / P)."""
    return float((_read([first])[0] == _read([second])[0]).mean())


def distances(signatures: Sequence[bytes]) -> NDArray[np.float64]:
    """1 - similarity of every pair, (N, N)."""
    table = _read(signatures)
    return np.stack([(table != row).mean(axis=1) for row in table]) if len(table) else np.zeros((0, 0))


_BLOCK: Final = 4096
"""Shingles at a time, which bounds the memory for a program of any length."""


def _read(signatures: Sequence[bytes]) -> Signatures:
    assert all(len(one) == 4 * PERMUTATIONS for one in signatures)
    return np.frombuffer(b"".join(signatures), dtype="<u4").reshape(len(signatures), PERMUTATIONS)


@cache
def _functions(seed: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    drawn = np.random.default_rng(seed).integers(0, 2**64, (2, PERMUTATIONS), dtype=np.uint64)
    return drawn[0], drawn[1]
