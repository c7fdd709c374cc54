"""Completions through the policy: the hidden states that predict their tokens, and log-probabilities from these.

Several rows share a forward pass without padding where the model allows it (stages/models/packing.py). What a loss
makes of the hidden states is in fused.py and update.py.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.models.encoding import Ids
from stages.models.head_entropy import OutputHead
from stages.models.packing import NAME, can_pack, hidden_by_length, packed_attention, packed_hidden
from stages.train_policy.arrays import Floats
from stages.train_policy.fused import head_log_probs

Pair = tuple[Ids, Ids]
"""The tokens of a prompt, of which there is at least one, and those of the completion."""


class RowStats(NamedTuple):
    """Of each token of one completion: its log-probability, and the entropy in nats of the choice it came from."""

    logp: Floats
    entropy: Floats


def micro_batches(lengths: Sequence[int], micro_tokens: int) -> list[list[int]]:
    """Return row numbers in forward passes of at most `micro_tokens` tokens; each row once, a longer one alone.

    First-fit decreasing: the longest first, each into the first pass with room. Passes are ordered by their first row,
    and rows within a pass by number.
    """
    assert micro_tokens > 0
    batches: list[list[int]] = []
    room: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        length = lengths[row]
        place = next((n for n, left in enumerate(room) if length <= left), None)
        if place is None:
            place = len(batches)
            batches.append([])
            room.append(micro_tokens)
        batches[place].append(row)
        room[place] -= length
    return sorted(sorted(batch) for batch in batches)


def policy_hidden(model: Any, rows: Sequence[Pair]) -> Tensor:  # noqa: ANN401 - transformers' models share no useful type
    """Return the hidden states T x D after the last norm that predict the T tokens of all completions, in order.

    One forward pass, under `packed_attention`, which has to be open during the backward pass as well: gradient
    checkpointing computes attention again there. A model that cannot pack reads rows of one length at a time.
    """
    assert rows
    assert all(prompt and completion for prompt, completion in rows)
    texts = [prompt + completion for prompt, completion in rows]
    if can_pack(model):
        assert model.config._attn_implementation == NAME, "policy_hidden was called outside packed_attention"
        hidden = packed_hidden(model, texts)
    else:
        hidden = hidden_by_length(model, texts)
    places: list[int] = []
    start = 0
    for prompt, completion in rows:
        # the hidden state at a token makes the logits of the token after it
        first = start + len(prompt) - 1
        places += range(first, first + len(completion))
        start += len(prompt) + len(completion)
    return hidden[torch.tensor(places, device=hidden.device)]


@torch.no_grad()
def log_probs(
    model: Any,  # noqa: ANN401 - as above
    head: OutputHead,
    rows: Sequence[Pair],
    *,
    temperature: float,
    micro_tokens: int,
    autocast: torch.dtype | None,
) -> list[RowStats]:
    """Return what the policy says of each row's completion, in their order; prompts and completions are not empty.

    The softmax is that of logits / temperature. `micro_tokens` bound a forward pass, `autocast` is the dtype of its
    products, None for that of the weights.
    """
    found: dict[int, RowStats] = {}
    lengths = [len(prompt) + len(completion) for prompt, completion in rows]
    with packed_attention(model), torch.autocast(model.device.type, autocast, enabled=autocast is not None):
        for batch in micro_batches(lengths, micro_tokens):
            pairs = [rows[row] for row in batch]
            stats = head_log_probs(
                policy_hidden(model, pairs), head, completion_tokens(model, pairs), temperature=temperature
            )
            logp, entropy = (part.float().cpu().numpy() for part in stats)
            ends = np.cumsum([len(completion) for _, completion in pairs])[:-1]
            for row, *parts in zip(batch, np.split(logp, ends), np.split(entropy, ends), strict=True):
                found[row] = RowStats(*parts)
    return [found[row] for row in range(len(rows))]


def completion_tokens(model: Any, rows: Sequence[Pair]) -> Tensor:  # noqa: ANN401 - as above
    """The completions' tokens (T,) in the order of `policy_hidden`, on the model's device."""
    return torch.tensor([token for _, completion in rows for token in completion], device=model.device)
