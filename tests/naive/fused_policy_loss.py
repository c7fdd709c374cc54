"""The policy loss with entropy bonus and log-loss, from all logits at once and differentiated by autograd."""

from typing import NamedTuple

import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead
from stages.train_policy.arrays import Objective, TokenBatch


class PlainLoss(NamedTuple):
    loss: Tensor
    logp: Tensor
    entropy: Tensor
    sum_p2: Tensor
    sum_p2_logp: Tensor


def plain_loss(
    hidden: Tensor, head: OutputHead, batch: TokenBatch, objective: Objective, temperature: float = 1.0
) -> PlainLoss:
    logits = hidden @ head.weight.T
    if head.bias is not None:
        logits = logits + head.bias
    logits = logits * head.scale
    if head.softcap is not None:
        logits = head.softcap * torch.tanh(logits / head.softcap)
    logs = (logits / temperature).log_softmax(dim=1)
    p = logs.exp()
    logp = logs[torch.arange(len(hidden)), batch.targets]
    entropy = -(p * logs).sum(dim=1)
    loss = (batch.weight * literal(logp, batch, objective)).sum() - objective.entropy_bonus * (
        batch.weight * entropy
    ).sum()
    if batch.nll_weight is not None:
        loss = loss - objective.nll * (batch.nll_weight * logp).sum()
    return PlainLoss(loss, logp.detach(), entropy.detach(), (p**2).sum(1).detach(), (p**2 * logs).sum(1).detach())


def literal(logp: Tensor, batch: TokenBatch, objective: Objective) -> Tensor:
    """Each token's loss as the paper writes it: the ratio over itself without gradient, times the bound kept."""
    values = []
    for t in range(len(logp)):
        log_ratio = logp[t] - batch.old[t]
        if batch.ratio is not None:
            log_ratio = batch.ratio[t] + logp[t] - logp[t].detach()
        d, a = log_ratio.exp(), batch.advantage[t]
        low, high = 1 - objective.eps_low, 1 + objective.eps_high
        unit = d / d.detach()
        if objective.dual_clip is not None and a < 0 and d > objective.dual_clip:
            value = -objective.dual_clip * a
        elif a < 0 and d < low:
            value = -objective.beta1 * low * unit * a
        elif a > 0 and d > high:
            value = -objective.beta2 * high * unit * a
        elif objective.both_sides and a != 0 and (d < low or d > high):
            value = -(low if d < low else high) * unit * a
        else:
            value = -d * a
        if batch.reference is not None:
            x = batch.reference[t] - logp[t]
            value = value + objective.kl * (x.exp() - x - 1)
        values.append(value)
    return torch.stack(values)
