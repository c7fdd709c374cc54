"""Attention that also returns the log-sum-exp of its scores, which torch's public function keeps to itself.

Its gradient is a function of its own, for those who merge several such attentions.
"""

import torch
from torch import Tensor


def attend(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, scale: float | None) -> tuple[Tensor, Tensor]:
    """Return softmax attention B x H x Q x D and the log-sum-exp of its scores B x H x Q in fp32.

    query B x H x Q x D, key and value B x H x T x D; `causal` needs Q = T. A `scale` of None is 1 / sqrt(D).
    """
    assert query.shape[:2] == key.shape[:2]
    assert key.shape == value.shape
    assert not causal or query.shape == key.shape
    if query.device.type == "cpu":
        out, mass = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, causal, scale=scale
        )
    elif query.device.type == "cuda" and query.dtype != torch.float32 and query.shape[-1] % 8 == 0:
        out, mass = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value, 0.0, causal, scale=scale)[:2]
    else:
        out, mass = _plain(query, key, value, causal=causal, scale=scale)
    assert mass.shape == query.shape[:3]
    return out, mass


def attend_backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    mass: Tensor,
    *,
    causal: bool,
    scale: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of `query`, `key` and `value` on a CPU, given that of the output.

    `out` and `mass` are those of `attend`; or of attention over more keys than these, which gives these keys' part.
    """
    assert query.device.type == "cpu"
    assert grad.shape == out.shape == query.shape
    assert mass.shape == query.shape[:3]
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    gradients: tuple[Tensor, Tensor, Tensor] = kernel(
        grad.contiguous(), query, key, value, out.contiguous(), mass.contiguous(), 0.0, causal, scale=scale
    )
    return gradients


def _plain(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, scale: float | None) -> tuple[Tensor, Tensor]:
    """The same from its definition, with a Q x T table of scores."""
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query.float() @ key.float().transpose(2, 3) * factor
    if causal:
        size = query.shape[2]
        hidden = torch.ones(size, size, dtype=torch.bool, device=query.device).triu(1)
        scores = scores.masked_fill(hidden, float("-inf"))
    mass = scores.logsumexp(dim=-1)
    return ((scores - mass.unsqueeze(-1)).exp() @ value.float()).to(query.dtype), mass
