"""What one micro-batch loses: the losses of its rows and of its pairs, from what the module gives."""

from typing import NamedTuple

from torch import Tensor, tensor

from stages.models.answer_tokens import AnswerTokens
from stages.train_rm.batch import MicroBatch
from stages.train_rm.config import Loss
from stages.train_rm.losses import bce, brier, full_vocab, pair_loss

_ON_SCORES = {"bce": bce, "brier": brier}


class BatchLosses(NamedTuple):
    """One loss a target and one a pair, in their order; either may be empty."""

    rows: Tensor
    pairs: Tensor


def batch_losses(output: Tensor, batch: MicroBatch, loss: Loss, answers: AnswerTokens | None) -> BatchLosses:
    """Return the losses of a micro-batch.

    `output` has one entry a suffix: scores N, or with the loss `full-vocab` logits N x V, whose scores are the
    differences of the columns of `answers`.
    """
    assert len(output) == sum(len(tree.suffixes) for tree in batch.trees)
    targets = tensor(batch.targets, dtype=output.dtype, device=output.device)
    if output.ndim == 2:
        assert loss == "full-vocab"
        assert answers is not None
        scores = output[:, answers.yes] - output[:, answers.no]
        rows = full_vocab(output, targets, answers.yes, answers.no) if batch.targets else scores[:0]
    else:
        scores = output
        rows = _ON_SCORES[loss](scores, targets) if batch.targets else scores[:0]
    better = scores[[pair.better for pair in batch.pairs]]
    worse = scores[[pair.worse for pair in batch.pairs]]
    return BatchLosses(rows, pair_loss(better, worse, better.new_tensor([pair.margin for pair in batch.pairs])))


def weigh(losses: BatchLosses, num_rows: int, num_pairs: int, pair_weight: float) -> Tensor:
    """Return a micro-batch's part of its step's loss: sum of rows / `num_rows` + `pair_weight` * sum of pairs /
    `num_pairs`, where the two numbers count those of the whole step.
    """
    return losses.rows.sum() / max(num_rows, 1) + pair_weight * losses.pairs.sum() / max(num_pairs, 1)
