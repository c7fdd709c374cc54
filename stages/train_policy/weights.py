"""The weight of each token in the loss of an update, from the true lengths of all its completions.

They are fixed before the update, so that gradients do not depend on how it is cut into micro-batches; except under
`micro-batch-mean`, which is what the released code of CE-GPPO does.

Legend: R rows (completions) of an update, T_i tokens of row i. All its devices' rows, where there are several.
"""

from collections.abc import Sequence

from stages.train_policy.config import Aggregation


def token_weights(
    lengths: Sequence[int], aggregate: Aggregation, *, micro_batches: Sequence[Sequence[int]], max_new_tokens: int
) -> list[float]:
    """Return the weight of each token of each row, R numbers.

    `token-mean` 1 / sum T (DAPO, arXiv 2503.14476); `sequence-mean` 1 / (R T_i) (GRPO, arXiv 2402.03300);
    `constant` 1 / (R max_new_tokens) (Dr. GRPO, arXiv 2503.20783), the one whose weights do not add up to 1;
    `micro-batch-mean` the mean over the tokens of each of the `micro_batches` (numbers of rows, each row once), times
    its share of rows: dp_actor.py of Kwai-Klear/CE-GPPO @10558fe, lines 426-431.
    """
    assert lengths
    assert min(lengths) > 0
    if aggregate == "token-mean":
        return [1 / sum(lengths)] * len(lengths)
    if aggregate == "sequence-mean":
        return [1 / (len(lengths) * length) for length in lengths]
    if aggregate == "constant":
        return [1 / (len(lengths) * max_new_tokens)] * len(lengths)
    return _within(micro_batches, lengths, [True] * len(lengths))


def nll_weights(
    lengths: Sequence[int], correct: Sequence[bool], aggregate: Aggregation, *, micro_batches: Sequence[Sequence[int]]
) -> list[float]:
    """Return the weight of -log p of each token of each row, R numbers, without the coefficient; 0 for wrong rows.

    The mean over all tokens of right completions; under `micro-batch-mean` that mean within each micro-batch, weighted
    by the share of all its rows (lines 351-356 and 409-431 of the same file).
    """
    assert len(lengths) == len(correct)
    whole = [range(len(lengths))]
    return _within(micro_batches if aggregate == "micro-batch-mean" else whole, lengths, correct)


def _within(batches: Sequence[Sequence[int]], lengths: Sequence[int], counted: Sequence[bool]) -> list[float]:
    """Weights that give the mean over the counted tokens of each batch, times its share of rows."""
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    weights = [0.0] * len(lengths)
    for batch in batches:
        tokens = sum(lengths[row] for row in batch if counted[row])
        for row in batch:
            if counted[row]:
                weights[row] = len(batch) / (len(lengths) * tokens)
    return weights
