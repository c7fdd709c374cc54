"""The gradient of one optimiser step, from micro-batches of rows whose tokens already have their weights.

How rows are weighted and dealt is decided before, and what is done with the gradient after; see loop.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.models.head_entropy import OutputHead
from stages.models.packing import packed_attention
from stages.train_policy.arrays import Floats, Objective, TokenBatch, TokenStats, TrainRow
from stages.train_policy.forward import completion_tokens, policy_hidden
from stages.train_policy.fused import FusedOutput, fused_policy_loss, head_log_probs
from stages.train_policy.loss import sequence_log_ratio


class UpdateResult(NamedTuple):
    """The loss of all rows, and what was noticed of their tokens in the order of the rows."""

    loss: float
    stats: TokenStats


def accumulate(
    model: Any,  # noqa: ANN401 - transformers' models share no useful type
    head: OutputHead,
    rows: Sequence[TrainRow],
    objective: Objective,
    *,
    temperature: float,
    batches: Sequence[Sequence[int]],
    autocast: torch.dtype | None,
) -> UpdateResult:
    """Add the gradient of the loss of all rows to `.grad` of the model's parameters.

    `batches` hold the row numbers of each forward and backward pass, each row once. The weight of a token comes with
    its row, so that any split gives the same gradient up to rounding. `head` is the model's own (`output_head`), and
    the other arguments are those of `log_probs`, with which `old` of the rows was made. Rows of an objective with a KL
    term have `reference`.
    """
    assert sorted(row for batch in batches for row in batch) == [*range(len(rows))]
    loss = 0.0
    found: list[tuple[NDArray[Any], ...]] = []
    with packed_attention(model):
        for numbers in batches:
            chosen = [rows[number] for number in numbers]
            with torch.autocast(model.device.type, autocast, enabled=autocast is not None):
                output = _loss(model, head, chosen, objective, temperature)
            output.loss.backward()  # type: ignore[no-untyped-call]
            loss += float(output.loss.detach())
            found.append(_noticed(output))
    return UpdateResult(loss, _stats(rows, batches, found))


def _loss(
    model: Any,  # noqa: ANN401 - as above
    head: OutputHead,
    rows: Sequence[TrainRow],
    objective: Objective,
    temperature: float,
) -> FusedOutput:
    pairs = [(row.prompt_ids, row.completion_ids) for row in rows]
    hidden = policy_hidden(model, pairs)
    batch = _token_batch(rows, objective, completion_tokens(model, pairs))
    if objective.sequence_ratio:
        # the ratio needs the whole row, hence one more product than the fused pass has
        logp = head_log_probs(hidden, head, batch.targets, temperature=temperature).logp
        lengths = [len(row.completion_ids) for row in rows]
        batch = batch._replace(ratio=sequence_log_ratio(logp, batch.old, lengths))
    return fused_policy_loss(hidden, head, batch, objective, temperature=temperature)


def _token_batch(rows: Sequence[TrainRow], objective: Objective, targets: Tensor) -> TokenBatch:
    assert all(len(row.old) == len(row.completion_ids) for row in rows)
    device = targets.device
    sizes = torch.tensor([len(row.completion_ids) for row in rows])

    def spread(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32).repeat_interleave(sizes).to(device)

    def join(values: Sequence[Floats]) -> Tensor:
        return torch.from_numpy(np.concatenate(values)).to(device)

    reference = None
    if objective.kl > 0:
        known = [row.reference for row in rows if row.reference is not None]
        assert len(known) == len(rows), "an objective with a KL term needs the reference's log-probabilities"
        reference = join(known)
    return TokenBatch(
        targets=targets,
        old=join([row.old for row in rows]),
        advantage=spread([row.advantage for row in rows]),
        weight=spread([row.weight for row in rows]),
        reference=reference,
        nll_weight=spread([row.nll_weight for row in rows]) if objective.nll else None,
    )


_MEASURED: Final = ("logp", "entropy", "sum_p2", "sum_p2_logp")
_OF_THE_LOSS: Final = ("factor", "value", "surrogate", "region")


def _noticed(output: FusedOutput) -> tuple[NDArray[Any], ...]:
    """The arrays of `_MEASURED` and `_OF_THE_LOSS`."""
    tensors = [getattr(output, name) for name in _MEASURED] + [getattr(output.token, name) for name in _OF_THE_LOSS]
    return tuple(tensor.cpu().numpy() for tensor in tensors)


def _stats(
    rows: Sequence[TrainRow], batches: Sequence[Sequence[int]], found: Sequence[tuple[NDArray[Any], ...]]
) -> TokenStats:
    sizes = [len(row.completion_ids) for row in rows]
    tokens = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    places = np.concatenate([tokens[number] for batch in batches for number in batch])
    joined: dict[str, NDArray[Any]] = {}
    for name, parts in zip(_MEASURED + _OF_THE_LOSS, zip(*found, strict=True), strict=True):
        values = joined[name] = np.empty(len(places), np.int8 if name == "region" else np.float32)
        values[places] = np.concatenate(parts)
    return TokenStats(
        old=np.concatenate([row.old for row in rows]),
        advantage=np.repeat(np.array([row.advantage for row in rows], np.float32), sizes),
        weight=np.repeat(np.array([row.weight for row in rows], np.float32), sizes),
        row=np.repeat(np.arange(len(rows)), sizes),
        **joined,
    )
