"""Whether all engines have one loss: the gradients of a golden batch by every log-probability, through each of them.

The batch is tests/golden/policy_batch.json; its gradients are those of the objective as the paper writes it, in f64.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from stages.models.tiny import make_tiny
from stages.train_policy.arrays import Objective, Prompt, TokenBatch
from stages.train_policy.config import LossOptions, RolloutOptions, TrainingOptions, TrainPolicyConfig
from stages.train_policy.loss import objective, policy_loss, sequence_log_ratio
from stages.train_policy.presets import Settled, settle

VERL_MODES: Final = {"token-mean": "token-mean", "sequence-mean": "seq-mean-token-mean"}


class Row(NamedTuple):
    """One completion: log-probabilities now and before the update, and its advantage; values that f32 holds."""

    logp: tuple[float, ...]
    old: tuple[float, ...]
    advantage: float


class Case(NamedTuple):
    """Settings of the loss, as options, and the gradient of the loss by each log-probability, (rows, tokens)."""

    preset: str
    loss: Mapping[str, Any]
    gradients: tuple[tuple[float, ...], ...]


class Golden(NamedTuple):
    """A batch, and what is expected of it under several settings."""

    rows: tuple[Row, ...]
    cases: tuple[Case, ...]


def read_golden(path: Path) -> Golden:
    """Read the committed batch."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Golden(
        tuple(Row(tuple(row["logp"]), tuple(row["old"]), row["advantage"]) for row in stored["rows"]),
        tuple(Case(case["preset"], case["loss"], tuple(map(tuple, case["gradients"]))) for case in stored["cases"]),
    )


def case_config(case: Case, num_rows: int) -> TrainPolicyConfig:
    """The options of a run in which the batch is one group, and one micro-batch."""
    return TrainPolicyConfig(
        inputs=("golden",),
        model="tiny",
        reward=("math:",),
        preset=case.preset,  # type: ignore[arg-type]  # one of its names
        loss=LossOptions(**case.loss),
        rollouts=RolloutOptions(prompts_per_generation=1, group_size=num_rows, max_new_tokens=32),
        training=TrainingOptions(prompts_per_update=1, device="cpu", precision="fp32", allow_on_policy=True),
        engine="trl",
    )


def local_gradients(rows: Sequence[Row], case: Case) -> list[list[float]]:
    """The gradients of loss.policy_loss, which the engine `local` computes with, in f32."""
    settled = settle(case_config(case, len(rows)))
    lengths = [len(row.logp) for row in rows]
    logp = torch.tensor([value for row in rows for value in row.logp], requires_grad=True)
    old = torch.tensor([value for row in rows for value in row.old])
    own = objective(settled)
    batch = TokenBatch(
        targets=torch.zeros(len(logp), dtype=torch.int64),
        old=old,
        advantage=torch.tensor([row.advantage for row in rows for _ in row.logp]),
        weight=torch.tensor([token_weight(settled, lengths, length) for length in lengths for _ in range(length)]),
        ratio=sequence_log_ratio(logp.detach(), old, lengths) if own.sequence_ratio else None,
    )
    policy_loss(logp, batch, own)[0].backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    return [part.tolist() for part in torch.split(logp.grad, lengths)]


def trl_gradients(rows: Sequence[Row], case: Case) -> list[list[float]]:
    """The gradients of `_compute_loss` of trl_trainer.PolicyTrainer, whose model gives the log-probabilities as set."""
    # it takes TRL along
    from stages.train_policy.trl_engine import make_trainer
    from stages.train_policy.trl_scoring import Scorer

    config = case_config(case, len(rows))
    model, tokenizer = make_tiny(["golden"], seed=0)
    prompts = [Prompt(id="golden", messages=(), ids=(1, 2))]
    with TemporaryDirectory() as folder:
        unused: Any = None
        scorer = Scorer(config, settle(config), prompts, unused, frozenset())
        trainer, _ = make_trainer(config, settle(config), model, tokenizer, prompts, scorer, Path(folder))
        trainer.current_gradient_accumulation_steps = 1
        leaf, padded = _padded(rows)
        ones = torch.ones(len(rows), 2, dtype=torch.int64)
        inputs = {
            "prompt_ids": ones,
            "prompt_mask": ones,
            "completion_ids": torch.ones_like(padded["mask"]),
            "completion_mask": padded["mask"],
            "old_per_token_logps": padded["old"],
            "advantages": torch.tensor([row.advantage for row in rows]),
            "num_items_in_batch": padded["mask"].sum(),
        }

        def stub(**_: object) -> SimpleNamespace:
            return SimpleNamespace(log_probs=leaf, entropy=torch.zeros_like(leaf))

        trainer._compute_loss(stub, inputs).backward()
    return _unpadded(leaf, rows)


def verl_gradients(
    rows: Sequence[Row], case: Case, compute: Callable[..., tuple[Tensor, Mapping[str, float]]], config: object
) -> list[list[float]]:
    """The gradients of a policy loss out of verl's registry under verl's configuration of an actor."""
    settled = settle(case_config(case, len(rows)))
    leaf, padded = _padded(rows)
    advantages = torch.tensor([[row.advantage] for row in rows]).expand_as(leaf)
    loss, _ = compute(
        padded["old"], leaf, advantages, padded["mask"], loss_agg_mode=VERL_MODES[settled.aggregate], config=config
    )
    loss.backward()  # type: ignore[no-untyped-call]
    return _unpadded(leaf, rows)


def token_weight(settled: Settled, lengths: Sequence[int], length: int) -> float:
    """Weight in the loss of a token of a row of `length` tokens."""
    return 1 / sum(lengths) if settled.aggregate == "token-mean" else 1 / (len(lengths) * length)


def largest_difference(one: Sequence[Sequence[float]], two: Sequence[Sequence[float]]) -> float:
    """The largest distance of two gradients of a token."""
    return max(abs(a - b) for first, second in zip(one, two, strict=True) for a, b in zip(first, second, strict=True))


def case_objective(case: Case, num_rows: int) -> Objective:
    """The loss of a case."""
    return objective(settle(case_config(case, num_rows)))


def _padded(rows: Sequence[Row]) -> tuple[Tensor, dict[str, Tensor]]:
    """The log-probabilities as a leaf, old ones and mask; (rows, longest), where padding has numbers too."""
    longest = max(len(row.logp) for row in rows)
    leaf = torch.tensor([[*row.logp, *[-0.7] * (longest - len(row.logp))] for row in rows], requires_grad=True)
    old = torch.tensor([[*row.old, *[-2.3] * (longest - len(row.old))] for row in rows])
    mask = torch.tensor([[1] * len(row.logp) + [0] * (longest - len(row.logp)) for row in rows])
    return leaf, {"old": old, "mask": mask}


def _unpadded(leaf: Tensor, rows: Sequence[Row]) -> list[list[float]]:
    """The gradients of each row's tokens; those of padding must be 0."""
    assert leaf.grad is not None
    assert all(not row_grad[len(row.logp) :].any() for row_grad, row in zip(leaf.grad, rows, strict=True))
    return [row_grad[: len(row.logp)].tolist() for row_grad, row in zip(leaf.grad, rows, strict=True)]
