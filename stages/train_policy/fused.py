"""Output layer, policy loss and entropy in one pass over the tokens, gradients included: three matrix products.

A token's loss depends on its own log-probability alone, so that with the whole vocabulary of a chunk of tokens at hand
all gradients are made in the forward pass; no logits are kept and none are computed twice. What the loss of a token is
stands in loss.py. Specification: section 13 of the notes on CE-GPPO, arXiv 2509.20712.

Legend: T tokens, D channels of a hidden state, V vocabulary, n tokens of a chunk, k of a block in it.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead
from stages.train_policy.arrays import Objective, TokenBatch, TokenLoss
from stages.train_policy.loss import token_loss
from stages.train_policy.softmax import BITS, Softmax, Sums, chunk_size, product_dtype, sum_dtype

_WORTH: Final = 0.9
"""Largest share of rows with a gradient for which moving them together costs less than the products with the others."""


class FusedOutput(NamedTuple):
    """`loss` has the gradient; the others (T,) have none, and are f32, or f64 for f64 hidden states.

    `entropy` in nats; `sum_p2` = sum_j p_j^2 and `sum_p2_logp` = sum_j p_j^2 ln p_j are NaN where not asked for.
    """

    loss: Tensor
    logp: Tensor
    entropy: Tensor
    sum_p2: Tensor
    sum_p2_logp: Tensor
    token: TokenLoss


class HeadStats(NamedTuple):
    """Log-probabilities of tokens, and entropies in nats of the softmax they come from; both (T,), without gradient."""

    logp: Tensor
    entropy: Tensor


def fused_policy_loss(
    hidden: Tensor,
    head: OutputHead,
    batch: TokenBatch,
    objective: Objective,
    *,
    temperature: float = 1.0,
    chunk: int | None = None,
    telemetry: bool = True,
) -> FusedOutput:
    """Return the loss of T tokens with its gradient to `hidden` T x D and to the weights and the bias of `head`.

    loss = sum_t w_t value_t - entropy_bonus sum_t w_t H_t + nll sum_t nll_weight_t (-ln p_t), of the softmax of
    logits / temperature; value is that of `token_loss`. What needs no gradient is not computed: a frozen head saves
    one product in three. Products have the dtype of autocast where it is on, else the narrower one of hidden states and
    weights; sums over the vocabulary, the loss and the gradient of the weights are f32. `chunk` tokens are multiplied
    at a time, by default as many as suit the device. `telemetry`: whether to sum up p^2 and p^2 ln p.
    """
    num_tokens = len(hidden)
    assert num_tokens > 0
    assert hidden.ndim == 2
    assert hidden.shape[1] == head.weight.shape[1]
    assert temperature > 0
    assert all(part is None or part.shape == (num_tokens,) for part in batch)
    trained = torch.is_grad_enabled()
    wanted = tuple(trained and part is not None and part.requires_grad for part in (hidden, head.weight, head.bias))
    job = _Job(head, batch, objective, temperature, chunk or chunk_size(hidden), telemetry, wanted)
    loss, logp, entropy, sum_p2, sum_p2_logp, *token = _Fused.apply(hidden, head.weight, head.bias, job)  # type: ignore[no-untyped-call]
    return FusedOutput(loss, logp, entropy, sum_p2, sum_p2_logp, TokenLoss(*token))


def head_log_probs(
    hidden: Tensor, head: OutputHead, targets: Tensor, *, temperature: float = 1.0, chunk: int | None = None
) -> HeadStats:
    """Return log-probabilities of `targets` (T,) after the hidden states T x D, and entropies: one product.

    Dtypes and chunks are those of `fused_policy_loss`, so that its ratios are 1 until the policy changes.
    """
    assert hidden.shape == (len(targets), head.weight.shape[1])
    dtype = product_dtype(hidden, head.weight)
    found = []
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        size = min(chunk or chunk_size(hidden), len(hidden))
        softmax = Softmax(hidden, head, size, temperature, dtype)
        weight = head.weight.to(dtype)
        for start in range(0, len(hidden), size):
            for rows in softmax.multiply(hidden[start : start + size].to(dtype), weight):
                at = slice(start + rows.start, start + rows.stop)
                row = softmax.sums(rows, targets[at], telemetry=False, keep_moments=False)
                found.append((row.logp, row.entropy))
    return HeadStats(*(torch.cat(parts) for parts in zip(*found, strict=True)))


class _Job(NamedTuple):
    """A call's arguments beside the tensors that take gradients; `wanted`: of hidden states, weights and bias."""

    head: OutputHead
    batch: TokenBatch
    objective: Objective
    temperature: float
    chunk: int
    telemetry: bool
    wanted: tuple[bool, ...]


