"""The words of a text and its runs of n words, as hashes: what near-duplicates and benchmark items are found by.

How many runs two texts share is the business of duplicates.py and contamination.py. Shapes: W words, R runs.
"""

import unicodedata
from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.select_cotp.arrays import U64

_SEPARATOR: Final = 0
_PART: Final = 1
_ALONE: Final = 2

_UNSPACED: Final = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai, Lao, Burmese, Khmer
    *((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),  # Chinese and Japanese
)
"""Scripts written without spaces between words, in which each character counts as a word."""


def normalised(text: str) -> str:
    """The text in NFC, case-folded, each stretch of white space one space, none at the ends."""
    return " ".join(_folded(text).split())


def word_hashes(text: str) -> U64:
    """A hash of each word of a text in order, (W,): its longest runs of letters, marks and digits, normalised.

    Punctuation, white space and symbols only separate, so that `x+3` and `$X + 3$` have the same words.
    """
    codes = np.frombuffer(_folded(text).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    hashes: U64 = _words(codes, _kinds())
    return hashes


def run_hashes(words: U64, length: int) -> U64:
    """A hash of each run of `length` words in order, (W - length + 1,); fewer words are one run, none are none."""
    assert length >= 1
    hashes: U64 = _runs(words, min(length, max(len(words), 1)))
    return hashes


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    # case folding can undo the composition of NFC
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@cache
def _kinds() -> NDArray[np.uint8]:
    """What each code point is: a separator, a part of a word, or a word alone."""
    kinds = np.full(0x110000, _SEPARATOR, dtype=np.uint8)
    # no script with spaces has letters from 0x20000 on
    parts = [code for code in range(0x20000) if unicodedata.category(chr(code))[0] in "LMN"]
    kinds[parts] = _PART
    for first, last in _UNSPACED:
        span = kinds[first : last + 1]
        span[(span == _PART) | (first >= 0x20000)] = _ALONE
    return kinds


@njit(nogil=True, cache=True)
def _mixed(value: np.uint64) -> np.uint64:
    """splitmix64's finaliser: each bit of the result depends on each bit of the value."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(nogil=True, cache=True)
def _words(codes: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> U64:
    """FNV-1a over code points instead of bytes, mixed at the end of each word."""
    start, prime = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
    hashes = np.empty(len(codes), dtype=np.uint64)
    count, inside, value = 0, False, start
    for code in codes:
        kind = kinds[code]
        if inside and kind != _PART:
            hashes[count] = _mixed(value)
            count, inside, value = count + 1, False, start
        if kind == _PART:
            value = (value ^ np.uint64(code)) * prime
            inside = True
        elif kind == _ALONE:
            hashes[count] = _mixed((start ^ np.uint64(code)) * prime)
            count += 1
    if inside:
        hashes[count] = _mixed(value)
        count += 1
    return hashes[:count].copy()


@njit(nogil=True, cache=True)
def _runs(words: U64, length: int) -> U64:
    """A polynomial in the words' hashes modulo 2^64, mixed."""
    count = max(len(words) - length + 1, 0)
    hashes = np.empty(count, dtype=np.uint64)
    for run in range(count):
        value = np.uint64(0)
        for word in words[run : run + length]:
            value = value * np.uint64(0x9E3779B97F4A7C15) + word
        hashes[run] = _mixed(value)
    return hashes
