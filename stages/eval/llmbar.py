"""LLMBar: which of two outputs follows the instruction, also where the worse one looks better (arXiv 2310.07641)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from stages.core.inputs import stem
from stages.core.rows import Row
from stages.eval.answers import Answer, answer
from stages.eval.fields import choice_field, messages_field, numbers_field, text_field
from stages.eval.measured import Measured, grouped_means


class Pair(NamedTuple):
    """Two outputs, the number (0 or 1) of the better one, and their scores."""

    answers: tuple[Answer, ...]
    part: str
    better: int
    scores: tuple[float, ...] | None


def read(row: Row, file: str) -> Pair:
    """A row of `dataset.json`; scores where it has a list `scores`. The part is the folder that the file lies in."""
    prompt = messages_field(row, "input")
    answers = tuple(answer(prompt, text_field(row, name)) for name in ("output_1", "output_2"))
    scores = numbers_field(row, "scores", 2) if row.get("scores") is not None else None
    return Pair(answers, _part(file), choice_field(row, "label", (1, 2)) - 1, scores)


def measure(items: Sequence[Pair]) -> Measured:
    """Accuracy (ties are wrong) and ties, over all pairs and by part."""
    scores = np.array([item.scores for item in items], dtype=np.float64)
    better = np.array([item.better for item in items])
    rows = np.arange(len(items))
    right = scores[rows, better] > scores[rows, 1 - better]
    values = {"accuracy": right.astype(np.float64), "ties": (scores[:, 0] == scores[:, 1]).astype(np.float64)}
    return replace(grouped_means(values, [item.part for item in items]), right=right)


def _part(file: str) -> str:
    folders = file.replace("\\", "/").split("/")[:-1]
    return folders[-1] if folders and stem(file) == "dataset" else stem(file)
