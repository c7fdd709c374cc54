"""Runs of training in one process: against a loop written out, stopped and resumed, with numbers not finite."""

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from stages.core.checkpoints import complete_checkpoints, step_of
from stages.core.errors import ConfigError, DataError, Interrupted
from stages.train_rm.adapters import add_adapters
from stages.train_rm.arguments import products_in_bf16
from stages.train_rm.batch import Step
from stages.train_rm.loop import LOG, train
from stages.train_rm.module import RewardModule
from stages.train_rm.step_log import StepRecord, read_steps
from tests.naive.pairs import log_odds_one_by_one
from tests.tiny_families import tiny_model
from tests.train_rm.batches import ANSWERS, random_batch, random_steps
from tests.train_rm.models import tiny_classifier
from tests.train_rm.training import assert_close, settings

STEPS = random_steps(7, 4, pairs=True)


def fresh() -> RewardModule:
    return RewardModule(tiny_model("qwen3"), ANSWERS)


def weights_of(module: RewardModule) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def test_run_equals_a_loop_written_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module = fresh()
    records = list(read_steps(train(module, STEPS, settings(), folder=tmp_path)))
    twin = tiny_model("qwen3")
    expected = _written_out(twin, STEPS)
    for record, (loss, pair_loss, norm, rate) in zip(records, expected, strict=True):
        assert record.loss == pytest.approx(loss, rel=1e-5)
        assert record.pair_loss == pytest.approx(pair_loss, rel=1e-5)
        assert record.grad_norm == pytest.approx(norm, rel=1e-4)
        assert record.learning_rate == pytest.approx(rate, rel=1e-6, abs=1e-12)
    assert_close(weights_of(module), {f"model.{name}": weight for name, weight in twin.named_parameters()})
    assert [record.rows for record in records] == [step.num_rows for step in STEPS]
    assert [record.tokens for record in records] == [step.num_tokens for step in STEPS]
    assert capfd.readouterr() == ("", "")


def _written_out(model: torch.nn.Module, steps: list[Step]) -> list[tuple[float, float, float, float]]:
    """Pairs one by one, the mean over a whole step, AdamW, and the cosine: loss, pair loss, norm, learning rate."""
    decayed = [weight for name, weight in model.named_parameters() if "norm" not in name]
    others = [weight for name, weight in model.named_parameters() if "norm" in name]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=0.0)
    warmup = round(0.25 * len(steps))
    seen = []
    for n, step in enumerate(steps):
        rows, pairs = [], []
        for batch in step.micro_batches:
            tokens = [tree.prefix + suffix for tree in batch.trees for suffix in tree.suffixes]
            scores = log_odds_one_by_one(model, tokens, ANSWERS.yes, ANSWERS.no)
            rows.append(binary_cross_entropy_with_logits(scores, torch.tensor(batch.targets), reduction="none"))
            pairs += [-logsigmoid(scores[b] - scores[w] - margin) for b, w, margin in batch.pairs]
        loss, pair_loss = torch.cat(rows).mean(), torch.stack(pairs).mean()
        optimiser.zero_grad()
        (loss + 0.5 * pair_loss).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        share = (n - warmup) / (len(steps) - warmup)
        rate = 1e-3 * (n / warmup if n < warmup else 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        seen.append((loss.item(), pair_loss.item(), norm.item(), rate))
    return seen


def test_stopped_run_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    whole, parts = fresh(), fresh()
    expected = (train(whole, STEPS, settings(), folder=tmp_path / "whole")).read_text()
    told: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def stop_in_step_4(steps: int) -> None:
        told.append(steps)
        if sum(told) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="Stopped by SIGINT after step 5 of 7"):
        train(parts, STEPS, settings(), folder=tmp_path / "parts", advance=stop_in_step_4)
    assert [step_of(path) for path in complete_checkpoints(tmp_path / "parts")] == [3, 5]
    assert signal.getsignal(signal.SIGINT) is before
    again, notices = fresh(), list[str]()
    told.clear()
    log = train(again, STEPS, settings(), folder=tmp_path / "parts", advance=told.append, notice=notices.append)
    assert log.read_text() == expected
    assert told == [5, 1, 1]
    assert notices == ["Going on after step 5 of 7."]
    final = weights_of(whole)
    assert all(torch.equal(weight, final[name]) for name, weight in weights_of(again).items())


