"""Scored principle rows for tests."""

import math
import random
from typing import Any

from stages.core.chat import Message
from stages.eval.scored_rows import ScoredRow, read


def user(text: str) -> tuple[Message, ...]:
    """A conversation of one message."""
    return (Message("user", text),)


def scored_row(prompt: str, completion: str, principle: str, label: bool, score: float | None = None) -> ScoredRow:
    """One row, read."""
    return read(table_row(prompt, completion, principle, label, score), "x")


def table_row(prompt: str, completion: str, principle: str, label: bool, score: float | None = None) -> dict[str, Any]:
    """One row as it stands in a file."""
    row = {"id": prompt, "prompt": prompt, "completion": completion, "principle": principle, "label": label}
    return row if score is None else row | {"score": score}


def calibrated_rows(count: int, seed: int, factor: float = 1.0) -> list[dict[str, Any]]:
    """Rows, two a conversation, whose labels are drawn with p = sigmoid(score / factor)."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        odds = draw.gauss(0.5, 1.5)
        label = draw.random() < 1 / (1 + math.exp(-odds))
        rows.append(table_row(f"prompt {number // 2}", f"answer {number}", "clarity", label, odds * factor))
    return rows
