"""The policy loss of each token by its log-probabilities: one expression, of which the known objectives are settings.

Says nothing of how tokens are weighted (weights.py) or where advantages come from (advantages.py). The entropy bonus
needs the whole softmax and is added by whoever has it.

Legend: T completion tokens of several rows, one behind the other. r = pi / pi_old of a token. A its advantage.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from stages.train_policy.arrays import Floats, Objective, TokenBatch, TokenLoss
from stages.train_policy.presets import Settled
from stages.train_policy.regions import (
    DUAL,
    LARGEST_LOG_RATIO,
    NA_LP,
    PA_LP,
    PESSIMISTIC_HIGH,
    PESSIMISTIC_LOW,
)

ALLOWED_SHARE: Final = 0.001
"""Share of tokens that may lie beyond LARGEST_LOG_RATIO before a run is stopped."""


def objective(settled: Settled, beta1: float | None = None) -> Objective:
    """Return the part of the settings that the loss knows; `beta1` of a schedule or controller replaces the settled."""
    return Objective(
        eps_low=settled.eps_low,
        eps_high=settled.eps_high,
        beta1=settled.beta1 if beta1 is None else beta1,
        beta2=settled.beta2,
        dual_clip=settled.dual_clip,
        both_sides=settled.both_sides,
        sequence_ratio=settled.sequence_ratio,
        kl=settled.kl,
        entropy_bonus=settled.entropy_bonus,
        nll=settled.nll_on_correct,
    )


@torch.no_grad()
def token_loss(
    logp: Tensor,
    old: Tensor,
    advantage: Tensor,
    objective: Objective,
    *,
    reference: Tensor | None = None,
    ratio: Tensor | None = None,
) -> TokenLoss:
    """Return the loss of T tokens and its slope by `logp`; all tensors (T,), natural logarithms, dtype of `logp`.

    -A F is value and slope, where F is r inside the range and on the pessimistic sides, beta1 (1 - eps_low) in NA_LP,
    beta2 (1 + eps_high) in PA_LP, and slope 0, value -A c past the dual clip c: CE-GPPO, eq. 8 and 10 of arXiv
    2509.20712, which at beta = 0 has the gradient of PPO and at beta = 1 its value (GPPO, arXiv 2508.07629).
    `both_sides` bounds F on the pessimistic sides too: CISPO, eq. 16 of 2508.07629, whose value is usually written with
    log pi; ours is that of the table. `ratio`, the log-ratio of the sequence, stands for logp - old: GSPO, arXiv
    2507.18071. `reference` adds kl (e^x - x - 1), x = reference - logp: the k3 estimate of KL(pi || reference).

    Log-ratios are cut at +-20, value and slope beyond are those at the cut, so all is finite for finite input; NaN and
    infinities are found by `find_fault`, for the cut hides infinities.
    """
    assert logp.ndim == 1
    assert logp.dtype in (torch.float32, torch.float64)
    assert old.shape == advantage.shape == logp.shape
    assert (ratio is not None) == objective.sequence_ratio
    assert (reference is not None) == (objective.kl > 0)
    advantage = advantage.to(logp.dtype)
    own = _ratio(logp - old.to(logp.dtype))
    r = own if ratio is None else _ratio(ratio.to(logp.dtype))
    region = _regions(r, advantage, objective)
    factor = _factors(r, region, objective)
    value = -advantage * factor
    slope = value.clone()  # tensors of their own, for whoever scales one in place
    if objective.dual_clip is not None:
        value = torch.where(region == DUAL, -advantage * objective.dual_clip, value)
    if reference is not None:
        x = (reference.to(logp.dtype) - logp).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
        value = value + objective.kl * (x.expm1() - x)
        slope = slope - objective.kl * x.expm1()
    clipped = own.clamp(1 - objective.eps_low, 1 + objective.eps_high)
    surrogate = -torch.minimum(own * advantage, clipped * advantage)
    return TokenLoss(value, slope, factor, region, surrogate)


def policy_loss(logp: Tensor, batch: TokenBatch, objective: Objective) -> tuple[Tensor, TokenLoss]:
    """Return the scalar sum_t w_t value_t + nll sum_t n_t (-logp_t), and the losses of the tokens.

    For engines whose `logp`, (T,), carries a graph: the gradient by logp_t is exactly w_t slope_t - nll n_t. No
    entropy bonus: that is not a function of `logp`.
    """
    found = token_loss(
        logp.detach(), batch.old, batch.advantage, objective, reference=batch.reference, ratio=batch.ratio
    )
    fixed = logp.detach()
    weight = batch.weight.to(logp.dtype)
    value, gradient = weight * found.value, weight * found.slope
    if batch.nll_weight is not None:
        nll_weight = objective.nll * batch.nll_weight.to(logp.dtype)
        value, gradient = value - nll_weight * fixed, gradient - nll_weight
    # logp - fixed is 0, so the second term carries the gradient alone, finite whatever the ratio is
    return value.sum() + (gradient * (logp - fixed)).sum(), found


@torch.no_grad()
def sequence_log_ratio(logp: Tensor, old: Tensor, lengths: Sequence[int]) -> Tensor:
    """Return for each token, (T,), the mean of logp - old over its row: the log of GSPO's length-normalised ratio.

    `lengths`: tokens of each row, T in all. Source: eq. 7 of arXiv 2507.18071.
    """
    assert logp.shape == old.shape == (sum(lengths),)
    difference = logp - old.to(logp.dtype)
    rows = torch.split(difference, list(lengths))
    return torch.cat([row.mean().expand(len(row)) for row in rows]) if rows else difference


def find_fault(
    logp: Tensor | Floats,
    old: Tensor | Floats,
    lengths: Sequence[int],
    ids: Sequence[str],
    value: Tensor | Floats | None = None,
) -> str | None:
    """Return a sentence on what forbids to go on, without the step: `row p1-0-3, token 17: ...`, or None.

    That is NaN or an infinity in the log-probabilities before (`old`) or now (`logp`), or in the losses (`value`),
    each (T,); or more than 0.1 % of tokens whose probability changed by a factor above e^20. Tokens count from 0 within
    the completion; rows have `lengths` tokens and are named by `ids`.
    """
    assert len(ids) == len(lengths)
    checked = {"log-probability before the update": old, "log-probability": logp, "loss": value}
    for name, given in checked.items():
        if given is None:
            continue
        tensor = torch.as_tensor(given)
        assert tensor.shape == (sum(lengths),)
        bad = (~tensor.isfinite()).nonzero()
        if len(bad):
            first = int(bad[0])
            return f"{_place(first, lengths, ids)}: its {name} is {tensor[first].item()}; try a lower --learning-rate."
    change = (torch.as_tensor(logp) - torch.as_tensor(old)).abs()
    share = (change > LARGEST_LOG_RATIO).double().mean().item()
    if not share > ALLOWED_SHARE:
        return None
    worst = int(change.argmax())
    return (
        f"{_place(worst, lengths, ids)}: its log-probability changed by {change[worst].item():.3g} since it was "
        f"sampled, and by more than {LARGEST_LOG_RATIO:g} for {share:.2%} of the tokens; try a lower --learning-rate "
        "or fewer updates of a generation."
    )


def _ratio(log_ratio: Tensor) -> Tensor:
    return log_ratio.clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()


def _regions(r: Tensor, advantage: Tensor, objective: Objective) -> Tensor:
    left, right = r < 1 - objective.eps_low, r > 1 + objective.eps_high
    good, bad = advantage > 0, advantage < 0
    region = torch.zeros_like(r, dtype=torch.int8)
    region[left & bad] = NA_LP
    region[right & good] = PA_LP
    region[left & good] = PESSIMISTIC_LOW
    region[right & bad] = PESSIMISTIC_HIGH
    if objective.dual_clip is not None:
        region[(r > objective.dual_clip) & bad] = DUAL
    return region


def _factors(r: Tensor, region: Tensor, objective: Objective) -> Tensor:
    low, high = 1 - objective.eps_low, 1 + objective.eps_high
    factor = r.clone()
    factor[region == NA_LP] = objective.beta1 * low
    factor[region == PA_LP] = objective.beta2 * high
    if objective.both_sides:
        factor[region == PESSIMISTIC_LOW] = low
        factor[region == PESSIMISTIC_HIGH] = high
    factor[region == DUAL] = 0.0
    return factor


def _place(token: int, lengths: Sequence[int], ids: Sequence[str]) -> str:
    """Name row and token, given the number of the token among those of all rows."""
    for name, length in zip(ids, lengths, strict=True):
        if token < length:
            return f"row {name}, token {token}"
        token -= length
    raise AssertionError("a token beyond the last row")
