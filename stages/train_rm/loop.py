"""A planned training run from its first or its last stored step to its end: checkpoints, signals, the log of steps.

What a step computes is in trainer.py, which steps there are is the caller's plan.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stages.core.checkpoints import (
    checkpoint_path,
    complete_checkpoints,
    keep_last,
    mark_complete,
    remove_incomplete,
    step_of,
)
from stages.core.errors import Interrupted
from stages.core.stopping import StopSign, noting_signals
from stages.models.storing import writing
from stages.train_rm.arguments import LoopSettings, training_arguments
from stages.train_rm.batch import Step
from stages.train_rm.module import RewardModule
from stages.train_rm.processes import assert_what_runs, processes, refuse_impossible
from stages.train_rm.step_log import StepLog, StepRecord
from stages.train_rm.trainer import StepTrainer

LOG: Final = "steps.jsonl"
KEPT: Final = 2
"""Checkpoints that stay: if the disk damaged the last one, there is one more."""


def train(
    module: RewardModule,
    steps: Sequence[Step],
    settings: LoopSettings,
    *,
    folder: Path,
    advance: Callable[[int], None] = lambda steps: None,
    notice: Callable[[str], None] = lambda text: None,
    row_name: Callable[[int], str] = str,
) -> Path:
    """Train `module` in place through `steps` and return the log of steps, in `folder`, where the checkpoints are too.

    If `folder` has a complete checkpoint, the run goes on from the newest one, with the numbers that it would have had
    without a stop; that it is one of the same run is the caller's business. `advance` is told of steps done, those
    done earlier first; `row_name` says in errors which input row a place in `MicroBatch.rows` is. All processes of
    torchrun call this alike. Raises ConfigError if what runs is not what was asked for, DataError for a loss or a
    gradient that is not finite, and Interrupted after SIGINT or SIGTERM, with a checkpoint of the last step.
    """
    assert steps
    assert all(len(step.micro_batches) == len(steps[0].micro_batches) for step in steps)
    refuse_impossible(fsdp=settings.fsdp)
    arguments = training_arguments(settings, folder, len(steps), len(steps[0].micro_batches))
    if processes() == (0, 1) and (seen := torch.cuda.device_count()) > 1:
        notice(f"One of {seen} GPUs is used; start it with torchrun --nproc-per-node {seen} to use all.")
    if settings.gradient_checkpointing:
        module.model.activation_checkpointing_enable({"use_reentrant": False})
    with noting_signals() as sign, module.ready():
        keeper = _Keeper(folder, settings, sign, advance)
        trainer = StepTrainer(
            module,
            steps,
            arguments,
            keeper,
            [keeper],
            loss=settings.loss,
            pair_weight=settings.pair_weight,
            row_name=row_name,
        )
        keeper.trainer = trainer
        begin = _tidy(folder, trainer)
        done = 0 if begin is None else step_of(begin)
        if done and processes().rank == 0:
            notice(f"Going on after step {done} of {len(steps)}.")
        keeper.open(done)
        try:
            trainer.train(resume_from_checkpoint=None if begin is None else str(begin))
        finally:
            keeper.close()
    trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False)
    if sign or trainer.stopping:
        raise Interrupted(
            f"Stopped by {sign.name or 'a signal'} after step {trainer.state.global_step} of {len(steps)}. What is "
            "finished is stored; the same command goes on there."
        )
    return folder / LOG


def _tidy(folder: Path, trainer: StepTrainer) -> Path | None:
    """The newest complete checkpoint; the incomplete ones go."""
    if processes().rank == 0:
        remove_incomplete(folder)
    trainer.accelerator.wait_for_everyone()
    found = complete_checkpoints(folder)
    return found[-1] if found else None


class _Keeper(TrainerCallback):
    """Keeps what a run leaves behind: the log of steps, and checkpoints once they are whole."""

    trainer: StepTrainer

    def __init__(self, folder: Path, settings: LoopSettings, sign: StopSign, advance: Callable[[int], None]) -> None:
        self._folder = folder
        self._settings = settings
        self._sign = sign
        self._advance = advance
        self._log: StepLog | None = None

    def open(self, done: int) -> None:
        if processes().rank == 0:
            self._log = StepLog(self._folder / LOG, done)
        self._advance(done)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    @property
    def stop_wanted(self) -> bool:
        return bool(self._sign)

    def finished(self, record: StepRecord) -> None:
        if self._log is not None:
            with writing(self._folder):
                self._log.add(record)
        self._advance(1)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **others: Any,  # noqa: ANN401
    ) -> None:
        """Refuse to train otherwise than asked; take this run's number of steps between checkpoints, not the stored."""
        assert_what_runs(self.trainer.model_wrapped, fsdp=self._settings.fsdp)
        state.save_steps = self._settings.save_every

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **others: Any,  # noqa: ANN401
    ) -> None:
        """Store and stop if a process was asked to."""
        if self.trainer.stopping:
            control.should_save = control.should_training_stop = True

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **others: Any,  # noqa: ANN401
    ) -> None:
        """Let a checkpoint count once all processes have written their part of it."""
        self.trainer.accelerator.wait_for_everyone()
        if self._log is not None:
            with writing(self._folder):
                self._log.sync()
            mark_complete(checkpoint_path(self._folder, state.global_step))
            keep_last(self._folder, KEPT)
        self.trainer.accelerator.wait_for_everyone()
