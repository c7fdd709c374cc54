"""Attention of suffixes over the prefix that they share, and over themselves, each read once, and merged.

The two softmaxes have a normaliser each; their logarithms say how much of the whole each of them is. Both directions
use kernels that never hold a table of scores. How suffixes lie in a row is in tree.py.

Legend: H query heads, G key heads, D channels of a head, P tokens of a prefix, K suffixes, S tokens of the longest of
them, N tokens of all of them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stages.models.flash import attend, attend_backward


def cascade(
    prefix: Sequence[Tensor], own: Sequence[Tensor], padded: Tensor, packed: Tensor, scale: float | None
) -> Tensor:
    """Return what the suffixes see, N x H x D. Its gradient is computed on a CPU only.

    `prefix` are queries 1 x H x P x D, keys and values 1 x G x P x D of the prefix, `own` H x N x D and G x N x D of
    the suffixes; `padded` K x S and `packed` N as in `Tree`.
    """
    out: Tensor = _Cascade.apply(*own, *prefix[1:], padded, packed, scale)  # type: ignore[no-untyped-call]
    return out


def pad(tensor: Tensor, padded: Tensor) -> Tensor:
    """Heads x N (x D) to K x heads x S (x D)."""
    return tensor[:, padded].transpose(0, 1)


def pack(tensor: Tensor, packed: Tensor) -> Tensor:
    """K x H x S (x D) to N x H (x D)."""
    return tensor.transpose(1, 2).flatten(0, 1)[packed]


class _Cascade(torch.autograd.Function):
    """Forward: two calls, merged. Backward: the same two calls, each with the output and the normaliser of the whole,
    by which a flash kernel finds the gradient of its part.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch gives it no useful type
        query: Tensor,
        own_key: Tensor,
        own_value: Tensor,
        key: Tensor,
        value: Tensor,
        padded: Tensor,
        packed: Tensor,
        scale: float | None,
    ) -> Tensor:
        heads, num_tokens, channels = query.shape
        groups = heads // key.shape[1]
        over_prefix, prefix_mass = attend(_fold(query, groups), key, value, causal=False, scale=scale)
        own = _own(query, own_key, own_value, padded)
        over_own, own_mass = attend(*own, causal=True, scale=scale)
        first = over_prefix.reshape(heads, num_tokens, channels).transpose(0, 1).float()
        second = pack(over_own, packed).float()
        one, two = prefix_mass.reshape(heads, num_tokens).T, pack(own_mass, packed)
        share = torch.sigmoid(one - two).unsqueeze(-1)
        out = (second + share * (first - second)).to(query.dtype)
        ctx.scale = scale
        ctx.save_for_backward(query, own_key, own_value, key, value, padded, packed, out, torch.logaddexp(one, two))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as above
        query, own_key, own_value, key, value, padded, packed, out, mass = ctx.saved_tensors
        groups = query.shape[0] // key.shape[1]
        grad, out, mass = grad.transpose(0, 1), out.transpose(0, 1), mass.T
        whole = (_fold(out, groups), _fold(mass, groups))
        queries, keys, values = attend_backward(
            _fold(grad, groups), _fold(query, groups), key, value, *whole, causal=False, scale=ctx.scale
        )
        own = _own(query, own_key, own_value, padded)
        whole = (pad(out, padded), pad(mass, padded))
        parts = attend_backward(_unpack(grad, padded, packed), *own, *whole, causal=True, scale=ctx.scale)
        own_queries, own_keys, own_values = (pack(tensor, packed).transpose(0, 1) for tensor in parts)
        return (
            queries.reshape(query.shape) + own_queries,
            own_keys.reshape(-1, groups, *query.shape[1:]).sum(dim=1),
            own_values.reshape(-1, groups, *query.shape[1:]).sum(dim=1),
            keys,
            values,
            *(None, None, None),
        )


def _fold(tensor: Tensor, groups: int) -> Tensor:
    """H x N (x D) to 1 x G x groups * N (x D): the query heads of one key head stand one below the other."""
    return tensor.reshape(1, -1, groups * tensor.shape[1], *tensor.shape[2:])


def _own(query: Tensor, key: Tensor, value: Tensor, padded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The suffixes padded, K x H x S x D, each key head once for each of its query heads."""
    groups = len(query) // len(key)
    keys, values = key.repeat_interleave(groups, 0), value.repeat_interleave(groups, 0)
    return pad(query, padded), pad(keys, padded), pad(values, padded)


def _unpack(grad: Tensor, padded: Tensor, packed: Tensor) -> Tensor:
    """H x N x D to K x H x S x D with zeros where a suffix is padded, since nothing of these places is used."""
    num_suffixes, length = padded.shape
    spread = grad.new_zeros(num_suffixes * length, grad.shape[0], grad.shape[2])
    spread[packed] = grad.transpose(0, 1)
    return spread.view(num_suffixes, length, *spread.shape[1:]).transpose(1, 2)
