"""Policy losses of CE-GPPO (arXiv 2509.20712) for verl's registry; rlbff's export puts a copy beside run.sh.

The file needs torch and verl alone. verl's configuration of a policy loss takes no further keys, so the coefficients
are in the loss's name; the clip range and the dual clip are those of verl's actor.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

REGIONS = ("na_lp", "pa_lp", "pessimistic_low", "pessimistic_high", "dual")


def loss_name(*, beta1: float, beta2: float, both_sides: bool, sequence_ratio: bool) -> str:
    """Under which `loss_mode` the loss is registered, such as ce_gppo_b0.5_1.0."""
    return f"ce_gppo_b{beta1}_{beta2}{'_both' if both_sides else ''}{'_sequence' if sequence_ratio else ''}"


def register(*, beta1: float, beta2: float, both_sides: bool = False, sequence_ratio: bool = False) -> str:
    """Add the loss to verl's registry and return its name."""
    from verl.trainer.ppo.core_algos import agg_loss, register_policy_loss

    def loss(
        old_log_prob: Tensor,
        log_prob: Tensor,
        advantages: Tensor,
        response_mask: Tensor,
        loss_agg_mode: str = "token-mean",
        config: Any = None,  # noqa: ANN401 - verl's ActorConfig
        rollout_is_weights: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a micro-batch and figures of it; tensors are (rows, tokens), as verl has them."""
        by_token, regions = per_token(
            old_log_prob,
            log_prob,
            advantages,
            response_mask,
            eps_low=_given(config.clip_ratio_low, config.clip_ratio),
            eps_high=_given(config.clip_ratio_high, config.clip_ratio),
            dual_clip=config.get("clip_ratio_c", 3.0),
            beta1=beta1,
            beta2=beta2,
            both_sides=both_sides,
            sequence_ratio=sequence_ratio,
        )
        if rollout_is_weights is not None:
            by_token = by_token * rollout_is_weights
        total = agg_loss(
            loss_mat=by_token, loss_mask=response_mask, loss_agg_mode=loss_agg_mode, **config.global_batch_info
        )
        return total, _figures(old_log_prob, log_prob.detach(), response_mask, regions)

    name = loss_name(beta1=beta1, beta2=beta2, both_sides=both_sides, sequence_ratio=sequence_ratio)
    register_policy_loss(name)(loss)
    return name


def per_token(
    old: Tensor,
    logp: Tensor,
    advantage: Tensor,
    mask: Tensor,
    *,
    eps_low: float,
    eps_high: float,
    dual_clip: float,
    beta1: float,
    beta2: float,
    both_sides: bool,
    sequence_ratio: bool,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of each token, whose gradient by logp is -F A, and which tokens are in which region.

    All tensors are (rows, tokens). F is the ratio inside the range, beta1 (1 - eps_low) left of it where A < 0, beta2
    (1 + eps_high) right of it where A > 0, 0 past the dual clip where A < 0. `both_sides` bounds it whatever the sign
    of A (CISPO); `sequence_ratio` takes a row's geometric mean for the ratio (GSPO). Finite for every finite logp.
    """
    valid = mask.bool()
    if not torch.isfinite(logp.detach()[valid]).all():
        row = int((~torch.isfinite(logp.detach()) & valid).any(dim=1).nonzero()[0])
        raise ValueError(f"row {row} of a micro-batch has a log-probability that is not finite")
    with torch.no_grad():
        log_ratio = logp - old
        if sequence_ratio:
            count = valid.sum(dim=1, keepdim=True).clamp(min=1)
            log_ratio = ((log_ratio * valid).sum(dim=1, keepdim=True) / count).expand_as(logp)
        r = log_ratio.clamp(-20, 20).exp()
        left, right, bad, good = r < 1 - eps_low, r > 1 + eps_high, advantage < 0, advantage > 0
        dual = bad & (r > dual_clip)
        regions = dict(zip(REGIONS, (left & bad, right & good, left & good, right & bad & ~dual, dual), strict=True))
        factor = r.clone()
        factor[regions["na_lp"]] = beta1 * (1 - eps_low)
        factor[regions["pa_lp"]] = beta2 * (1 + eps_high)
        if both_sides:
            factor[regions["pessimistic_low"]] = 1 - eps_low
            factor[regions["pessimistic_high"]] = 1 + eps_high
        factor[dual] = 0.0
    kept = (logp - logp.detach()).exp()
    return -advantage * (factor * kept + dual_clip * dual), regions


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _figures(old: Tensor, logp: Tensor, mask: Tensor, regions: Mapping[str, Tensor]) -> dict[str, float]:
    """What verl logs, under its names and ours; it averages them over micro-batches."""
    valid = mask.bool()
    shares = {name: region[valid].float().mean().item() for name, region in regions.items()}
    return {
        "actor/pg_clipfrac": shares["na_lp"] + shares["pa_lp"],
        "actor/pg_clipfrac_lower": shares["dual"],
        "actor/ppo_kl": (old - logp)[valid].mean().item(),
        **{f"actor/region_{name}": share for name, share in shares.items()},
    }
