"""transformers' Trainer, fed with planned micro-batches: what one optimiser step sums, checks and writes down.

The plan, the schedule of checkpoints and signals are the business of loop.py; data parallelism, sharding, autocast and
clipping are the Trainer's.
"""

from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stages.core.errors import DataError
from stages.models.storing import writing
from stages.train_rm.batch import MicroBatch, Step
from stages.train_rm.config import Loss
from stages.train_rm.module import RewardModule
from stages.train_rm.objective import BatchLosses, batch_losses, weigh
from stages.train_rm.step_log import StepRecord

WEIGHTS = "trained.safetensors"


class Watcher(Protocol):
    """Who is told of steps."""

    @property
    def stop_wanted(self) -> bool:
        """Whether this process should stop at the end of the step."""

    def finished(self, record: StepRecord) -> None:
        """A step is done and its numbers are finite. Called by every process with the same record."""


class _Pass(NamedTuple):
    """A micro-batch, and where it stands in the plan."""

    step: int
    place: int
    batch: MicroBatch


class _Done(NamedTuple):
    """The losses of a micro-batch of the step in progress, on this process."""

    place: int
    batch: MicroBatch
    losses: BatchLosses


class StepTrainer(Trainer):
    """A Trainer whose optimiser steps are `steps`; `stopping` says, alike on all processes, that one asked to stop."""

    def __init__(
        self,
        module: RewardModule,
        steps: Sequence[Step],
        arguments: TrainingArguments,
        watcher: Watcher,
        callbacks: list[TrainerCallback],
        *,
        loss: Loss,
        pair_weight: float,
        row_name: Callable[[int], str],
    ) -> None:
        super().__init__(
            model=module,
            args=arguments,
            train_dataset=_Passes(steps),
            data_collator=_alone,
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)
        # both would divide the loss: neither knows how many rows a step has
        assert self.accelerator.gradient_accumulation_steps == 1
        self.stopping = False
        self._module = module
        self._steps = steps
        self._watcher = watcher
        self._loss: Loss = loss
        self._pair_weight = pair_weight
        self._row_name = row_name
        self._done: list[_Done] = []
        self._means: tuple[float | None, float | None] = (None, None)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: object = None) -> Tensor:
        """One forward and backward pass. The gradient, averaged over processes, adds up to that of the whole step."""
        model.train()
        step, place, batch = inputs["step"], inputs["place"], inputs["batch"]
        assert step == self.state.global_step, "the data are not where the optimiser is"
        whole = self._steps[step]
        losses = batch_losses(model(batch), batch, self._loss, self._module.answers)
        total = weigh(losses, whole.num_rows, whole.num_pairs, self._pair_weight)
        self.accelerator.backward(total * self.accelerator.num_processes)
        self._done.append(_Done(place, batch, BatchLosses(losses.rows.detach(), losses.pairs.detach())))
        if self.accelerator.sync_gradients:
            self._close(whole)
        return total.detach()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Take a step's gradient norm and learning rate from the Trainer, which prints and keeps nothing itself."""
        self.control.should_log = False
        if "grad_norm" not in logs:
            return
        number = self.state.global_step
        step = self._steps[number - 1]
        norm = float(logs["grad_norm"])
        if not abs(norm) < float("inf"):
            raise self._not_finite("gradient", number, {row for batch in step.micro_batches for row in batch.rows})
        record = StepRecord(
            step=number,
            loss=self._means[0],
            pair_loss=self._means[1],
            grad_norm=norm,
            learning_rate=logs["learning_rate"],
            tokens=step.num_tokens,
            rows=step.num_rows,
            pairs=step.num_pairs,
        )
        self._watcher.finished(record)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:  # noqa: ANN401 - of a library we do not have
        with writing(Path(str(self.args.output_dir))):
            super()._save_checkpoint(model, trial)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the trained weights of a checkpoint; sharded ones are written with the optimiser's state instead."""
        assert output_dir is not None
        if self.args.should_save and not self.is_fsdp_enabled:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            save_file(_trained(self._module), Path(output_dir) / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        stored = load_file(Path(resume_from_checkpoint) / WEIGHTS)
        weights = _trained(self._module)
        assert stored.keys() == weights.keys(), "the checkpoint is of another model"
        for name, weight in weights.items():
            weight.copy_(stored[name])

    def _close(self, step: Step) -> None:
        """Sum the losses of a step over all processes, and stop before the optimiser sees one that is not finite."""
        sums = torch.zeros(len(step.micro_batches) + 1, 2, dtype=torch.float64, device=self.args.device)
        for done in self._done:
            sums[done.place] = torch.stack([done.losses.rows.double().sum(), done.losses.pairs.double().sum()])
        sums[-1] = float(self._watcher.stop_wanted)
        sums = self.accelerator.reduce(sums, "sum").cpu()
        self.stopping = bool(sums[-1, 0] > 0)
        rows, pairs = sums[:-1].sum(dim=0).tolist()
        if not abs(rows + pairs) < float("inf"):
            rows_of_all = _of_all([row for done in self._done for row in _bad_rows(done)])
            raise self._not_finite("loss", self.state.global_step + 1, set(rows_of_all))
        self._means = (
            rows / step.num_rows if step.num_rows else None,
            pairs / step.num_pairs if step.num_pairs else None,
        )
        self._done = []

    def _not_finite(self, what: str, step: int, rows: Set[int]) -> DataError:
        names = [self._row_name(row) for row in sorted(rows)]
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        return DataError(
            f"The {what} of step {step} is not finite; the input rows are {shown or 'unknown'}. Nothing of this step "
            "is stored; lower --learning-rate, or look at these rows."
        )


class _Passes(torch.utils.data.Dataset[_Pass]):
    """The micro-batches of all steps, in order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._passes = [
            _Pass(n, place, batch) for n, step in enumerate(steps) for place, batch in enumerate(step.micro_batches)
        ]

    def __len__(self) -> int:
        return len(self._passes)

    def __getitem__(self, index: int) -> _Pass:
        return self._passes[index]


def _alone(passes: list[_Pass]) -> dict[str, object]:
    (only,) = passes
    return only._asdict()


def _trained(module: nn.Module) -> dict[str, Tensor]:
    """The weights that training changes, each once, those that are tied too."""
    return {name: weight.data for name, weight in module.named_parameters() if weight.requires_grad}


def _bad_rows(done: _Done) -> list[int]:
    rows = done.batch.rows
    if not rows:
        return []
    bad = [rows[n] for n in (~done.losses.rows.isfinite()).nonzero().flatten().tolist()]
    for n in (~done.losses.pairs.isfinite()).nonzero().flatten().tolist():
        bad += [rows[done.batch.pairs[n].better], rows[done.batch.pairs[n].worse]]
    return bad


def _of_all(rows: list[int]) -> list[int]:
    """The rows that all processes name."""
    if not dist.is_initialized():
        return rows
    named: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(named, rows)
    return [row for rows in named for row in rows]
