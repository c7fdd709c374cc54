"""Scores of pairs one forward pass at a time, from the logits of the whole vocabulary, without padding or sharing."""

from collections.abc import Sequence
from typing import Any

import torch


def log_odds_one_by_one(model: Any, rows: Sequence[Sequence[int]], yes: int, no: int) -> torch.Tensor:
    """log p(yes) - log p(no) after each row of tokens."""
    scores = []
    for row in rows:
        log_probs = model(input_ids=torch.tensor([list(row)])).logits[0, -1].float().log_softmax(dim=0)
        scores.append(log_probs[yes] - log_probs[no])
    return torch.stack(scores)


def mass_one_by_one(model: Any, rows: Sequence[Sequence[int]], yes: int, no: int) -> list[float]:
    """p(yes) + p(no) after each row of tokens."""
    probs = [model(input_ids=torch.tensor([list(row)])).logits[0, -1].float().softmax(dim=0) for row in rows]
    return [float(row[yes] + row[no]) for row in probs]