def test_finished_run_is_loaded_not_repeated(tmp_path: Path) -> None:
    module, again = fresh(), fresh()
    before = train(module, STEPS, settings(), folder=tmp_path).read_text()
    told: list[int] = []
    assert train(again, STEPS, settings(), folder=tmp_path, advance=told.append).read_text() == before
    assert told == [7]
    final = weights_of(module)
    assert all(torch.equal(weight, final[name]) for name, weight in weights_of(again).items())


@pytest.mark.parametrize("bf16", [False, True])
def test_adapters_resume_too_and_only_they_are_stored(bf16: bool, tmp_path: Path) -> None:
    def adapted() -> RewardModule:
        module = fresh()
        add_adapters(module, rank=2, alpha=4.0, seed=0)
        return module

    how = settings(bf16=bf16, gradient_checkpointing=True)
    whole, parts = adapted(), adapted()
    base = {name: weight for name, weight in weights_of(whole).items() if "lora_" not in name}
    expected = train(whole, STEPS, how, folder=tmp_path / "whole").read_text()
    with pytest.raises(Interrupted):
        train(parts, STEPS, how, folder=tmp_path / "parts", advance=lambda n: os.kill(os.getpid(), signal.SIGTERM))
    again = adapted()
    assert train(again, STEPS, how, folder=tmp_path / "parts").read_text() == expected
    final = weights_of(again)
    assert all(torch.equal(weight, final[name]) for name, weight in base.items())
    stored = (tmp_path / "parts" / "checkpoint-7" / "trained.safetensors").stat().st_size
    assert stored < sum(weight.numel() * 4 for weight in base.values()) / 2


def test_bf16_learns_what_fp32_learns(tmp_path: Path) -> None:
    logs = [
        list(read_steps(train(fresh(), STEPS, settings(bf16=bf16), folder=tmp_path / str(bf16))))
        for bf16 in (False, True)
    ]
    for exact, rough in zip(*logs, strict=True):
        assert rough.loss != exact.loss
        assert rough.loss == pytest.approx(exact.loss, rel=0.1)


def test_classifier_learns_pairs_without_targets(tmp_path: Path) -> None:
    def without_targets(step: Step) -> Step:
        return Step(micro_batches=tuple(replace(batch, targets=()) for batch in step.micro_batches))

    steps = [without_targets(STEPS[n % 2]) for n in range(12)]
    module = RewardModule(tiny_classifier("qwen3"), None)
    log = train(module, steps, settings(learning_rate=3e-3, pair_weight=1.0), folder=tmp_path)
    records = list(read_steps(log))
    assert [record.loss for record in records] == [None] * 12
    assert [record.rows for record in records] == [0] * 12
    losses = [record.pair_loss for record in records]
    assert losses[-1] is not None
    assert losses[0] is not None
    assert losses[-1] < 0.5 * losses[0]


def test_idle_micro_batches_change_nothing(tmp_path: Path) -> None:
    idle = replace(random_batch(((1, 5),), 99), targets=())
    padded = [replace(step, micro_batches=(*step.micro_batches, idle)) for step in STEPS]
    expected = list(read_steps(train(fresh(), STEPS, settings(), folder=tmp_path / "plain")))
    found = list(read_steps(train(fresh(), padded, settings(), folder=tmp_path / "padded")))
    assert [record._replace(grad_norm=0) for record in found] == [record._replace(grad_norm=0) for record in expected]


