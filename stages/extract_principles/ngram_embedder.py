"""The built-in embedder: hashed character n-grams of a text's words, so that it knows spelling and no meaning.

"accuracy of information" and "information accuracy" are near each other; "accuracy" and "correctness" are not.
The hash depends neither on the process nor on the platform.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

DIMENSION: Final = 1024
CACHED_TEXTS: Final = 8192
"""Vectors kept at most: 32 MiB."""

_WORD: Final = re.compile(r"\w[\w+#]*")  # C++ and C# are words
_LIGHT_WORDS: Final = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "its", "of", "on", "or", "the", "to", "with"}
    | {"answer", "completion", "given", "output", "overall", "prompt", "provided", "question", "reply", "response"}
)
"""Function words, and what nearly every principle is about: "completeness of the answer" is completeness."""
_LIGHT_WEIGHT: Final = 0.2
_SIZES: Final = (2, 3, 4)


class NgramEmbedder:
    """An Embedder (see embedding.py). A text without a word is embedded by its signs, an empty one is all zeros."""

    name: str = "ngram@1"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, in the order given: shape (len(texts), DIMENSION)."""
        result = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(result, texts, strict=True):
            row[:] = _embed(text)
        return result


@lru_cache(maxsize=CACHED_TEXTS)
def _embed(text: str) -> NDArray[np.float32]:
    folded = text.casefold()
    total = np.zeros(DIMENSION)
    for word in _WORD.findall(folded) or folded.split():
        places, values = _word_vector(word)
        total[places] += values * (_LIGHT_WEIGHT if word in _LIGHT_WORDS else 1.0)
    norm = np.sqrt(total @ total)
    result: NDArray[np.float32] = (total / (norm or 1.0)).astype(np.float32)
    result.flags.writeable = False
    return result


@lru_cache(maxsize=CACHED_TEXTS)
def _word_vector(word: str) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The distinct places of a word's n-grams in the vector and their values, of unit length together.

    Signs are hashed too, so that n-grams that fall on one place cancel on average instead of adding up.
    """
    padded = f"^{word}$"
    grams = {padded[i : i + size] for size in _SIZES for i in range(len(padded) - size + 1)} | {padded}
    vector = np.zeros(DIMENSION)
    for gram in sorted(grams):
        number = int.from_bytes(blake2b(gram.encode(), digest_size=4).digest(), "little")
        vector[number % DIMENSION] += 1.0 if number & 0x8000_0000 else -1.0
    places = np.flatnonzero(vector)
    values = vector[places]
    return places, values / np.sqrt(values @ values)
