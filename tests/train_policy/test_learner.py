"""One step of the optimiser: its learning rate, what decays, what the gradient's norm is cut to."""

import numpy as np
import pytest
import torch

from stages.models.head_entropy import output_head
from stages.train_policy.arrays import Objective, TrainRow
from stages.train_policy.learner import Learner
from tests.toy_policy import toy_model
from tests.train_policy.toy_run import SETTINGS, toy_prompts


def learner(**changes: float) -> Learner:
    torch.manual_seed(0)
    model = toy_model(0).train()
    return Learner(model, output_head(model), SETTINGS._replace(**changes))  # type: ignore[arg-type]


def rows(of: Learner, advantage: float) -> list[TrainRow]:
    """One completion of two tokens, whose ratios are 1."""
    prompt = toy_prompts(1)[0].ids
    (old,) = of.log_probs([(prompt, (3, 4))])
    return [TrainRow("p#0", prompt, (3, 4), advantage, 0.5, np.array(old, np.float32))]


def weights(of: Learner) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in of.model.named_parameters()}


@pytest.mark.parametrize(
    ("warmup", "rates"), [(4, [0.0025, 0.005, 0.0075, 0.01, 0.01]), (1, [0.01, 0.01]), (0, [0.01, 0.01])]
)
def test_the_learning_rate_rises_to_what_it_stays_at(warmup: int, rates: list[float]) -> None:
    policy = learner(warmup=warmup)
    found = [
        policy.step(rows(policy, 0.0), [[0]], Objective(), number + 1).learning_rate for number in range(len(rates))
    ]
    assert found == pytest.approx(rates)


def test_matrices_decay_and_vectors_do_not() -> None:
    policy = learner(warmup=0, learning_rate=0.5, weight_decay=0.1)
    before = weights(policy)
    stepped = policy.step(rows(policy, 0.0), [[0]], Objective(), 1)
    assert stepped.grad_norm == 0
    assert {weight.ndim for weight in before.values()} >= {1, 2}
    for name, after in weights(policy).items():
        # AdamW, arXiv 1711.05101: without a gradient a weight is multiplied by 1 - rate * decay
        expected = before[name] * (0.95 if after.ndim > 1 else 1.0)
        assert torch.allclose(after, expected, rtol=1e-6), name


def test_the_rate_of_a_step_is_what_weights_move_by() -> None:
    moved = []
    for number in (1, 2):
        policy = learner(warmup=2, weight_decay=0.0)
        before = weights(policy)
        policy.step(rows(policy, 1.0), [[0]], Objective(), number)
        after = weights(policy)
        moved.append(max(float((after[name] - before[name]).abs().max()) for name in before))
    # Adam's first step moves a weight by the rate, whatever its gradient
    assert moved == pytest.approx([0.005, 0.01], rel=1e-3)


def test_the_norm_is_told_as_it_was_before_the_cut() -> None:
    norms = []
    for clip in (0.0, 1e-3, 1e9):
        policy = learner(grad_clip=clip, weight_decay=0.0)
        before = weights(policy)
        norms.append(policy.step(rows(policy, 1.0), [[0]], Objective(), 1).grad_norm)
        assert all(weight.grad is None for weight in policy.model.parameters())
        # 0 cuts nothing, and least of all everything
        assert any(not torch.equal(after, before[name]) for name, after in weights(policy).items())
    assert norms[0] == norms[1] == norms[2] > 1e-3
