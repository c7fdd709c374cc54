"""The losses of reward models, as functions of scores; how they are summed over a step is in trainer.py.

Legend: N rows, M pairs, V vocabulary. A score s is the log-odds of Yes over No, or the output of a scalar head. q is
the soft label of a row, the share of annotators who say yes. sigma(x) = 1 / (1 + exp(-x)).
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def bce(scores: Tensor, targets: Tensor) -> Tensor:
    """Return -q ln sigma(s) - (1 - q) ln sigma(-s) of each row, N. Its least value is the entropy of q, at
    sigma(s) = q: a proper score.
    """
    assert scores.shape == targets.shape
    return binary_cross_entropy_with_logits(scores, targets, reduction="none")


def brier(scores: Tensor, targets: Tensor) -> Tensor:
    """Return (sigma(s) - q)^2 of each row, N: proper too, and bounded by 1, so that one wrong label costs little."""
    assert scores.shape == targets.shape
    return (torch.sigmoid(scores) - targets).square()


def full_vocab(logits: Tensor, targets: Tensor, yes: int, no: int) -> Tensor:
    """Return the cross-entropy -q ln p(Yes) - (1 - q) ln p(No) of each row, N, for logits N x V of the answer token.

    It differs from `bce` in that all other tokens are pushed down too.
    """
    assert logits.ndim == 2
    assert logits.shape[:1] == targets.shape
    return logits.logsumexp(dim=1) - targets * logits[:, yes] - (1 - targets) * logits[:, no]


def pair_loss(better: Tensor, worse: Tensor, margin: Tensor) -> Tensor:
    """Return -ln sigma(r_better - r_worse - m) of each pair, M: Bradley-Terry with a margin (m = 0: without)."""
    assert better.shape == worse.shape == margin.shape
    return -logsigmoid(better - worse - margin)
