"""The gradient of a step against autograd over the model's own logits, and against other splits of its rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.models.head_entropy import OutputHead
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
