"""Keys and values of rows that grow side by side, and the attention that reads them, for sampler.py.

All rows end in the same column; a shorter one begins later, and what lies before it is hidden. So a new token has the
same column in every row, and the rows of a sliding window are its last columns, whatever the row. It runs through
transformers' attention interface, without a change to any model, and no mask is built where all rows begin together.

Legend: B rows, H query heads, G key heads, D channels of a head, T new tokens, C columns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME: Final = "rlbff_sampling"

Layers = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, both B x G x C x D."""


class Source(NamedTuple):
    """Rows to be taken over: `rows` of `layers`, with the `width` columns before `end`."""

    layers: Layers
    rows: Tensor
    end: int
    width: int


class RowCache:
    """What the tokens so far left behind, in the interface that models expect of transformers' caches.

    `end`: columns filled. The first tokens come in one forward pass, whose keys are kept as they are.
    """

    def __init__(self, layers: Layers | None = None, end: int = 0) -> None:
        self.layers: Layers = [] if layers is None else layers
        self.end = end

    @property
    def capacity(self) -> int:
        """Columns that there is room for."""
        return self.layers[0][0].shape[2] if self.layers else 0

    def update(self, key: Tensor, value: Tensor, layer_idx: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write B x G x T x D keys and values behind the last column; return all up to them."""
        key = key.to(value.dtype)  # under autocast, norms leave keys in fp32
        if layer_idx == len(self.layers):
            assert self.end == 0
            self.layers.append((key, value))
            return key, value
        keys, values = self.layers[layer_idx]
        behind = self.end + key.shape[2]
        keys[:, :, self.end : behind] = key
        values[:, :, self.end : behind] = value
        return keys[:, :, :behind], values[:, :, :behind]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Columns filled, by the name that models know."""
        return self.end


def gather(sources: Sequence[Source], capacity: int) -> RowCache:
    """A cache of the sources' rows, in their order, which all end in the column of the widest one."""
    end = max(source.width for source in sources)
    layers: Layers = []
    for layer in range(len(sources[0].layers)):
        keys, values = (_gathered(sources, layer, part, end, capacity) for part in (0, 1))
        layers.append((keys, values))
    return RowCache(layers, end)


def _gathered(sources: Sequence[Source], layer: int, part: int, end: int, capacity: int) -> Tensor:
    like = sources[0].layers[layer][part]
    num_rows = sum(len(source.rows) for source in sources)
    # zeros, since what is hidden is multiplied by 0, which leaves NaN as it is
    result = like.new_zeros(num_rows, like.shape[1], capacity, like.shape[3])
    at = 0
    for source in sources:
        columns = source.layers[layer][part][:, :, source.end - source.width : source.end]
        result[at : at + len(source.rows), :, end - source.width : end] = columns.index_select(0, source.rows)
        at += len(source.rows)
    return result


@contextmanager
def sampling_attention(model: Any) -> Iterator[None]:  # noqa: ANN401 - transformers' models share no useful type
    """Let a model attend to a `RowCache` while the context is open."""
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    seen: Tensor | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """Attention of the last T columns to all, in the signature of transformers' attention functions.

    query B x H x T x D, key and value B x G x C x D; T is 1, or C in the first pass. `seen` B x 1 x 1 x C says which
    columns belong to a row, None for all. Returns B x T x H x D.
    """
    assert attention_mask is None
    assert dropout == 0.0
    assert others.get("s_aux") is None
    num_rows, num_heads, length, _ = query.shape
    columns = key.shape[2]
    assert length in (1, columns)
    query, mask = query.to(value.dtype), seen
    if sliding_window is not None and columns > sliding_window:
        if length == 1:
            key, value = key[:, :, -sliding_window:], value[:, :, -sliding_window:]
            mask = None if seen is None else seen[..., -sliding_window:]
        else:
            full = torch.ones(length, columns, dtype=torch.bool, device=query.device)
            mask = full.tril() & ~full.tril(-sliding_window)
    groups = num_heads // key.shape[1]
    if softcap is not None:
        return _capped(query, key, value, mask, scaling, softcap), None
    if length == 1:
        # the query heads of one key head stand one below the other, so that no key is repeated for them
        query = query.reshape(num_rows, key.shape[1], groups, -1)
        out = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
        return out.reshape(num_rows, 1, num_heads, -1), None
    causal = mask is None
    out = scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=scaling, enable_gqa=groups > 1
    )
    return out.transpose(1, 2).contiguous(), None


def _capped(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float | None, cap: float) -> Tensor:
    """Attention whose scores are cap * tanh(scores / cap), as in Gemma 2; step by step, for no kernel knows the cap."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (scale if scale is not None else query.shape[3] ** -0.5)
    scores = torch.tanh(scores / cap) * cap
    if mask is None and query.shape[2] > 1:
        mask = torch.ones(scores.shape[2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    out = scores.softmax(dim=3, dtype=torch.float32).to(value.dtype) @ value
    return out.transpose(1, 2).contiguous()


AttentionInterface.register(NAME, attend)  # no mask function under this name, so that no mask is ever built
