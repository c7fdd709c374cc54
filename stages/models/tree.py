"""Tree attention: one row holds prefixes, each followed by the suffixes that share it.

Positions restart after the prefix in every suffix; prefix tokens see the prefix before them, suffix tokens the prefix
and their own suffix. It runs through transformers' attention interface, without a change to any model.

Legend: H query heads, G key heads, D channels of a head, T tokens of a row, P of a prefix, K suffixes, S tokens of the
longest of them, N tokens of all of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from stages.models.cascade import cascade, pack, pad

NAME: Final = "rlbff_tree"

Form = Literal["two_calls", "cascade"]
"""two_calls: suffixes over [prefix, own suffix], which copies the prefix's keys K times. cascade: suffixes over the
prefix as one dense call, over themselves as a small one, merged (cascade.py); faster, trained through on a CPU only."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Where one prefix and its suffixes lie in a row.

    `padded` K x S gives for each place of a padded suffix its token among the N, `packed` N the way back into K * S.
    Padding repeats a suffix's last token; it comes after all that is used, so that causality hides it.
    """

    start: int
    num_prefix: int
    num_suffix: int
    padded: Tensor
    packed: Tensor


@dataclass(frozen=True, eq=False)
class TreeRow:
    """One forward pass: ids and positions 1 x T, the places of the suffixes' last tokens, and the trees."""

    input_ids: Tensor
    position_ids: Tensor
    last: Tensor
    trees: tuple[Tree, ...]


def pack_trees(trees: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]], device: torch.device) -> TreeRow:
    """Lay (prefix, suffixes) one after another into a row. No token is padded; no prefix and no suffix is empty."""
    ids: list[int] = []
    positions: list[int] = []
    last: list[int] = []
    spans = []
    for prefix, suffixes in trees:
        assert prefix
        assert all(suffixes)
        spans.append(_span(len(ids), len(prefix), [len(suffix) for suffix in suffixes], device))
        ids += prefix
        positions += range(len(prefix))
        for suffix in suffixes:
            ids += suffix
            positions += range(len(prefix), len(prefix) + len(suffix))
            last.append(len(ids) - 1)
    ids_row, positions_row = torch.tensor([ids, positions], device=device).unsqueeze(1)
    return TreeRow(ids_row, positions_row, torch.tensor(last, device=device), tuple(spans))


def tree_hidden(decoder: Any, row: TreeRow, form: Form) -> Tensor:  # noqa: ANN401 - transformers' models share no type
    """Return the hidden states after the last norm at the end of every suffix, in their order.

    `decoder` is a model without its head, under `tree_attention`.
    """
    output = decoder(
        input_ids=row.input_ids,
        position_ids=row.position_ids,
        attention_mask=None,
        use_cache=False,
        trees=row.trees,
        tree_form=form,
    )
    hidden: Tensor = output.last_hidden_state[0, row.last]
    return hidden


@contextmanager
def tree_attention(model: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """Let a model attend in trees while the context is open; every forward pass then needs a `TreeRow`."""
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attend_trees(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    trees: Sequence[Tree] | None = None,
    tree_form: Form = "two_calls",
    **others: object,
) -> tuple[Tensor, None]:
    """Attention of a row of trees, in the signature of transformers' attention functions.

    query 1 x H x T x D, key and value 1 x G x T x D; returns 1 x T x H x D.
    """
    assert trees is not None, "a model under tree_attention was called without trees"
    assert attention_mask is None
    assert query.shape[0] == 1
    assert all(others.get(name) is None for name in ("sliding_window", "softcap", "s_aux"))
    # under autocast, norms leave queries and keys in fp32: cast once, not once for each suffix, and to the dtype in
    # which the kernels of the form are faster
    dtype = query.dtype if tree_form == "cascade" else value.dtype
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    parts = []
    for tree in trees:
        middle = tree.start + tree.num_prefix
        before, after = slice(tree.start, middle), slice(middle, middle + tree.num_suffix)
        prefix = [tensor[:, :, before] for tensor in (query, key, value)]
        own = [tensor[0, :, after] for tensor in (query, key, value)]
        parts.append(_causal(prefix, scaling, dropout).transpose(1, 2))
        suffixes = (
            cascade(prefix, own, tree.padded, tree.packed, scaling)
            if tree_form == "cascade"
            else _two_calls(prefix, own, tree, scaling, dropout)
        )
        parts.append(suffixes.unsqueeze(0))
    return torch.cat(parts, dim=1), None


def _causal(prefix: Sequence[Tensor], scale: float | None, dropout: float) -> Tensor:
    query, key, value = prefix
    return scaled_dot_product_attention(
        query,
        key,
        value,
        is_causal=True,
        scale=scale,
        dropout_p=dropout,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _two_calls(
    prefix: Sequence[Tensor], own: Sequence[Tensor], tree: Tree, scale: float | None, dropout: float
) -> Tensor:
    """Suffixes over [prefix, own suffix], N x H x D; the prefix's keys and values are repeated K times."""
    query, own_key, own_value = (pad(tensor, tree.padded) for tensor in own)
    num_suffixes, length = tree.padded.shape
    key = torch.cat([prefix[1].expand(num_suffixes, -1, -1, -1), own_key], dim=2)
    value = torch.cat([prefix[2].expand(num_suffixes, -1, -1, -1), own_value], dim=2)
    # the query heads of one key head stand one below the other, so that no key is repeated for them
    groups = query.shape[1] // key.shape[1]
    mask = torch.ones(length, key.shape[2], dtype=torch.bool, device=query.device).tril(tree.num_prefix)
    folded = query.reshape(num_suffixes, key.shape[1], groups * length, -1)
    out = scaled_dot_product_attention(
        folded, key, value, attn_mask=mask.repeat(groups, 1), scale=scale, dropout_p=dropout
    )
    return pack(out.reshape(num_suffixes, query.shape[1], length, -1), tree.packed)


def _span(start: int, num_prefix: int, lengths: Sequence[int], device: torch.device) -> Tree:
    longest = max(lengths)
    starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    sizes = torch.tensor(lengths)
    places = torch.arange(longest)
    padded = starts[:, None] + torch.minimum(places, sizes[:, None] - 1)
    packed = (places < sizes[:, None]).flatten().nonzero().flatten()
    return Tree(start, num_prefix, sum(lengths), padded.to(device), packed.to(device))


AttentionInterface.register(NAME, attend_trees)  # no mask function under this name, so that no mask is ever built
