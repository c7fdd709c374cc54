"""The engine `trl`: our prompts, rewards and objective in TRL's GRPOTrainer, by itself or under torchrun.

How options are called there is in trl_options.py, the loss in trl_trainer.py, which is imported when a run begins.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch.distributed as dist
from torch import nn
from transformers import PrinterCallback, TrainerCallback

from stages.core.checkpoints import checkpoint_path, complete_checkpoints, keep_last, mark_complete, remove_incomplete
from stages.core.errors import Interrupted
from stages.core.stopping import StopSign
from stages.models.load import find_device
from stages.models.peers import with_peers
from stages.models.storing import writing
from stages.rewards.item import Reward
from stages.train_policy.arrays import Metric, Objective, Prompt
from stages.train_policy.base import products
from stages.train_policy.config import TrainPolicyConfig
from stages.train_policy.controller import BetaState, control_of
from stages.train_policy.loss import objective
from stages.train_policy.presets import Settled
from stages.train_policy.trl_options import (
    Plan,
    check_installed,
    differences,
    grpo_options,
    plan,
    refuse_unsupported,
)
from stages.train_policy.trl_scoring import Scorer, of_all

MODEL: Final = "model"
"""Subfolder of a run's folder with the trained policy."""

_NAMES: Final = {
    "region/na_lp": "clip_low",
    "region/pa_lp": "clip_high",
    "region/dual": "dual",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "truncated",
    "kl": "kl",
    **{name: name for name in ("loss", "grad_norm", "learning_rate", "beta1", "tokens", "entropy")},
    **{name: name for name in ("reward", "reward_std")},
}
"""TRL's name of a figure, and that of the metrics table. TRL's own clip fractions are those of an open range."""

_KEPT: Final = 2


class TrlRun(NamedTuple):
    """What training came to: the metrics of all steps, those before a resume too, and how many steps were made."""

    metrics: list[Metric]
    steps: int


def train_with_trl(
    config: TrainPolicyConfig,
    settled: Settled,
    model: nn.Module,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no type
    prompts: Sequence[Prompt],
    reward: Reward,
    *,
    folder: Path,
    notice: Callable[[str], None] = lambda text: None,
    advance: Callable[[int], None] = lambda steps: None,
    sign: StopSign | None = None,
) -> TrlRun:
    """Train `model`, in place but for adapters, and store it with its tokenizer in `folder`/model.

    `folder` holds the checkpoints, of which the last is gone on from. All processes of torchrun must call it, each with
    a reward of its own; the first one writes, and is the one that should give `notice` and `advance`, which is told of
    steps. A signal noted in `sign` on any process stops all at the end of the generation.

    Raises:
        ConfigError: TRL is absent or another one, or cannot do what is asked.
        DataError: log-probabilities that are not finite or moved too far.
        TooManyFailed: more completions of a generation than --max-failed have no reward.
        Interrupted: after a signal, with a checkpoint.
        OutputError: the disk does not take the model.
    """
    check_installed()
    refuse_unsupported(config, settled, best=reward.best)
    for text in differences(config, settled):
        notice(text)
    scorer = Scorer(config, settled, prompts, reward, _ends(model, tokenizer))
    with _without_renames(), with_peers():
        trainer, cut = make_trainer(config, settled, model, tokenizer, prompts, scorer, folder)
        boundary = cut.per_generation * config.training.passes
        watcher = _Watcher(folder, boundary, StopSign() if sign is None else sign, advance)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(watcher)
        if trainer.is_world_process_zero():
            remove_incomplete(folder)
        trainer.accelerator.wait_for_everyone()
        stored = complete_checkpoints(folder)
        with writing(folder):
            trainer.train(resume_from_checkpoint=str(stored[-1]) if stored else None)
        if watcher.stopped:
            raise Interrupted(
                f"Stopped after step {trainer.state.global_step} of {cut.steps}; the same command goes on."
            )
        _store(trainer, tokenizer, folder / MODEL)
    return TrlRun(_metrics(trainer.state.log_history), trainer.state.global_step)


