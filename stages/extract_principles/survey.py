"""What the pass over the input tells of the feedback in it: how many texts and characters, and how many annotators.

The layout is not settled while the pass runs, so each that a row could be of is counted apart.
"""

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np

from stages.core.rows import Problem, Row
from stages.extract_principles.reading import Chat, Response, read_responses

_FEEDBACK_COLUMNS: Final = {
    "feedback": ("feedback",),
    "helpsteer3-feedback": ("feedback1", "feedback2"),
    "helpsteer3-preference": ("individual_preference",),
}


@dataclass
class Counts:
    """Sums over the rows of one layout that can be read.

    `texts` are those of annotators and `characters` are in them; `context` counts the characters of conversation and
    response, for each text anew. `several_annotators`: whether any response has two or more. `judged` holds a hash for
    each response with one text.
    """

    texts: int = 0
    characters: int = 0
    context: int = 0
    several_annotators: bool = False
    judged: "array[int]" = field(default_factory=lambda: array("q"), compare=False, repr=False)

    @property
    def repeated(self) -> int:
        """Rows with one text whose conversation and response stand in an earlier such row, too."""
        return len(self.judged) - len(np.unique(np.frombuffer(self.judged, dtype=np.int64)))


@dataclass
class Survey:
    """The counts of each layout; one that no row is of has zeros."""

    layouts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def observe(self, row: Row) -> None:
        """Count the texts of one row."""
        for layout, columns in _FEEDBACK_COLUMNS.items():
            if any(row.get(column) is not None for column in columns):
                self._count(layout, row)

    def _count(self, layout: str, row: Row) -> None:
        counts, responses = self.layouts[layout], read_responses(row, layout)
        for response in [] if isinstance(responses, Problem) else responses:
            texts = [text for text in response.feedback if text]
            counts.texts += len(texts)
            counts.characters += sum(map(len, texts))
            counts.context += len(texts) * (_length(response.prompt) + _length(response.completion))
            counts.several_annotators = counts.several_annotators or len(texts) > 1
            if len(texts) == 1 and response.completion is not None:
                counts.judged.append(_hash(response))


def _hash(response: Response) -> int:
    digest = blake2b(repr((response.prompt, response.completion)).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def _length(chat: Chat | None) -> int:
    return sum(len(message["content"]) for message in chat or ())
