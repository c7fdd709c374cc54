"""Which rows repeat an earlier one: equal completions, and completions made of nearly the same runs of words.

Equal means equal after normalisation; nearly means that the Jaccard similarity of the sets of runs of five words,
estimated by MinHash (Broder, 1997), reaches a threshold. Shapes: N rows, P permutations, B bands, R runs.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.core.minhash import PERMUTATIONS, SHINGLE
from stages.select_cotp.arrays import I32, I64, U64
from stages.select_cotp.word_runs import normalised, run_hashes, word_hashes

Signatures = NDArray[np.uint32]

_SEED: Final = 0


def digest_of(text: str) -> int:
    """64 bits of the blake2b of the normalised text: rows whose completions have the same one are equal."""
    normal = normalised(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(normal, digest_size=8).digest(), "big")


def word_signature(text: str) -> bytes:
    """The MinHash signature of the runs of five words of a text: P whole numbers of 32 bits, little-endian.

    Of the form that `core.minhash.similarity` compares, but of other functions. Fewer than five words are one run; a
    text without any word is a run of its own.
    """
    words = word_hashes(text)
    runs = run_hashes(words, SHINGLE) if len(words) else np.array([digest_of(text)], dtype=np.uint64)
    least: Signatures = _least(runs, *_functions())
    return least.astype("<u4").tobytes()


def find_duplicates(digests: U64, signatures: Sequence[bytes] | None, threshold: float) -> I64:
    """For each row the row that it repeats, or -1 where it is kept; (N,).

    `digests` (N,) are of `digest_of`, `signatures` (N of them) of `word_signature`; without these, and at a threshold
    of 1, only equal texts repeat.

    Rows are taken in their order: one is dropped where a row that was *kept* before is equal, or has a similarity of
    at least `threshold` in [0.5, 1]; it repeats the first such row. So of a chain in which each row resembles the next
    but not the one after, the first and the third stay: kept rows never resemble each other, and each dropped row
    resembles a kept one. No pair is missed: with B = 1 + the largest number of places in which two signatures that are
    alike differ, some band is equal in both.
    """
    assert 0.5 <= threshold <= 1
    if signatures is None or threshold == 1 or not len(digests):
        first_equal = _first_equal(digests)
        return np.where(first_equal < np.arange(len(digests)), first_equal, -1)
    # equal texts have equal signatures
    assert len(signatures) == len(digests)
    table = np.frombuffer(b"".join(signatures), dtype="<u4").reshape(len(signatures), PERMUTATIONS)
    needed = math.ceil(threshold * PERMUTATIONS - 1e-9)
    groups, count = _groups(table, PERMUTATIONS - needed + 1)
    firsts: I64 = _repeats(table, groups, count, needed)
    return firsts


def _first_equal(digests: U64) -> I64:
    """The first row with the digest of each row; (N,)."""
    _, firsts, places = np.unique(digests, return_index=True, return_inverse=True)
    found: I64 = firsts.astype(np.int64)[places.reshape(-1)]
    return found


def _groups(signatures: Signatures, num_bands: int) -> tuple[I32, int]:
    """Which rows agree in a band: a number for each group of several such rows, -1 for rows alone; (N, B), count."""
    groups = np.full((len(signatures), num_bands), -1, dtype=np.int32)
    count = 0
    for band, places in enumerate(np.array_split(np.arange(PERMUTATIONS), num_bands)):
        keys = _keys(signatures, int(places[0]), int(places[-1]) + 1)
        _, inverse, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        shared = sizes > 1
        numbers = np.where(shared, np.cumsum(shared) - 1 + count, -1)
        groups[:, band] = numbers[inverse.reshape(-1)]
        count += int(shared.sum())
    return groups, count


@cache
def _functions() -> tuple[U64, U64]:
    drawn = np.random.default_rng(_SEED).integers(0, 2**64, (2, PERMUTATIONS), dtype=np.uint64)
    return drawn[0].copy(), drawn[1].copy()


@njit(nogil=True, cache=True)
def _least(runs: U64, factors: U64, offsets: U64) -> Signatures:
    least = np.full(len(factors), 0xFFFFFFFF, dtype=np.uint64)
    for run in runs:
        # multiply-shift: the upper half of a x + b modulo 2^64 is strongly universal for x of 32 bits
        value = run >> np.uint64(32)
        for place in range(len(least)):
            image = (factors[place] * value + offsets[place]) >> np.uint64(32)
            least[place] = min(least[place], image)
    return least.astype(np.uint32)


@njit(nogil=True, cache=True)
def _keys(signatures: Signatures, start: int, stop: int) -> U64:
    """A hash of the places start..stop-1 of each row; two rows that collide cost a comparison and no more."""
    keys = np.empty(len(signatures), dtype=np.uint64)
    for row in range(len(signatures)):
        key = np.uint64(0)
        for place in range(start, stop):
            key = (key ^ np.uint64(signatures[row, place])) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
        keys[row] = key
    return keys


@njit(nogil=True, cache=True)
def _repeats(signatures: Signatures, groups: I32, num_groups: int, needed: int) -> I64:
    """Each row against the kept rows of its groups; `heads` and `following` are linked lists of these."""
    num_rows, num_bands = groups.shape
    heads = np.full(num_groups, -1, dtype=np.int32)
    following = np.full((num_rows, num_bands), -1, dtype=np.int32)
    compared_with = np.full(num_rows, -1, dtype=np.int64)
    repeats = np.full(num_rows, -1, dtype=np.int64)
    for row in range(num_rows):
        found = num_rows
        for band in range(num_bands):
            other = heads[groups[row, band]] if groups[row, band] >= 0 else -1
            while other >= 0:
                if other < found and compared_with[other] != row:
                    compared_with[other] = row
                    if np.sum(signatures[row] == signatures[other]) >= needed:
                        found = other
                other = following[other, band]
        if found < num_rows:
            repeats[row] = found
            continue
        for band in range(num_bands):
            group = groups[row, band]
            if group >= 0:
                following[row, band] = heads[group]
                heads[group] = row
    return repeats
