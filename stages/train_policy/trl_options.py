"""What TRL's GRPOTrainer is told, from the options of train-policy, and which of them it cannot follow.

Knows TRL's names only: nothing of it is imported here.
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.core.errors import ConfigError
from stages.train_policy.base import learning_rate
from stages.train_policy.config import Aggregation, TrainPolicyConfig
from stages.train_policy.presets import Settled

VERSION: Final = "1.16"
_INSTALL: Final = "pip install 'rlbff[trl]'"

_LOSS_TYPES: Final[dict[Aggregation, str]] = {"token-mean": "dapo", "sequence-mean": "grpo", "constant": "dr_grpo"}
_SCALES: Final = {"grpo": "group", "dr-grpo": "none"}


class Plan(NamedTuple):
    """How a run is cut up. `micro` sequences go through a process at once, `accumulate` times an optimiser step;
    a generation is sampled for `per_generation` steps; there are `steps` in all.
    """

    micro: int
    accumulate: int
    per_generation: int
    steps: int


def check_installed() -> None:
    """Raise ConfigError unless the TRL is there whose inside trl_trainer.py relies on."""
    try:
        found = version("trl")
    except PackageNotFoundError:
        raise ConfigError(f"--engine trl needs TRL, which is not installed; run {_INSTALL}.") from None
    if found.split(".")[:2] != VERSION.split("."):
        raise ConfigError(
            f"--engine trl relies on the inside of TRL {VERSION}, and {found} is installed; run {_INSTALL}."
        )


def refuse_unsupported(config: TrainPolicyConfig, settled: Settled, *, best: float | None) -> None:
    """Raise ConfigError for what TRL cannot do; `best` is the largest value of the reward, where there is one."""
    loss, rollouts = config.loss, config.rollouts
    refusals = {
        "--aggregate micro-batch-mean": settled.aggregate not in _LOSS_TYPES,
        f"--advantage {settled.advantage}": settled.advantage not in _SCALES,
        "--nll-on-correct (of --preset as-released, or given)": settled.nll_on_correct > 0,
        "--dynamic-sampling": rollouts.dynamic_sampling == "on",
        "--entropy-band": loss.entropy_band is not None,
        "--stop": bool(rollouts.stop),
        "--truncated wrong with a reward that knows no right answers": settled.truncated == "wrong" and best is None,
    }
    for what, refused in refusals.items():
        if refused:
            raise ConfigError(f"{what} is not known to TRL; leave it out, or use --engine local.")
    if config.vllm and find_spec("vllm") is None:
        raise ConfigError("--vllm needs vLLM, which is not installed; install the one that TRL names: trl[vllm].")
    if config.lora_rank is not None and find_spec("peft") is None:
        raise ConfigError("--lora-rank needs peft, which is not installed; run pip install 'rlbff[models]'.")


def differences(config: TrainPolicyConfig, settled: Settled) -> list[str]:
    """Sentences on what TRL does otherwise than the engine local, for this run."""
    told = [
        "TRL stores no rollouts: the policy's folder has metrics only.",
        "TRL adds 1e-4, not 1e-6, to the standard deviation of a group's rewards.",
        "A killed run goes on from the last checkpoint, which lies at the end of a generation.",
    ]
    if settled.advantage != "grpo":
        del told[1]
    if settled.dynamic_sampling:
        told.append("TRL has no dynamic sampling: groups of equal rewards stay, with advantage 0.")
    if settled.aggregate == "token-mean" and _updates(config) > 1:
        told.append("TRL divides by the mean number of tokens of a generation's updates, not by that of each update.")
    if settled.entropy_bonus:
        told.append("TRL averages the entropy of the bonus over each micro-batch.")
    return told


def plan(config: TrainPolicyConfig, num_prompts: int, longest: int, processes: int) -> Plan:
    """Cut up a run whose prompts have at most `longest` tokens. Raises ConfigError where it does not come out even."""
    rollouts, training = config.rollouts, config.training
    if num_prompts < rollouts.prompts_per_generation:
        raise ConfigError(
            f"--prompts-per-generation is {rollouts.prompts_per_generation}, and there are {num_prompts} prompts; TRL "
            "fills every generation: give fewer."
        )
    if rollouts.prompts_per_generation % training.prompts_per_update:
        raise ConfigError(
            f"--prompts-per-generation {rollouts.prompts_per_generation} is not a multiple of --prompts-per-update "
            f"{training.prompts_per_update}, as TRL needs it."
        )
    of_update = training.prompts_per_update * rollouts.group_size
    if of_update % processes:
        raise ConfigError(
            f"--prompts-per-update {training.prompts_per_update} times --group-size {rollouts.group_size} is "
            f"{of_update} completions, which {processes} processes cannot share evenly."
        )
    share = of_update // processes
    room = max(1, training.micro_tokens // (longest + rollouts.max_new_tokens))
    micro = max(size for size in range(1, share + 1) if share % size == 0 and size <= room)
    per_generation = _updates(config)
    generations = rollouts.generations or num_prompts // rollouts.prompts_per_generation
    return Plan(micro, share // micro, per_generation, generations * per_generation * training.passes)


def grpo_options(
    config: TrainPolicyConfig, settled: Settled, cut: Plan, folder: Path, *, bf16: bool, cpu: bool, processes: int
) -> dict[str, Any]:
    """The arguments of GRPOConfig but for the clip range, which trl_trainer.py opens."""
    training, rollouts = config.training, config.rollouts
    boundary = cut.per_generation * training.passes
    return {
        "output_dir": str(folder),
        "max_steps": cut.steps,
        "per_device_train_batch_size": cut.micro,
        "gradient_accumulation_steps": cut.accumulate,
        "steps_per_generation": cut.accumulate * cut.per_generation,
        "num_iterations": training.passes,
        "num_generations": rollouts.group_size,
        "max_completion_length": rollouts.max_new_tokens,
        "temperature": rollouts.temperature,
        "learning_rate": learning_rate(config),
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": training.warmup,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.grad_clip,
        "optim": "adamw_torch",
        "seed": config.run.seed,
        "bf16": bf16,
        # base.py has told the model; TRL's own default would
        "gradient_checkpointing": None,
        "loss_type": _LOSS_TYPES[settled.aggregate],
        "scale_rewards": _SCALES[settled.advantage],
        "importance_sampling_level": "sequence" if settled.sequence_ratio else "token",
        "beta": settled.kl,
        # with it, the KL term would be multiplied by the ratio
        "use_bias_correction_kl": False,
        "entropy_coef": settled.entropy_bonus,
        "mask_truncated_completions": settled.truncated == "drop",
        "use_vllm": config.vllm,
        "save_strategy": "steps",
        "save_steps": -(-training.save_every // boundary) * boundary,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": list(training.report_to) or "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "use_cpu": cpu,
        "ddp_backend": "gloo" if cpu and processes > 1 else None,
        "ddp_find_unused_parameters": False,
    }


def _updates(config: TrainPolicyConfig) -> int:
    """Optimiser steps of one pass over a generation."""
    return config.rollouts.prompts_per_generation // config.training.prompts_per_update
