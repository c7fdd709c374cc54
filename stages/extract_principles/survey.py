"""What the pass over the input tells of the feedback in it: how many texts and characters, and how many annotators.

It looks at columns by name, in every layout at once, since the layout is not settled while the pass runs.
"""

from dataclasses import dataclass
from typing import Final

from stages.core.rows import Row

_FEEDBACK_COLUMNS: Final = ("feedback", "feedback1", "feedback2")


@dataclass
class Survey:
    """Counts over the rows seen: texts, their characters, and whether a response has two annotators or more."""

    texts: int = 0
    characters: int = 0
    several_annotators: bool = False

    def observe(self, row: Row) -> None:
        """Count the texts of one row."""
        for column in _FEEDBACK_COLUMNS:
            value = row.get(column)
            if isinstance(value, str):
                self._count([value])
            elif isinstance(value, list):
                self._count(value)
        annotators = row.get("individual_preference")
        if isinstance(annotators, list):
            for column in ("feedback1", "feedback2"):
                self._count([one.get(column) for one in annotators if isinstance(one, dict)])

    def _count(self, values: list[object]) -> None:
        texts = [value for value in values if isinstance(value, str) and value.strip()]
        self.texts += len(texts)
        self.characters += sum(map(len, texts))
        self.several_annotators = self.several_annotators or len(texts) > 1
