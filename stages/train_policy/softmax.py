"""The softmax of an output layer's logits, chunk by chunk of the tokens, in memory that all chunks share.

What is made of it is in fused.py. Nothing here has a gradient.

Legend: D channels of a hidden state, V vocabulary, n tokens of a chunk, k of a block in it.
"""

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead

CHUNK: Final = {"cpu": 256, "cuda": 4096}
"""Tokens of a product: each chunk reads and writes the whole gradient of the weights, and has its logits in memory."""

_BLOCK: Final = {"cpu": 2**20, "cuda": 2**24}
"""Logits that are gone through at a time: on a CPU as many as stay in its cache between two operations."""


BITS: Final = math.log2(math.e)


class Sums(NamedTuple):
    """What is known of k rows of logits: e^(z - m), its product with (z - m) log2 e, both k x V, and sums (k,).

    `moments` are None where they were not to be kept.
    """

    powers: Tensor
    moments: Tensor | None
    mass: Tensor
    logp: Tensor
    entropy: Tensor
    sum_p2: Tensor
    sum_p2_logp: Tensor


class Softmax:
    """Logits of a chunk and their softmax, in memory that all chunks share: fresh pages would cost as much as the sums.

    The product is overwritten by its powers, and those by the gradient, block by block.
    """

    def __init__(self, hidden: Tensor, head: OutputHead, size: int, temperature: float, dtype: torch.dtype) -> None:
        num_words = len(head.weight)
        sums = sum_dtype(dtype)
        self._block = max(1, min(size, _BLOCK.get(hidden.device.type, _BLOCK["cuda"]) // num_words))
        self._head, self._temperature = head, temperature
        self._product = hidden.new_empty((size, num_words), dtype=dtype)
        self._shifted = hidden.new_empty((self._block, num_words), dtype=sums)
        self._spare = torch.empty_like(self._shifted)
        self._powers = None if dtype == sums else torch.empty_like(self._shifted)
        self._cap_slope = None if head.softcap is None else torch.empty_like(self._shifted)

    def multiply(self, states: Tensor, weight: Tensor) -> list[slice]:
        """Set the product of n x D and V x D; return the blocks of its rows."""
        torch.mm(states, weight.T, out=self._product[: len(states)])
        return [slice(k, min(k + self._block, len(states))) for k in range(0, len(states), self._block)]

    def sums(self, rows: slice, targets: Tensor, *, telemetry: bool, keep_moments: bool) -> Sums:
        """The softmax of a block; its tensors k x V are valid until the next call."""
        product = self._product[rows]
        shifted = self._shifted[: len(product)]
        if self._powers is None:
            logits, powers = product, product
        else:
            logits, powers = shifted.copy_(product), self._powers[: len(product)]
        self._adjust(logits)
        # powers of two, which torch has three times as fast on a CPU as those of e, and as exactly
        torch.sub(logits, logits.amax(dim=1, keepdim=True), out=shifted).mul_(BITS / self._temperature)
        torch.exp2(shifted, out=powers)
        mass = powers.sum(dim=1)
        log_mass = mass.log()
        logp = shifted.gather(1, targets.unsqueeze(1)).squeeze(1) / BITS - log_mass
        moments = shifted.mul_(powers)
        entropy = log_mass - moments.sum(dim=1) / (BITS * mass)
        sum_p2 = sum_p2_logp = torch.full_like(mass, torch.nan)
        if telemetry:
            sum_p2 = torch.linalg.vector_norm(powers, dim=1).div_(mass).square_()
            # in place where it may be: a third array would not stay in the cache
            products = torch.mul(powers, moments, out=self._spare[: len(product)] if keep_moments else moments)
            sum_p2_logp = products.sum(dim=1) / (BITS * mass * mass) - log_mass * sum_p2
        return Sums(powers, moments if keep_moments else None, mass, logp, entropy, sum_p2, sum_p2_logp)

    def finish(self, rows: slice, powers: Tensor) -> None:
        """Leave a block's gradient to the logits in place of its product, as it is before scale and temperature."""
        if self._cap_slope is not None:
            powers.mul_(self._cap_slope[: len(powers)])
        if self._powers is not None:
            self._product[rows].copy_(powers)

    def gradient(self, keep: Tensor | None, size: int) -> Tensor:
        """The gradient n x V of the first `size` rows, or of those in `keep` alone, which are moved together."""
        if keep is None:
            return self._product[:size]
        spare = self._spare.view(self._product.dtype)[:, : self._product.shape[1]]
        for start in range(0, len(keep), self._block):
            part = keep[start : start + self._block]
            # rows only move up, so that none is overwritten before it has moved
            self._product[start : start + len(part)] = torch.index_select(
                self._product, 0, part, out=spare[: len(part)]
            )
        return self._product[: len(keep)]

    def _adjust(self, logits: Tensor) -> None:
        """Apply bias, scale and cap in place; keep the slope of the cap."""
        if self._head.bias is not None:
            logits += self._head.bias
        if self._head.scale != 1.0:
            logits *= self._head.scale
        if self._head.softcap is not None and self._cap_slope is not None:
            logits.div_(self._head.softcap).tanh_()
            torch.mul(logits, logits, out=self._cap_slope[: len(logits)]).neg_().add_(1)
            logits.mul_(self._head.softcap)


def product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """That of autocast where it is on, else the narrower one: f32 master weights take part in products of bf16."""
    kind = hidden.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return min(hidden.dtype, weight.dtype, key=lambda dtype: dtype.itemsize)


def sum_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of sums over the vocabulary, of losses and of the gradient of the weights: f32, or f64 for f64."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def chunk_size(hidden: Tensor) -> int:
    """The tokens of a chunk on the device of `hidden`."""
    return CHUNK.get(hidden.device.type, CHUNK["cuda"])
