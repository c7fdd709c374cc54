"""The loss of an update as frameworks write it: padded matrices, masks, means of means."""

from collections.abc import Sequence

import torch
from torch import Tensor


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of different lengths as a matrix, with the mask of what is no padding; padding is large, to be seen."""
    width = max(len(row) for row in rows) + 2
    matrix = torch.full((len(rows), width), 1e6, dtype=rows[0].dtype)
    mask = torch.zeros_like(matrix)
    for number, row in enumerate(rows):
        matrix[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return matrix, mask


def token_mean(rows: Sequence[Tensor]) -> Tensor:
    matrix, mask = padded(rows)
    return (matrix * mask).sum() / mask.sum()


def sequence_mean(rows: Sequence[Tensor]) -> Tensor:
    matrix, mask = padded(rows)
    return ((matrix * mask).sum(dim=1) / mask.sum(dim=1)).mean()


def constant(rows: Sequence[Tensor], max_new_tokens: int) -> Tensor:
    matrix, mask = padded(rows)
    return (matrix * mask).sum(dim=1).mean() / max_new_tokens


def as_released(
    losses: Sequence[Tensor],
    nll: Sequence[Tensor],
    correct: Sequence[bool],
    micro_batches: Sequence[Sequence[int]],
    coefficient: float,
) -> Tensor:
    """What Kwai-Klear/CE-GPPO @10558fe accumulates over an update (dp_actor.py, 351-431, dynamic batch size)."""
    total = losses[0].new_zeros(())
    for batch in micro_batches:
        loss = token_mean([losses[row] for row in batch])
        right = [nll[row] for row in batch if correct[row]]
        if right:
            loss = loss + coefficient * token_mean(right)
        total = total + loss * (len(batch) / len(losses))
    return total
