"""Several texts in one row of a forward pass, none of which sees another: positions restart, attention is by blocks.

It runs through transformers' attention interface, without a change to any model and without a mask: a causal call for
each text, so that the work is that of the texts alone, whatever else is in the row.

Legend: H query heads, G key heads, D channels of a head, T tokens of a row.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from stages.models.attention_plan import plan_attention
from stages.models.encoding import Ids

NAME: Final = "rlbff_packed"

T = TypeVar("T")


def packed_rows(texts: Iterable[T], num_tokens: Callable[[T], int], limit: int) -> Iterator[list[T]]:
    """Texts in their order, as many at a time as have at most `limit` tokens; a longer one is alone."""
    row: list[T] = []
    used = 0
    for text in texts:
        if row and used + num_tokens(text) > limit:
            yield row
            row, used = [], 0
        row.append(text)
        used += num_tokens(text)
    if row:
        yield row


def can_pack(model: Any) -> bool:  # noqa: ANN401 - transformers' models share no useful type
    """Whether texts in one row are read as they would be alone: all layers have full attention of the plain kind."""
    return plan_attention(model.config).kind == "tree"


def packed_hidden(model: Any, row: Sequence[Ids]) -> Tensor:  # noqa: ANN401 - as above
    """Return the hidden states T x C after the last norm, of the texts one behind the other; none is empty.

    A model that cannot pack takes one text. One that can is under `packed_attention`.
    """
    assert row
    assert all(row)
    if not can_pack(model):
        assert len(row) == 1
        ids = torch.tensor(row, device=model.device)
        alone: Tensor = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[0]
        return alone
    ids = torch.tensor([[token for text in row for token in text]], device=model.device)
    positions = torch.cat([torch.arange(len(text)) for text in row]).unsqueeze(0).to(model.device)
    output = model.get_decoder()(
        input_ids=ids,
        position_ids=positions,
        attention_mask=None,
        use_cache=False,
        lengths=[len(text) for text in row],
    )
    hidden: Tensor = output.last_hidden_state[0]
    return hidden


def hidden_by_length(model: Any, texts: Sequence[Ids]) -> Tensor:  # noqa: ANN401 - as above
    """Return what `packed_hidden` does, from a model that cannot pack: texts of one length share a forward pass.

    Without padding, for the positions of some families depend on the longest text of a pass.
    """
    assert texts
    assert all(texts)
    alike: dict[int, list[int]] = {}
    for number, text in enumerate(texts):
        alike.setdefault(len(text), []).append(number)
    found: dict[int, Tensor] = {}
    for numbers in alike.values():
        ids = torch.tensor([texts[number] for number in numbers], device=model.device)
        states = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
        found |= zip(numbers, states.unbind(), strict=True)
    return torch.cat([found[number] for number in range(len(texts))])


@contextmanager
def packed_attention(model: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Let a model attend by texts while the context is open, if it can."""
    if not can_pack(model):
        with nullcontext():
            yield
        return
    before = model.config._attn_implementation
    # the attribute, which sets those of all parts: the method goes through all modules, a millisecond in small models
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before


def attend_packed(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    lengths: Sequence[int] | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """Causal attention of each text, in the signature of transformers' attention functions.

    query 1 x H x T x D, key and value 1 x G x T x D; returns 1 x T x H x D. `lengths` of the texts add up to T.
    """
    assert lengths is not None, "a model under packed_attention was called without lengths"
    assert attention_mask is None
    assert query.shape[0] == 1
    assert query.shape[2] == sum(lengths)
    assert all(others.get(name) is None for name in ("sliding_window", "softcap", "s_aux"))
    grouped = query.shape[1] != key.shape[1]
    # split, whose backward pass is one cat: that of a slice would fill the whole row with zeros for each text
    queries, keys, values = (torch.split(part, list(lengths), dim=2) for part in (query, key, value))
    parts = [
        scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=grouped)
        for q, k, v in zip(queries, keys, values, strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2), None


AttentionInterface.register(NAME, attend_packed)  # no mask function under this name, so that no mask is ever built
