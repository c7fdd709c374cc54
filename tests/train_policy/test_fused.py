"""The fused loss against all logits and autograd, in values and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead, head_entropy
from stages.train_policy import softmax
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
    """An eighth of an update: tokens of every region, a third of them without advantage, and a weight of zero."""
    draw = torch.Generator().manual_seed(7)
    targets = torch.randint(NUM_WORDS, (NUM_TOKENS,), generator=draw)
    logp = head_log_probs(hidden, head, targets, temperature=temperature).logp
    old = logp + torch.randn(NUM_TOKENS, generator=draw).mul(0.6).to(logp.dtype)
    advantage = torch.randn(NUM_TOKENS, generator=draw).to(logp.dtype)
    advantage[torch.arange(NUM_TOKENS) % 3 == 1] = 0
    weight = torch.full_like(logp, 1 / (8 * NUM_TOKENS))
    weight[5] = 0
    return TokenBatch(
        targets,
        old,
        advantage,
        weight,
        reference=logp + 0.3 * torch.randn(NUM_TOKENS, generator=draw).to(logp.dtype) if objective.kl else None,
        nll_weight=(torch.rand(NUM_TOKENS, generator=draw) > 0.7).to(logp.dtype) / 72 if objective.nll else None,
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
    monkeypatch.setitem(softmax._BLOCK, "cpu", 3 * NUM_WORDS)
    for name in ("ce-gppo", "bonus", "nll"):
        compare(*layer(F64, softcap=3.0), OBJECTIVES[name], 1e-15, chunk=10)


def test_rows_without_slope_have_the_gradient_of_the_bonus() -> None:
    hidden, head = layer(F64)
    objective = Objective(entropy_bonus=0.1)
    batch = tokens(hidden, head, objective)._replace(advantage=torch.zeros(NUM_TOKENS, dtype=F64))
    fused_policy_loss(hidden, head, batch, objective, chunk=8).loss.backward()
    expected = torch.autograd.grad(plain_loss(hidden, head, batch, objective).loss, leaves(hidden, head))
    assert expected[1].abs().max() > 1e-5
    torch.testing.assert_close(hidden.grad, expected[0], rtol=0, atol=1e-15)
    torch.testing.assert_close(head.weight.grad, expected[1], rtol=0, atol=1e-15)


def test_a_batch_without_any_slope_has_a_gradient_of_zero() -> None:
    hidden, head = layer(F32, bias=True)
    batch = tokens(hidden, head, Objective())._replace(advantage=torch.zeros(NUM_TOKENS))
    loss = fused_policy_loss(hidden, head, batch, Objective(), chunk=8).loss
    assert float(loss.detach()) == 0
    loss.backward()
    assert all(part.grad is not None and not part.grad.any() for part in leaves(hidden, head))


@pytest.mark.parametrize("bonus", [0.0, 0.05])
def test_the_gradient_is_scaled_by_what_comes_from_above(bonus: float) -> None:
    compare(*layer(F64, bias=True), Objective(entropy_bonus=bonus), 1e-15, upstream=-0.375)


def test_a_graph_that_is_kept_gives_the_same_gradient_again() -> None:
    hidden, head = layer(F64)
    loss = fused_policy_loss(hidden, head, tokens(hidden, head, Objective()), Objective()).loss
    first = torch.autograd.grad(loss, leaves(hidden, head), retain_graph=True)
    second = torch.autograd.grad(2 * loss, leaves(hidden, head))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(2 * one, other)


def test_finite_differences_agree() -> None:
    hidden, head = layer(F64, bias=True, softcap=3.0)
    # beta = 1 has the value that belongs to the gradient inside the range, where all ratios are
    objective = Objective(eps_low=0.9, eps_high=9.0, entropy_bonus=0.05, kl=0.1, nll=0.1)
    batch = tokens(hidden, head, objective)._replace(
        old=head_log_probs(hidden, head, tokens(hidden, head, objective).targets).logp
    )

    def loss(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return fused_policy_loss(hidden, head._replace(weight=weight, bias=bias), batch, objective, chunk=10).loss

    part = [tensor[:4] if tensor is hidden else tensor for tensor in leaves(hidden, head)]
    batch = TokenBatch(*(None if tensor is None else tensor[:4] for tensor in batch))
    part[0] = part[0].detach().requires_grad_()
    assert torch.autograd.gradcheck(loss, part, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("frozen", ["hidden", "weight", "bias"])
def test_what_is_frozen_gets_no_gradient_and_changes_no_other(frozen: str) -> None:
    hidden, head = layer(F64, bias=True)
    {"hidden": hidden, "weight": head.weight, "bias": head.bias}[frozen].requires_grad_(False)
    compare(hidden, head, Objective(), 1e-15, chunk=10)


def test_a_frozen_head_saves_the_product_of_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, head = layer(F64)
    batch = tokens(hidden, head, Objective())
    head.weight.requires_grad_(False)
    monkeypatch.setattr("stages.train_policy.fused._add_product", None)
    fused_policy_loss(hidden, head, batch, Objective()).loss.backward()
    assert hidden.grad is not None


@pytest.mark.parametrize(("bonus", "num_rows"), [(0.0, [6, 6, 7, 5]), (0.05, [10, 10, 10, 7])])
def test_rows_without_slope_are_multiplied_only_if_there_is_a_bonus(
    bonus: float, num_rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr("stages.train_policy.fused._add_product", lambda total, left, right: seen.append(len(right)))
    hidden, head = layer(F32)
    # 13 of 37 tokens have no advantage, each third one, and token 5 has no weight
    fused_policy_loss(hidden, head, tokens(hidden, head, Objective()), Objective(entropy_bonus=bonus), chunk=10)
    assert seen == num_rows


def test_without_a_gradient_the_loss_is_the_same() -> None:
    hidden, head = layer(F32)
    batch = tokens(hidden, head, OBJECTIVES["bonus"])
    expected = fused_policy_loss(hidden, head, batch, OBJECTIVES["bonus"])
    with torch.no_grad():
        found = fused_policy_loss(hidden, head, batch, OBJECTIVES["bonus"])
    assert expected.loss.requires_grad
    assert not found.loss.requires_grad
    assert torch.equal(found.loss, expected.loss.detach())
    with torch.inference_mode():
        assert torch.equal(fused_policy_loss(hidden, head, batch, OBJECTIVES["bonus"]).logp, expected.logp)


def test_one_token_and_a_head_tied_to_its_input() -> None:
    hidden, head = layer(F64)
    batch = TokenBatch(torch.tensor([3]), *(torch.tensor([x], dtype=F64) for x in (-1.0, 0.7, 1.0)))

    def both(states: Tensor) -> tuple[Tensor, ...]:
        found = fused_policy_loss(states, head, batch, Objective()).loss
        right = plain_loss(states, head, batch, Objective()).loss
        return torch.autograd.grad(found, head.weight, retain_graph=True), torch.autograd.grad(
            right, head.weight, retain_graph=True
        )

    for states in (hidden[:1], head.weight[7:8] * 2):
        ours, right = both(states)
        torch.testing.assert_close(ours, right, rtol=0, atol=1e-15)


def test_telemetry_can_be_left_out() -> None:
    hidden, head = layer(F32)
    batch = tokens(hidden, head, Objective())
    found = fused_policy_loss(hidden, head, batch, Objective(), telemetry=False)
    expected = fused_policy_loss(hidden, head, batch, Objective())
    assert found.sum_p2.isnan().all()
    assert found.sum_p2_logp.isnan().all()
    assert torch.equal(found.loss, expected.loss)
    assert torch.equal(found.entropy, expected.entropy)


def test_logits_of_any_size_stay_finite() -> None:
    hidden, head = layer(F32)
    hidden = (hidden.detach() * 1e4).requires_grad_()
    found = fused_policy_loss(
        hidden, head, tokens(hidden, head, Objective(entropy_bonus=0.1)), Objective(entropy_bonus=0.1)
    )
    found.loss.backward()
    assert all(part.isfinite().all() for part in (*found[:5], hidden.grad, head.weight.grad))


@pytest.mark.parametrize("how", ["autocast", "hidden", "both"])
@pytest.mark.parametrize("bonus", [0.0, 0.05])
def test_products_of_bf16_under_f32_weights(how: str, bonus: float) -> None:
    """As exact as logits of bf16 are, in f32 where it matters; tokens that are nearly certain keep their gradient."""
    objective = Objective(entropy_bonus=bonus)
    hidden, head = layer(F32)
    if how != "autocast":
        hidden = hidden.detach().bfloat16().requires_grad_()
    weight = head.weight.detach().bfloat16().requires_grad_() if how == "both" else head.weight
    head = head._replace(weight=weight)
    with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
        batch = tokens(hidden, head, objective)
        found = fused_policy_loss(hidden, head, batch, objective, chunk=10)
        logits = (hidden.bfloat16() @ head.weight.bfloat16().T).float()
    found.loss.backward()
    # the same loss from the same rounded logits
    leaf = logits.detach().requires_grad_()
    right = plain_loss(leaf, OutputHead(torch.eye(NUM_WORDS)), batch, objective)
    (slope,) = torch.autograd.grad(right.loss, leaf)
    torch.testing.assert_close(found.logp, right.logp, rtol=0, atol=2e-6)
    torch.testing.assert_close(found.entropy, right.entropy, rtol=0, atol=2e-6)
    assert found.logp.dtype == found.loss.dtype == F32
    for leaf, wanted in ((hidden, slope @ head.weight.float()), (head.weight, slope.T @ hidden.float())):
        assert leaf.grad is not None
        assert leaf.grad.dtype == leaf.dtype
        torch.testing.assert_close(leaf.grad.float(), wanted, rtol=0.02, atol=0.01 * float(wanted.detach().abs().max()))


def test_a_nearly_certain_token_keeps_its_gradient_in_bf16() -> None:
    # p = 1 - 1e-4: had p been rounded to bf16 before it was taken from 1, nothing would be left
    hidden = torch.tensor([[1.0]], dtype=torch.bfloat16, requires_grad=True)
    head = OutputHead(torch.tensor([[9.1875], [0.0]], dtype=torch.bfloat16))
    batch = TokenBatch(torch.tensor([0]), *(torch.tensor([x]) for x in (0.0, 1.0, 1.0)))
    fused_policy_loss(hidden, head, batch, Objective()).loss.backward()
    p = torch.tensor(9.1875, dtype=F64).sigmoid()
    assert hidden.grad is not None
    assert float(hidden.grad) == pytest.approx(float(-p * (1 - p) * 9.1875), rel=0.02)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_log_probs_and_entropies_are_those_of_the_loss_and_of_the_entropy_stage(head: dict[str, Any]) -> None:
    hidden, output = layer(F32, **head)
    batch = tokens(hidden, output, Objective(), 0.7)
    loss = fused_policy_loss(hidden, output, batch, Objective(), temperature=0.7)
    stats = head_log_probs(hidden, output, batch.targets, temperature=0.7, chunk=10)
    torch.testing.assert_close(stats.logp, loss.logp, rtol=0, atol=2e-6)
    assert not stats.logp.requires_grad
    torch.testing.assert_close(stats.entropy, head_entropy(hidden, output, temperature=0.7), rtol=0, atol=2e-6)
