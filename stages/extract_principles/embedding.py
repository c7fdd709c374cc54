"""What filter 4 asks of an embedder: a name for the manifest, and one unit vector a text. No embedder lives here."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their cosine."""

    name: str
    """What the manifest says, such as `ngram@1` or a model's name."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one L2-normalised row a text, in the order given: shape (len(texts), dimension)."""
