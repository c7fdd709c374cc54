"""The module against single pairs: scores, loss and gradient, in trees and padded, however rows are packed."""

from collections.abc import Sequence

import pytest
import torch

from stages.models.attention_plan import FAMILIES
from stages.train_rm.batch import MicroBatch, Tree
from stages.train_rm.config import Loss
from stages.train_rm.module import RewardModule
from stages.train_rm.objective import batch_losses, weigh
from tests.naive.pairs import log_odds_one_by_one
from tests.tiny_families import tiny_model
from tests.train_rm.batches import ANSWERS, random_batch
from tests.train_rm.models import tiny_classifier

SORTED = ["gemma2", "gemma3_text", "qwen3_sliding", "mistral_sliding"]
BATCH = random_batch(((4, 37), (1, 12), (3, 20)), 1, pairs=False)
PAIRED = random_batch(((4, 37), (2, 12)), 2, pairs=True)

Gradients = dict[str, torch.Tensor]


def loss_and_gradients(module: RewardModule, batch: MicroBatch, loss: Loss = "bce") -> tuple[float, Gradients]:
    module.zero_grad()
    with module.ready():
        losses = batch_losses(module(batch), batch, loss, module.answers)
        total = weigh(losses, 1, 1, 0.5)
        total.backward()  # type: ignore[no-untyped-call]
    return total.item(), {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def singles(batch: MicroBatch) -> list[MicroBatch]:
    """The same rows, one a micro-batch, without sharing."""
    rows = [(tree.prefix, suffix) for tree in batch.trees for suffix in tree.suffixes]
    return [
        MicroBatch(trees=(Tree(prefix, (suffix,)),), targets=(target,))
        for (prefix, suffix), target in zip(rows, batch.targets, strict=True)
    ]


def relative_difference(found: Gradients, expected: Gradients) -> float:
    assert found.keys() == expected.keys()
    difference = sum((found[name] - expected[name]).double().pow(2).sum() for name in expected) ** 0.5
    size = sum(gradient.double().pow(2).sum() for gradient in expected.values()) ** 0.5
    assert size > 0
    return float(difference / size)


def summed(parts: Sequence[tuple[float, Gradients]]) -> tuple[float, Gradients]:
    return sum(loss for loss, _ in parts), {name: sum(g[name] for _, g in parts) for name in parts[0][1]}  # type: ignore[misc]


@pytest.mark.parametrize("family", [*sorted(FAMILIES), *SORTED])
def test_scores_loss_and_gradient_equal_those_of_single_rows(family: str) -> None:
    module = RewardModule(tiny_model(family).train(), ANSWERS)
    assert module.plan.kind == ("sorted" if family in SORTED else "tree")
    rows = [tree.prefix + suffix for tree in BATCH.trees for suffix in tree.suffixes]
    with torch.no_grad(), module.ready():
        scores = module(BATCH)
    with torch.no_grad():
        expected_scores = log_odds_one_by_one(module.model, rows, ANSWERS.yes, ANSWERS.no)
    assert torch.allclose(scores, expected_scores, rtol=0, atol=1e-5)
    loss, found = loss_and_gradients(module, BATCH)
    expected_loss, expected = summed([loss_and_gradients(module, single) for single in singles(BATCH)])
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, expected) <= 1e-5


@pytest.mark.parametrize("loss", ["bce", "brier", "full-vocab"])
def test_packing_changes_nothing_under_any_loss(loss: Loss) -> None:
    module = RewardModule(tiny_model("llama").train(), ANSWERS, full_vocab=loss == "full-vocab")
    whole, found = loss_and_gradients(module, BATCH, loss)
    expected_loss, expected = summed([loss_and_gradients(module, single, loss) for single in singles(BATCH)])
    assert whole == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, expected) <= 1e-5


def test_trees_equal_padded_batches_with_pairs_too() -> None:
    trees = RewardModule(tiny_model("qwen3").train(), ANSWERS)
    padded = RewardModule(tiny_model("qwen3").train(), ANSWERS)
    padded.plan = padded.plan._replace(kind="sorted")
    loss, found = loss_and_gradients(trees, PAIRED)
    expected_loss, expected = loss_and_gradients(padded, PAIRED)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, expected) <= 1e-5


@pytest.mark.parametrize("family", ["qwen3", "llama", "mistral_sliding"])
def test_classifier_gives_what_transformers_give(family: str) -> None:
    model = tiny_classifier(family)
    module = RewardModule(model, None)
    rows = [tree.prefix + suffix for tree in BATCH.trees for suffix in tree.suffixes]
    with torch.no_grad():
        expected = torch.cat([model(input_ids=torch.tensor([row])).logits[:, 0] for row in rows])
        with module.ready():
            assert torch.allclose(module(BATCH), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1
    loss, found = loss_and_gradients(module, PAIRED)
    module.plan = module.plan._replace(kind="sorted")
    expected_loss, gradients = loss_and_gradients(module, PAIRED)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, gradients) <= 1e-5


@pytest.mark.parametrize("family", ["qwen3", "mistral_sliding"])
def test_checkpointed_activations_change_nothing(family: str) -> None:
    module = RewardModule(tiny_model(family).train(), ANSWERS)
    _, expected = loss_and_gradients(module, BATCH)
    module.model.activation_checkpointing_enable({"use_reentrant": False})
    _, found = loss_and_gradients(module, BATCH)
    assert relative_difference(found, expected) <= 1e-6


def test_scores_stay_fp32_under_autocast() -> None:
    module = RewardModule(tiny_model("qwen3", noise=0.0, initializer_range=0.02), ANSWERS)
    with torch.no_grad(), module.ready():
        exact = module(BATCH)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = module(BATCH)
    assert scores.dtype == torch.float32
    assert not torch.equal(scores, scores.bfloat16().float())
    assert torch.allclose(scores, exact, atol=0.03 * exact.std().item())


def test_micro_batch_without_targets_and_pairs_loses_nothing_and_has_a_gradient_of_zeros() -> None:
    module = RewardModule(tiny_model("qwen3").train(), ANSWERS)
    loss, found = loss_and_gradients(module, MicroBatch(trees=BATCH.trees))
    assert loss == 0.0
    assert all(gradient.abs().max() == 0 for gradient in found.values())
    assert found.keys() == dict(module.named_parameters()).keys()