def poisoned(step: int, row: int) -> list[Step]:
    """Steps of which one row has a label that is not a number."""
    batches = list(STEPS[step].micro_batches)
    place = next(n for n, batch in enumerate(batches) if row in batch.rows)
    targets = list(batches[place].targets)
    targets[batches[place].rows.index(row)] = float("nan")
    batches[place] = replace(batches[place], targets=tuple(targets))
    return [*STEPS[:step], Step(micro_batches=tuple(batches)), *STEPS[step + 1 :]]


def test_loss_that_is_not_finite_stops_with_step_and_rows_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    module = fresh()
    row = STEPS[4].micro_batches[2].rows[1]
    with pytest.raises(DataError, match=rf"The loss of step 5 is not finite; the input rows are {row}\."):
        train(module, poisoned(4, row), settings(), folder=tmp_path)
    assert [step_of(path) for path in complete_checkpoints(tmp_path)] == [3]
    assert [record.step for record in read_steps(tmp_path / LOG)] == [1, 2, 3, 4]
    assert all(weight.isfinite().all() for weight in module.parameters())
    expected = train(fresh(), STEPS, settings(), folder=tmp_path / "whole").read_text()
    assert train(fresh(), STEPS, settings(), folder=tmp_path).read_text() == expected


def test_gradient_that_is_not_finite_stops_and_nothing_of_it_is_stored(tmp_path: Path) -> None:
    module = fresh()
    passes = 0

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        nonlocal passes
        passes += 1
        return gradient * float("inf") if passes == 4 * 3 + 2 else gradient

    module.model.model.norm.weight.register_hook(spoil)
    with pytest.raises(
        DataError, match=r"The gradient of step 4 is not finite; the input rows are \d+, .* and \d+ more"
    ):
        train(module, STEPS, settings(save_every=1), folder=tmp_path)
    assert [step_of(path) for path in complete_checkpoints(tmp_path)] == [2, 3]
    assert [record.step for record in read_steps(tmp_path / LOG)] == [1, 2, 3]


def test_another_number_of_steps_between_checkpoints_counts_from_the_resume_on(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(fresh(), STEPS, settings(), folder=tmp_path, advance=lambda n: os.kill(os.getpid(), signal.SIGTERM))
    train(fresh(), STEPS, settings(save_every=5), folder=tmp_path)
    assert [step_of(path) for path in complete_checkpoints(tmp_path)] == [5, 7]


def test_checkpoint_without_its_marker_is_not_used(tmp_path: Path) -> None:
    expected = train(fresh(), STEPS, settings(), folder=tmp_path).read_text()
    (tmp_path / "checkpoint-7" / "complete").unlink()
    told: list[int] = []
    assert train(fresh(), STEPS, settings(), folder=tmp_path, advance=told.append).read_text() == expected
    assert told == [6, 1]


def test_fsdp_without_torchrun_or_gpus_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"--fsdp shards .* start it with torchrun"):
        train(fresh(), STEPS, settings(fsdp=True), folder=tmp_path)
    monkeypatch.setenv("RANK", "0")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="--fsdp needs GPUs"):
            train(fresh(), STEPS, settings(fsdp=True), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_records_survive_a_cut_line(tmp_path: Path) -> None:
    log = tmp_path / LOG
    record = StepRecord(1, 0.1 + 0.2, None, 1.0, 1e-3, 10, 2, 0)
    log.write_text(json.dumps(record._asdict()) + '\n{"step": 2, "lo', encoding="utf-8")
    assert list(read_steps(log)) == [record]


@pytest.mark.parametrize(("precision", "fast", "expected"), [("auto", "bfloat16", True), ("auto", "float32", False)])
def test_precision_auto_asks_the_device(
    precision: str, fast: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.train_rm.arguments.fast_dtype", lambda device: fast)
    assert products_in_bf16(precision) == expected  # type: ignore[arg-type]
    assert products_in_bf16("bf16")
    assert not products_in_bf16("fp32")


def test_one_process_that_sees_several_gpus_uses_one_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    notices: list[str] = []
    train(fresh(), STEPS[:1], settings(), folder=tmp_path, notice=notices.append)
    assert notices == ["One of 4 GPUs is used; start it with torchrun --nproc-per-node 4 to use all."]