class _Fused(torch.autograd.Function):
    """The loss with the gradients that its forward pass has made."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, job: _Job) -> tuple[Tensor, ...]:  # noqa: ANN401 - torch's contexts have no useful type
        dtype = product_dtype(hidden, weight)
        with torch.autocast(hidden.device.type, enabled=False):
            run = _Run(hidden, job, dtype)
            outputs = run.outputs()
        ctx.save_for_backward(run.hidden_grad, run.weight_grad, run.bias_grad)
        ctx.dtypes = [None if part is None else part.dtype for part in (hidden, weight, bias)]
        ctx.mark_non_differentiable(*outputs[1:])
        return outputs

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, *others: None) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - as above
        scaled = []
        # a product with one would cost a second copy of the weights' gradient
        is_one = upstream.item() == 1.0
        for gradient, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True):
            scaled.append(gradient if gradient is None else (gradient if is_one else gradient * upstream).to(dtype))
        return *scaled, None


class _Run:
    """One pass over the chunks, which leaves gradients in `hidden_grad`, `weight_grad` and `bias_grad`."""

    def __init__(self, hidden: Tensor, job: _Job, dtype: torch.dtype) -> None:
        self._job = job
        self._hidden = hidden
        self._weight = job.head.weight.to(dtype)
        self._sum_dtype = sum_dtype(dtype)
        size = min(job.chunk, len(hidden))
        self._softmax = Softmax(hidden, job.head, size, job.temperature, dtype)
        self._scale = job.head.scale / job.temperature
        of_hidden, of_weight, of_bias = job.wanted
        self.hidden_grad = torch.zeros_like(hidden) if of_hidden else None
        self.weight_grad = self._zeros(self._weight.shape) if of_weight else None
        self.bias_grad = self._zeros(self._weight.shape[:1]) if of_bias else None
        found: list[tuple[Tensor, ...]] = []
        for start in range(0, len(hidden), size):
            found += self._chunk(start, hidden[start : start + size].to(dtype))
        self._found = [torch.cat(parts) for parts in zip(*found, strict=True)]

    def outputs(self) -> tuple[Tensor, ...]:
        """The loss, and then the fields of FusedOutput and TokenLoss in their order."""
        logp, entropy, _, _, value, *_ = self._found
        batch, objective = self._job.batch, self._job.objective
        terms = batch.weight.double() * (value.double() - objective.entropy_bonus * entropy.double())
        if batch.nll_weight is not None:
            terms = terms - objective.nll * batch.nll_weight.double() * logp.double()
        return terms.sum().to(self._sum_dtype), *self._found

    def _chunk(self, start: int, states: Tensor) -> list[tuple[Tensor, ...]]:
        """Add the gradients of n tokens; return what is known of them, block by block."""
        found: list[tuple[Tensor, ...]] = []
        factors = []
        for rows in self._softmax.multiply(states, self._weight):
            at = slice(start + rows.start, start + rows.stop)
            sums = self._softmax.sums(
                rows,
                self._job.batch.targets[at],
                telemetry=self._job.telemetry,
                keep_moments=self._job.objective.entropy_bonus != 0,
            )
            token = self._token_loss(sums.logp, at)
            found.append((sums.logp, sums.entropy, sums.sum_p2, sums.sum_p2_logp, *token))
            if any(self._job.wanted):
                factors.append(self._logit_gradient(sums, token.slope, at))
                self._softmax.finish(rows, sums.powers)
        if factors:
            self._add_gradients(start, states, torch.cat(factors))
        return found

    def _token_loss(self, logp: Tensor, at: slice) -> TokenLoss:
        old, advantage, reference, ratio = (
            None if part is None else part[at].to(self._sum_dtype)
            for part in (
                self._job.batch.old,
                self._job.batch.advantage,
                self._job.batch.reference,
                self._job.batch.ratio,
            )
        )
        assert old is not None
        assert advantage is not None
        return token_loss(logp, old, advantage, self._job.objective, reference=reference, ratio=ratio)

    def _logit_gradient(self, sums: Sums, slope: Tensor, at: slice) -> Tensor:
        """Turn a block's powers into the gradient to its logits, up to a factor (k,) of each row, which is returned.

        With g the slope to ln p, dz_j = g (1[j = y] - p_j) + b w p_j (ln p_j + H), and e_j = Z p_j.
        """
        batch, objective = self._job.batch, self._job.objective
        weight = batch.weight[at].to(self._sum_dtype)
        g = slope * weight
        if batch.nll_weight is not None:
            g = g - objective.nll * batch.nll_weight[at].to(self._sum_dtype)
        targets = batch.targets[at].unsqueeze(1)
        if sums.moments is None:
            # the sign and the slope go into the factor, which spares a pass
            sums.powers.scatter_add_(1, targets, -sums.mass.unsqueeze(1))
            return -g / sums.mass * self._scale
        bonus = objective.entropy_bonus * weight
        shift = bonus * (sums.entropy - sums.mass.log()) - g
        sums.powers.mul_(shift.unsqueeze(1)).addcmul_(sums.moments, (bonus / BITS).unsqueeze(1))
        sums.powers.scatter_add_(1, targets, (g * sums.mass).unsqueeze(1))
        return self._scale / sums.mass

    def _add_gradients(self, start: int, states: Tensor, factors: Tensor) -> None:
        size = len(states)
        keep = None
        # a row without slope has a factor of zero; with a bonus there is none, for every row has a gradient then
        with_gradient = factors.nonzero().squeeze(1)
        if len(with_gradient) <= _WORTH * size:
            keep = with_gradient
            states, factors = states[keep], factors[keep]
        gradient = self._softmax.gradient(keep, size)
        scaled = factors.unsqueeze(1)
        if self.hidden_grad is not None:
            found = ((gradient @ self._weight) * scaled).to(self._hidden.dtype)
            self.hidden_grad[start + (torch.arange(size, device=states.device) if keep is None else keep)] = found
        if self.weight_grad is not None:
            _add_product(self.weight_grad, gradient.T, (states * scaled).to(states.dtype))
        if self.bias_grad is not None:
            _add_product(self.bias_grad.unsqueeze(1), gradient.T, scaled.to(states.dtype))

    def _zeros(self, shape: torch.Size) -> Tensor:
        return self._hidden.new_zeros(shape, dtype=self._sum_dtype)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left @ right to the total without rounding it to a narrower dtype: chunk by chunk that would add up."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    elif total.device.type == "cuda":
        torch.addmm(total, left, right, out_dtype=total.dtype, out=total)
    else:
        total.addmm_(left.to(total.dtype), right.to(total.dtype))