def make_trainer(
    config: TrainPolicyConfig,
    settled: Settled,
    model: nn.Module,
    tokenizer: Any,  # noqa: ANN401 - as above
    prompts: Sequence[Prompt],
    scorer: Scorer,
    folder: Path,
) -> tuple[Any, Plan]:
    """Return TRL's trainer for a run, nothing trained yet, and how the run is cut up. Raises ConfigError as `plan`."""
    # these take seconds to import
    from datasets import Dataset
    from peft import LoraConfig
    from trl.trainer.grpo_config import GRPOConfig

    from stages.train_policy.trl_trainer import OPEN, PolicyTrainer

    cpu = find_device(config.training.device).type == "cpu"
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    longest = max(len(prompt.ids) for prompt in prompts)
    cut = plan(config, len(prompts), longest, processes)
    bf16 = products(config) is not None
    options = grpo_options(config, settled, cut, folder, bf16=bf16, cpu=cpu, processes=processes)
    rank = config.lora_rank
    adapters = rank and LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = PolicyTrainer(
        model,
        reward_funcs=scorer,
        args=GRPOConfig(epsilon=OPEN, epsilon_high=OPEN, **options),
        train_dataset=Dataset.from_dict({"prompt": [prompt.id for prompt in prompts]}),
        processing_class=tokenizer,
        peft_config=adapters,
        objective_at=_objectives(config, settled),
        prompt_ids={prompt.id: prompt.ids for prompt in prompts},
    )
    return trainer, cut


class _Watcher(TrainerCallback):
    """Counts steps, makes checkpoints count once they are whole, and stops at the end of a generation."""

    def __init__(self, folder: Path, boundary: int, sign: StopSign, advance: Callable[[int], None]) -> None:
        self.stopped = False
        self._folder = folder
        self._boundary = boundary
        self._sign = sign
        self._advance = advance

    def on_step_end(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401 - transformers'
        if state.is_world_process_zero:
            self._advance(1)
        at_boundary = state.global_step % self._boundary == 0 and state.global_step < state.max_steps
        if at_boundary and any(of_all(bool(self._sign))):
            self.stopped = control.should_save = control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: object) -> None:  # noqa: ANN401 - transformers'
        if dist.is_initialized():
            dist.barrier()  # other processes write their random states
        if state.is_world_process_zero:
            mark_complete(checkpoint_path(self._folder, state.global_step))
            keep_last(self._folder, _KEPT)


@contextmanager
def _without_renames() -> Iterator[None]:
    """Leave out the warnings that TRL and peft call what transformers has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will be removed in v6", FutureWarning)
        yield


def _objectives(config: TrainPolicyConfig, settled: Settled) -> Callable[[int], Objective]:
    """The objective of the update after a number of steps: beta1 may follow a schedule, which counts steps from 1."""
    control = control_of(config.loss, settled.beta1)
    return lambda steps: objective(settled, control.beta1(BetaState(), steps + 1))


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - as above
    """The tokens that end a completion, as TRL takes them."""
    own = model.generation_config.eos_token_id
    several = own if isinstance(own, list) else [] if own is None else [own]
    return frozenset([*several, tokenizer.eos_token_id])


def _store(trainer: Any, tokenizer: Any, folder: Path) -> None:  # noqa: ANN401 - as above
    """Write weights, put together where they are sharded, adapters merged, configuration and tokenizer."""
    trained = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(trained, "merge_and_unload"):
        trained = trained.merge_and_unload()
    weights = trainer.accelerator.get_state_dict(trained)
    if trainer.is_world_process_zero():
        with writing(folder):
            trained.save_pretrained(folder, state_dict=weights)
            tokenizer.save_pretrained(folder)
    trainer.accelerator.wait_for_everyone()


def _metrics(history: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """Lines of the metrics table of what TRL has logged; `n` is the number of tokens of the step."""
    lines = []
    for logs in history:
        if "tokens" not in logs:
            continue
        # sorted, for a log that comes from a checkpoint is
        own = sorted((_NAMES.get(name, name), value) for name, value in logs.items() if _kept(name))
        lines += [Metric(logs["step"], "all", name, value, int(logs["tokens"])) for name, value in own]
    return lines


def _kept(name: str) -> bool:
    return name in _NAMES or name.startswith("reward.")
