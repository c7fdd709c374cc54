"""The trainer in TRL: stock GRPO where it should be, and a halt where TRL, or a policy, is not what it was."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import RepeatSampler

from stages.core.errors import ConfigError, DataError
from stages.train_policy.arrays import Objective
from stages.train_policy.trl_trainer import OPEN, EpochOrder, PolicyTrainer
from tests.train_policy.trl_toy import policy

# TRL calls what transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:.*will be removed in v6:FutureWarning")

GRPO = Objective(beta1=0.0, beta2=0.0)
SAME = ("reward", "reward_std", "entropy", "grad_norm", "completions/mean_length")


def vowels(prompts: list[str], completions: list[str], **columns: object) -> list[float]:
    return [sum(letter in "aeiou" for letter in text) / 8 for text in completions]


def options(folder: Path, steps: int, **changes: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": 8,
        "steps_per_generation": 4,
        "gradient_accumulation_steps": 1,
        "num_generations": 4,
        "max_completion_length": 8,
        "learning_rate": 1e-2,
        "lr_scheduler_type": "constant",
        "bf16": False,
        "gradient_checkpointing": None,
        "loss_type": "dapo",
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
    } | changes


def ours(folder: Path, steps: int, objective: Objective = GRPO, **changes: Any) -> PolicyTrainer:
    model, tokenizer, prompts = policy()
    return PolicyTrainer(
        model,
        reward_funcs=vowels,
        args=GRPOConfig(epsilon=OPEN, epsilon_high=OPEN, **options(folder, steps, **changes)),
        train_dataset=Dataset.from_dict({"prompt": [prompt.id for prompt in prompts]}),
        processing_class=tokenizer,
        objective_at=lambda step: objective,
        prompt_ids={prompt.id: prompt.ids for prompt in prompts},
    )


def stock(folder: Path, steps: int, **changes: Any) -> GRPOTrainer:
    model, tokenizer, prompts = policy()
    texts = [prompt.messages[0].content for prompt in prompts]
    return GRPOTrainer(
        model,
        reward_funcs=vowels,
        args=GRPOConfig(epsilon=0.2, epsilon_high=0.2, **options(folder, steps, **changes)),
        train_dataset=Dataset.from_dict({"prompt": texts}),
        processing_class=tokenizer,
    )


def figures(trainer: Any) -> list[tuple[Any, ...]]:
    trainer.train()
    history = [logs for logs in trainer.state.log_history if "grad_norm" in logs]
    return [tuple(logs.get(name) for name in SAME) for logs in history]


def assert_equals_stock(folder: Path, steps: int) -> None:
    # a trainer sets the seed when it is made
    one = ours(folder / "ours", steps)
    found = figures(one)
    two = stock(folder / "stock", steps)
    expected = figures(two)
    assert len(found) == steps
    assert found == expected
    for (name, mine), theirs in zip(one.model.named_parameters(), two.model.parameters(), strict=True):
        assert torch.equal(mine, theirs), name
    outside = [logs["region/na_lp"] + logs["region/pa_lp"] for logs in one.state.log_history if "tokens" in logs]
    assert max(outside) > 0.05, "nothing left the range, so nothing was compared"


def test_without_betas_it_is_stock_grpo_bit_for_bit(tmp_path: Path) -> None:
    assert_equals_stock(tmp_path, 12)


@pytest.mark.slow
def test_without_betas_it_is_stock_grpo_over_100_steps(tmp_path: Path) -> None:
    assert_equals_stock(tmp_path, 100)


def test_with_betas_it_is_not(tmp_path: Path) -> None:
    found = figures(ours(tmp_path / "ours", 4, Objective(beta1=1.0, beta2=1.0)))
    assert found[0] == figures(stock(tmp_path / "stock", 4))[0]
    assert found != figures(stock(tmp_path / "stock", 4))


def test_counts_of_regions_sum_to_the_trained_tokens(tmp_path: Path) -> None:
    trainer = ours(tmp_path, 8, gradient_accumulation_steps=2)
    trainer.train()
    lines = [logs for logs in trainer.state.log_history if "tokens" in logs]
    assert len(lines) == 8
    assert all(0 < logs["tokens"] <= 2 * 8 * 8 for logs in lines)
    for logs in lines:
        assert sum(value for name, value in logs.items() if name.startswith("region/")) == pytest.approx(1)
        assert logs["beta1"] == 0.0


def test_buffered_batches_keep_their_advantages(tmp_path: Path) -> None:
    trainer = ours(tmp_path, 1)
    inputs = batch()
    before = inputs["advantages"].clone()
    trainer.current_gradient_accumulation_steps = 1
    trainer._compute_loss(model_of(inputs, 1.0), inputs)
    assert torch.equal(inputs["advantages"], before)


def test_tokens_outside_a_tools_mask_have_no_gradient(tmp_path: Path) -> None:
    trainer = ours(tmp_path, 1)
    trainer.current_gradient_accumulation_steps = 1
    inputs = batch() | {"tool_mask": torch.tensor([[1, 0, 1]] * 8)}
    model = model_of(inputs, 0.1)
    trainer._compute_loss(model, inputs).backward()
    assert model.leaf.grad[:, 1].eq(0).all()
    assert model.leaf.grad[:, [0, 2]].ne(0).all()
    assert int(trainer._regions.sum()) == 16


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (21.0, r"^Step 1, process 0: row 0 of a micro-batch, token 0: its log-probability changed by 21"),
        (float("nan"), r"row 0 of a micro-batch, token 0: its log-probability is nan"),
    ],
)
def test_log_probabilities_that_moved_too_far_stop_the_run(tmp_path: Path, shift: float, message: str) -> None:
    inputs = batch()
    with pytest.raises(DataError, match=message):
        ours(tmp_path, 1)._compute_loss(model_of(inputs, shift), inputs)


def test_a_single_token_that_moved_too_far_stops_the_run(tmp_path: Path) -> None:
    rows = 400
    inputs = {name: value.repeat(rows // 8, *[1] * (value.ndim - 1)) for name, value in batch().items() if value.ndim}
    model = model_of(inputs, 0.0)
    with torch.no_grad():
        model.leaf[7, 1] += 20.5
    with pytest.raises(DataError, match=r"changed by 20\.5 since it was sampled, and TRL does not bound ratios"):
        ours(tmp_path, 1)._compute_loss(model, inputs)


def test_a_sampler_that_disagrees_stops_the_run(tmp_path: Path) -> None:
    inputs = batch()
    inputs["sampling_per_token_logps"] = inputs["old_per_token_logps"] - 0.06
    with pytest.raises(DataError, match=r"sampler and trainer disagree by 0\.06 nats a token, more than 0\.05"):
        ours(tmp_path, 1)._compute_loss(model_of(inputs, 0.0), inputs)


def test_canary_advantages_read_too_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock_loss = GRPOTrainer._compute_loss

    def early(self: Any, model: Any, inputs: Any) -> Any:
        inputs["advantages"].mean()
        return stock_loss(self, model, inputs)

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", early)
    with pytest.raises(ConfigError, match=r"reads the advantages before .* pip install 'rlbff\[trl\]'"):
        ours(tmp_path, 1)._compute_loss(model_of(batch(), 0.0), batch())


@pytest.mark.parametrize("loss", [lambda self, model, inputs: torch.zeros(()), "unread"])
def test_canary_advantages_not_read_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Callable[..., Tensor] | str
) -> None:
    def unread(self: Any, model: Any, inputs: Any) -> Tensor:
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        logps, _, _ = self._get_per_token_logps_and_entropies(model, ids, torch.ones_like(ids), 3)
        return Tensor(logps.sum())

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", unread if isinstance(loss, str) else loss)
    with pytest.raises(ConfigError, match="does not read the advantages after"):
        ours(tmp_path, 1)._compute_loss(model_of(batch(), 0.0), batch())


def batch() -> dict[str, Tensor]:
    ones = torch.ones(8, 3, dtype=torch.int64)
    return {
        "prompt_ids": ones,
        "prompt_mask": ones,
        "completion_ids": ones,
        "completion_mask": ones,
        "advantages": torch.tensor([1.0, -1.0] * 4),
        "old_per_token_logps": torch.full((8, 3), -2.0),
        "num_items_in_batch": torch.tensor(24),
    }


class model_of:  # noqa: N801 - reads as a function
    """A model that gives every completion token of `inputs` the old log-probability plus `shift`."""

    def __init__(self, inputs: dict[str, Tensor], shift: float) -> None:
        self.leaf = (inputs["old_per_token_logps"] + shift).requires_grad_()

    def __call__(self, **_: object) -> Any:
        return type("Output", (), {"log_probs": self.leaf, "entropy": torch.zeros_like(self.leaf)})


def test_the_prompts_of_an_epoch_are_trls_whichever_epoch_comes_first() -> None:
    options: dict[str, Any] = {"mini_repeat_count": 2, "batch_size": 3, "repeat_count": 2, "seed": 5}
    plain = RepeatSampler(range(10), **options)
    expected = [list(plain) for _ in range(3)]
    assert expected[0] != expected[1]
    sampler = RepeatSampler(range(10), **options)
    for epoch in (2, 0, 1, 1):
        orders = EpochOrder(sampler, partial(int, epoch))
        assert list(orders) == expected[epoch]
        assert len(orders) == len(expected[0]) == 36
