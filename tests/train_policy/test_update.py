"""The gradient of a step against autograd over the model's own logits, and against other splits of its rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead, output_head
from stages.train_policy.arrays import Objective, TokenBatch, TrainRow
from stages.train_policy.forward import log_probs, micro_batches
from stages.train_policy.update import UpdateResult, accumulate
from tests.naive.fused_policy_loss import plain_loss
from tests.one_thread import one_thread
from tests.tiny_families import tiny_model

__all__ = ["one_thread"]

OBJECTIVES = {
    "ce-gppo": Objective(dual_clip=2.0),
    "bonus": Objective(entropy_bonus=0.02),
    "kl and nll": Objective(kl=0.1, nll=0.1),
    "gspo": Objective(eps_low=0.05, eps_high=0.05, beta1=0.0, beta2=0.0, sequence_ratio=True),
}
TEMPERATURE = 0.9


def train_rows(model: Any, objective: Objective, num_rows: int = 9) -> list[TrainRow]:
    """Rows of many lengths; ratios on both sides of the range, and a third of the rows without advantage."""
    draw = np.random.default_rng(3)
    pairs = [
        (tuple(draw.integers(3, 400, draw.integers(1, 9)).tolist()), tuple(draw.integers(3, 400, 1 + n * 2).tolist()))
        for n in range(num_rows)
    ]
    now = log_probs(
        model, OutputHead(model.lm_head.weight), pairs, temperature=TEMPERATURE, micro_tokens=64, autocast=None
    )
    total = sum(len(completion) for _, completion in pairs)
    return [
        TrainRow(
            id=f"row {n}",
            prompt_ids=prompt,
            completion_ids=completion,
            advantage=float(np.float32(draw.normal())) if n % 3 else 0.0,
            weight=float(np.float32(1 / total)),
            old=stats.logp + draw.normal(0, 0.4, len(completion)).astype(np.float32),
            reference=stats.logp + draw.normal(0, 0.2, len(completion)).astype(np.float32) if objective.kl else None,
            nll_weight=1 / 16 if n % 2 else 0.0,
        )
        for n, ((prompt, completion), stats) in enumerate(zip(pairs, now, strict=True))
    ]


def update(
    model: Any,
    rows: Sequence[TrainRow],
    objective: Objective,
    batches: Sequence[Sequence[int]],
    autocast: torch.dtype | None = None,
) -> tuple[UpdateResult, list[Tensor]]:
    model.zero_grad(set_to_none=True)
    head = OutputHead(model.lm_head.weight)
    result = accumulate(model, head, rows, objective, temperature=TEMPERATURE, batches=batches, autocast=autocast)
    return result, gradients(model)


def gradients(model: Any) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters()]


def literal(model: Any, rows: Sequence[TrainRow], objective: Objective) -> tuple[float, list[Tensor]]:
    """Loss and gradients of the loss as it is written, row by row, over the logits that the model itself makes."""
    model.zero_grad(set_to_none=True)
    total = 0.0
    for row in rows:
        text = row.prompt_ids + row.completion_ids
        logits = model(input_ids=torch.tensor([text])).logits[0, len(row.prompt_ids) - 1 : -1]
        size = len(row.completion_ids)
        full = torch.full((size,), 1.0, dtype=torch.float64)
        targets, old = torch.tensor(row.completion_ids), torch.from_numpy(row.old).double()
        ratio = None
        if objective.sequence_ratio:
            logp = (logits / TEMPERATURE).log_softmax(dim=1)[torch.arange(size), targets].detach()
            ratio = (logp - old).mean() * full
        batch = TokenBatch(
            targets,
            old,
            full * row.advantage,
            full * row.weight,
            None if row.reference is None else torch.from_numpy(row.reference).double(),
            full * row.nll_weight if objective.nll else None,
            ratio,
        )
        eye = torch.eye(logits.shape[1], dtype=logits.dtype)
        loss = plain_loss(logits, OutputHead(eye), batch, objective, TEMPERATURE).loss
        loss.backward()
        total += float(loss.detach())
    return total, gradients(model)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("tied", [False, True])
def test_the_gradient_is_autograds_of_the_literal_loss_on_the_models_logits(objective: Objective, tied: bool) -> None:
    model = tiny_model("qwen3", tie_word_embeddings=tied)
    rows = train_rows(model, objective)
    model.double()
    expected_loss, expected = literal(model, rows, objective)
    result, found = update(
        model, rows, objective, micro_batches([len(r.prompt_ids + r.completion_ids) for r in rows], 40)
    )
    assert result.loss == pytest.approx(expected_loss, abs=1e-12)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_any_split_of_the_rows_gives_the_same_gradient(objective: Objective) -> None:
    model = tiny_model("qwen3")
    rows = train_rows(model, objective, 8)
    whole, expected = update(model, rows, objective, [[*range(8)]])
    scale = max(float(part.abs().max()) for part in expected)
    splits = [
        [[0, 1, 2, 3], [4, 5, 6, 7]],
        [[6, 7], [4, 5], [2, 3], [0, 1]],
        [[n] for n in range(8)],
        [[7, 0, 3], [5], [1, 6, 2, 4]],
    ]
    for split in splits:
        result, found = update(model, rows, objective, split)
        assert result.loss == pytest.approx(whole.loss, abs=1e-6)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6 * max(1.0, scale))
        for name, array in result.stats._asdict().items():
            np.testing.assert_allclose(array, getattr(whole.stats, name), rtol=1e-4, atol=2e-5, err_msg=name)


def test_stats_are_those_of_the_rows_in_their_order() -> None:
    model = tiny_model("qwen3")
    rows = train_rows(model, Objective())
    result, _ = update(model, rows, Objective(), [[8, 2, 0], [7, 1], [3, 4, 6, 5]])
    stats = result.stats
    sizes = [len(row.completion_ids) for row in rows]
    assert stats.row.tolist() == [n for n, size in enumerate(sizes) for _ in range(size)]
    assert stats.row.dtype == np.int64
    assert stats.region.dtype == np.int8
    assert all(array.shape == (sum(sizes),) for array in stats)
    assert all(getattr(stats, name).dtype == np.float32 for name in stats._fields if name not in ("row", "region"))
    pairs = [(row.prompt_ids, row.completion_ids) for row in rows]
    now = log_probs(
        model, OutputHead(model.lm_head.weight), pairs, temperature=TEMPERATURE, micro_tokens=50, autocast=None
    )
    np.testing.assert_allclose(stats.logp, np.concatenate([one.logp for one in now]), rtol=0, atol=2e-5)
    np.testing.assert_allclose(stats.entropy, np.concatenate([one.entropy for one in now]), rtol=0, atol=2e-5)
    assert np.array_equal(stats.old, np.concatenate([row.old for row in rows]))
    assert stats.advantage[stats.row == 4].tolist() == [rows[4].advantage] * sizes[4]
    assert result.loss == pytest.approx(float((stats.weight.astype(float) * stats.value).sum()), abs=1e-6)


def test_a_second_call_adds_to_the_gradient() -> None:
    model = tiny_model("qwen3")
    rows = train_rows(model, Objective())
    _, once = update(model, rows, Objective(), [[*range(9)]])
    head = OutputHead(model.lm_head.weight)
    accumulate(model, head, rows, Objective(), temperature=TEMPERATURE, batches=[[*range(9)]], autocast=None)
    for one, both in zip(once, gradients(model), strict=True):
        torch.testing.assert_close(2 * one, both, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["qwen3_sliding", "gemma2"])
def test_a_family_that_cannot_pack_has_the_gradient_of_single_rows(family: str) -> None:
    model = tiny_model(family, tie_word_embeddings=True)
    rows = train_rows(model, Objective(), 4)
    model.zero_grad(set_to_none=True)
    head = output_head(model)
    accumulate(model, head, rows, Objective(), temperature=TEMPERATURE, batches=[[0, 1, 2, 3]], autocast=None)
    together = gradients(model)
    model.zero_grad(set_to_none=True)
    singles = [[n] for n in range(4)]
    accumulate(model, head, rows, Objective(), temperature=TEMPERATURE, batches=singles, autocast=None)
    for one, other in zip(together, gradients(model), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
@pytest.mark.parametrize("family", ["qwen3", "qwen3_sliding"])
def test_gradient_checkpointing_changes_nothing(family: str, autocast: torch.dtype | None) -> None:
    model = tiny_model(family).train()
    rows = train_rows(model, Objective())
    batches = [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    _, expected = update(model, rows, Objective(), batches, autocast)
    model.activation_checkpointing_enable({"use_reentrant": False})
    _, found = update(model, rows, Objective(), batches, autocast)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    pairs = [(row.prompt_ids, row.completion_ids) for row in rows]
    head = OutputHead(model.lm_head.weight)
    log_probs(model, head, pairs, temperature=TEMPERATURE, micro_tokens=50, autocast=autocast)


def test_autocast_leaves_gradients_of_f32_near_those_without() -> None:
    model = tiny_model("qwen3", noise=0.02)
    rows = train_rows(model, Objective())
    _, expected = update(model, rows, Objective(), [[*range(9)]])
    _, found = update(model, rows, Objective(), [[*range(9)]], torch.bfloat16)
    assert all(part.dtype == torch.float32 for part in found)
    one, other = (torch.cat([part.flatten() for part in parts]) for parts in (found, expected))
    assert not torch.equal(one, other)
    assert float(torch.cosine_similarity(one, other, dim=0)) > 0.95


def test_batches_that_miss_a_row_are_a_mistake() -> None:
    model = tiny_model("qwen3")
    rows = train_rows(model, Objective(), 3)
    for batches in ([[0, 1]], [[0, 1], [1, 2]]):
        with pytest.raises(AssertionError):
            update(model, rows, Objective(), batches)
