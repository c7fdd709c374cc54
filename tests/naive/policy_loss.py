"""Policy losses written as in their papers, for autograd: branches, masks and stop-gradients, safe nowhere.

Each returns the loss to be minimised of every token, (T,), except `gspo`, which works on completions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def ce_gppo(
    logp: Tensor,
    old: Tensor,
    advantage: Tensor,
    *,
    beta1: float,
    beta2: float,
    eps_low: float,
    eps_high: float,
    dual_clip: float | None = None,
) -> Tensor:
    """Eq. 8 of arXiv 2509.20712, three branches with d / sg(d); `dual_clip` as in the released code."""
    d = (logp - old).exp()
    left = beta1 * (1 - eps_low) / d.detach() * d * advantage
    right = beta2 * (1 + eps_high) / d.detach() * d * advantage
    objective = d * advantage
    objective = torch.where((d < 1 - eps_low) & (advantage < 0), left, objective)
    objective = torch.where((d > 1 + eps_high) & (advantage > 0), right, objective)
    return -objective if dual_clip is None else _dual_clipped(-objective, advantage, dual_clip)


def ppo(
    logp: Tensor, old: Tensor, advantage: Tensor, *, eps_low: float, eps_high: float, dual_clip: float | None = None
) -> Tensor:
    """The clipped surrogate of arXiv 1707.06347; with dual clip: eq. 5 of arXiv 1912.09729."""
    d = (logp - old).exp()
    loss = -torch.minimum(d * advantage, d.clamp(1 - eps_low, 1 + eps_high) * advantage)
    return loss if dual_clip is None else _dual_clipped(loss, advantage, dual_clip)


def cispo(logp: Tensor, old: Tensor, advantage: Tensor, *, eps_low: float, eps_high: float) -> Tensor:
    """The bounded ratio as a fixed weight of the log-probability, arXiv 2506.13585."""
    d = (logp - old).exp()
    return -d.clamp(1 - eps_low, 1 + eps_high).detach() * advantage * logp


def gspo(
    logp: Tensor, old: Tensor, advantages: Sequence[float], lengths: Sequence[int], *, eps_low: float, eps_high: float
) -> Tensor:
    """Eq. 5 and 7 of arXiv 2507.18071: the mean over completions, a scalar; `advantages` one a completion."""
    losses = []
    start = 0
    for advantage, length in zip(advantages, lengths, strict=True):
        end = start + length
        s = ((logp[start:end] - old[start:end]).sum() / length).exp()
        losses.append(-torch.minimum(s * advantage, s.clamp(1 - eps_low, 1 + eps_high) * advantage))
        start = end
    return torch.stack(losses).mean()


def k3(logp: Tensor, reference: Tensor) -> Tensor:
    """The estimate pi_ref / pi - ln(pi_ref / pi) - 1 of KL(pi || pi_ref), as in GRPO, arXiv 2402.03300."""
    return (reference - logp).exp() - (reference - logp) - 1


def _dual_clipped(loss: Tensor, advantage: Tensor, c: float) -> Tensor:
    return torch.where(advantage < 0, torch.minimum(loss, -c * advantage), loss)
