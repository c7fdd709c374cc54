"""The fused loss against all logits and autograd, in values and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead
from stages.train_policy.arrays import Objective, TokenBatch
from stages.train_policy.fused import FusedOutput, fused_policy_loss, head_log_probs
from tests.naive.fused_policy_loss import plain_loss
from tests.one_thread import one_thread

__all__ = ["one_thread"]

NUM_TOKENS, WIDTH, NUM_WORDS = 37, 12, 53
F32, F64 = torch.float32, torch.float64

HEADS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bias": {"bias": True},
    "scaled": {"scale": 0.25},
    "capped": {"softcap": 3.0},
    "everything": {"bias": True, "scale": 1.7, "softcap": 2.0},
}
OBJECTIVES = {
    "ce-gppo": Objective(),
    "dual clip": Objective(beta1=0.25, dual_clip=1.5),
    "bonus": Objective(entropy_bonus=0.03, dual_clip=1.5),
    "kl": Objective(kl=0.1),
    "nll": Objective(nll=0.1, dual_clip=1.5),
    "nll and bonus": Objective(nll=0.1, entropy_bonus=-0.02),
    "cispo": Objective(both_sides=True, beta1=1.0),
    "gspo": Objective(beta1=0.0, beta2=0.0, sequence_ratio=True),
    "all": Objective(dual_clip=2.0, kl=0.2, entropy_bonus=0.01, nll=0.3, sequence_ratio=True),
}


def layer(dtype: torch.dtype, seed: int = 0, *, bias: bool = False, **changes: Any) -> tuple[Tensor, OutputHead]:
    draw = torch.Generator().manual_seed(seed)
    hidden = torch.randn(NUM_TOKENS, WIDTH, generator=draw, dtype=F64).to(dtype).requires_grad_()
    weight = torch.randn(NUM_WORDS, WIDTH, generator=draw, dtype=F64).mul(0.6).to(dtype).requires_grad_()
    offset = torch.randn(NUM_WORDS, generator=draw, dtype=F64).to(dtype).requires_grad_() if bias else None
    return hidden, OutputHead(weight, offset, **changes)


def tokens(hidden: Tensor, head: OutputHead, objective: Objective, temperature: float = 1.0) -> TokenBatch:
    """Tokens of every region, a third of them without advantage, weights of 1 / T and one of zero."""
    draw = torch.Generator().manual_seed(7)
    targets = torch.randint(NUM_WORDS, (NUM_TOKENS,), generator=draw)
    logp = head_log_probs(hidden, head, targets, temperature=temperature).logp
    old = logp + torch.randn(NUM_TOKENS, generator=draw).mul(0.6).to(logp.dtype)
    advantage = torch.randn(NUM_TOKENS, generator=draw).to(logp.dtype)
    advantage[torch.arange(NUM_TOKENS) % 3 == 1] = 0
    weight = torch.full_like(logp, 1 / NUM_TOKENS)
    weight[5] = 0
    return TokenBatch(
        targets,
        old,
        advantage,
        weight,
        reference=logp + 0.3 * torch.randn(NUM_TOKENS, generator=draw).to(logp.dtype) if objective.kl else None,
        nll_weight=(torch.rand(NUM_TOKENS, generator=draw) > 0.7).to(logp.dtype) / 9 if objective.nll else None,
        ratio=0.4 * torch.randn(NUM_TOKENS, generator=draw).to(logp.dtype) if objective.sequence_ratio else None,
    )


def leaves(hidden: Tensor, head: OutputHead) -> list[Tensor]:
    return [part for part in (hidden, head.weight, head.bias) if part is not None and part.requires_grad]


def compare(
    hidden: Tensor,
    head: OutputHead,
    objective: Objective,
    atol: float,
    temperature: float = 1.0,
    chunk: int | None = None,
    upstream: float = 1.0,
) -> FusedOutput:
    batch = tokens(hidden, head, objective, temperature)
    found = fused_policy_loss(hidden, head, batch, objective, temperature=temperature, chunk=chunk)
    expected = plain_loss(hidden, head, batch, objective, temperature)
    for name in ("loss", "logp", "entropy", "sum_p2", "sum_p2_logp"):
        torch.testing.assert_close(
            getattr(found, name),
            getattr(expected, name),
            rtol=0,
            atol=20 * atol,
            msg=lambda text, name=name: name + text,
        )
    ours = torch.autograd.grad(found.loss * upstream, leaves(hidden, head))
    right = torch.autograd.grad(expected.loss * upstream, leaves(hidden, head))
    for one, other in zip(ours, right, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=0, atol=atol)
    return found


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_value_and_gradients_are_those_of_autograd_over_all_logits(head: dict[str, Any], objective: Objective) -> None:
    for dtype, atol in ((F64, 1e-15), (F32, 1e-7)):
        compare(*layer(dtype, **head), objective, atol, temperature=0.7, chunk=10)


@pytest.mark.parametrize("chunk", [1, 2, 10, 36, 37, 1000, None])
@pytest.mark.parametrize("bonus", [0.0, 0.05])
def test_chunks_make_no_difference(chunk: int | None, bonus: float) -> None:
    compare(*layer(F64), Objective(entropy_bonus=bonus, dual_clip=1.3), 1e-15, chunk=chunk)


def test_blocks_of_a_chunk_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("stages.train_policy.softmax", fromlist=["_BLOCK"])._BLOCK, "cpu", 3 * NUM_WORDS)
    for name in ("ce-gppo", "bonus", "nll"):
        compare(*layer(F64, softcap=3.0), OBJECTIVES[name], 1e-15, chunk=10)
