"""Losses against numbers worked by hand, twins written from the definition, and numerical gradients."""

import math

import pytest
import torch

from stages.train_rm.losses import bce, brier, full_vocab, pair_loss

SCORES = torch.tensor([0.0, math.log(3.0), -2.5, 8.0])
TARGETS = torch.tensor([0.5, 1.0, 0.25, 0.0])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_bce_by_hand() -> None:
    # sigma(0) = 1/2; sigma(ln 3) = 3/4
    assert bce(SCORES[:2], TARGETS[:2]).tolist() == pytest.approx([math.log(2), math.log(4 / 3)], rel=1e-6)
    pairs = zip(SCORES.tolist(), TARGETS.tolist(), strict=True)
    expected = [-q * math.log(sigmoid(s)) - (1 - q) * math.log(sigmoid(-s)) for s, q in pairs]
    assert bce(SCORES, TARGETS).tolist() == pytest.approx(expected, rel=1e-6)


def test_bce_is_least_at_the_label() -> None:
    scores = torch.linspace(-4, 4, 801, dtype=torch.float64)
    for q in (0.2, 0.5, 2 / 3):
        best = scores[bce(scores, torch.full_like(scores, q)).argmin()]
        assert torch.sigmoid(best).item() == pytest.approx(q, abs=0.003)


def test_bce_of_large_scores_is_exact_and_finite() -> None:
    losses = bce(torch.tensor([100.0, -100.0, 40.0]), torch.tensor([0.0, 1.0, 1.0]))
    assert losses.tolist() == pytest.approx([100.0, 100.0, math.exp(-40)], rel=1e-5)


def test_brier_by_hand() -> None:
    assert brier(SCORES[:2], TARGETS[:2]).tolist() == pytest.approx([0.0, 1 / 16], abs=1e-7)
    assert brier(torch.tensor([-1e4, 1e4]), torch.tensor([1.0, 0.0])).tolist() == [1.0, 1.0]


def test_full_vocab_by_hand() -> None:
    # probabilities 1/2, 1/4, 1/8, 1/8
    logits = torch.tensor([[1 / 2, 1 / 4, 1 / 8, 1 / 8]]).log() + 7.0
    assert full_vocab(logits, torch.tensor([1.0]), 0, 3).tolist() == pytest.approx([math.log(2)], rel=1e-6)
    assert full_vocab(logits, torch.tensor([0.0]), 0, 3).tolist() == pytest.approx([math.log(8)], rel=1e-6)
    soft = 0.75 * math.log(2) + 0.25 * math.log(8)
    assert full_vocab(logits, torch.tensor([0.75]), 0, 3).tolist() == pytest.approx([soft], rel=1e-6)


def test_full_vocab_over_two_tokens_is_bce() -> None:
    logits = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)) * 3
    targets = torch.rand(20, generator=torch.Generator().manual_seed(1))
    expected = bce(logits[:, 0] - logits[:, 1], targets)
    assert torch.allclose(full_vocab(logits, targets, 0, 1), expected, atol=1e-5)


def test_pair_loss_by_hand() -> None:
    better, worse = torch.tensor([1.0, 2.0, -3.0]), torch.tensor([1.0, 0.5, 3.0])
    margin = torch.tensor([0.0, 0.5, 1.0])
    expected = [math.log(2), -math.log(sigmoid(1.0)), -math.log(sigmoid(-7.0))]
    assert pair_loss(better, worse, margin).tolist() == pytest.approx(expected, rel=1e-6)


def test_gradients_are_those_of_the_formulas() -> None:
    scores = SCORES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(bce(scores, TARGETS).sum(), scores)
    assert torch.allclose(gradient, torch.sigmoid(SCORES) - TARGETS, atol=1e-6)
    (gradient,) = torch.autograd.grad(brier(scores, TARGETS).sum(), scores)
    p = torch.sigmoid(SCORES)
    assert torch.allclose(gradient, 2 * (p - TARGETS) * p * (1 - p), atol=1e-6)
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(full_vocab(logits, TARGETS, 2, 5).sum(), logits)
    answer = torch.zeros(4, 9)
    answer[:, 2], answer[:, 5] = TARGETS, 1 - TARGETS
    assert torch.allclose(gradient, logits.softmax(dim=1) - answer, atol=1e-6)


def test_gradients_agree_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.rand(5, generator=generator, dtype=torch.float64)
    margin = torch.full((5,), 0.3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: bce(s, targets), scores)
    assert torch.autograd.gradcheck(lambda s: brier(s, targets), scores)
    assert torch.autograd.gradcheck(lambda x: full_vocab(x, targets, 1, 4), logits)
    assert torch.autograd.gradcheck(lambda s: pair_loss(s, s.flip(0) * 2, margin), scores)
