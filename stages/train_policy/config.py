"""Options of train-policy: the one definition behind the command line, the YAML file and the Python call.

An option of the loss or of the rollouts that is not given takes its value from --preset (presets.py).
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, Panel, RunOptions, check_range
from stages.rewards.source_options import JudgeOptions, SourceOptions

PresetName = Literal["ce-gppo", "paper", "as-released", "grpo", "dapo", "gppo", "cispo", "gspo"]
EngineName = Literal["local", "trl", "verl"]
AdvantageName = Literal["grpo", "dr-grpo", "rloo", "leave-one-out"]
Aggregation = Literal["token-mean", "sequence-mean", "micro-batch-mean", "constant"]
Truncated = Literal["keep", "wrong", "drop"]

TINY: Final = "tiny"
"""The base model that is made on the spot from the prompts, for demos and tests."""

_LARGEST_SEED: Final = 2**32 - 1

_LOSS = Panel("Loss (default: what --preset says)")
_ROLLOUTS = Panel("Rollouts")
_TRAINING = Panel("Training")
_ENGINE = Panel("Engine")


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """The policy loss. What is None is decided by the preset."""

    beta1: Annotated[float | None, "Gradient kept left of the clip range (bad tokens); more: entropy falls faster."] = (
        None
    )
    beta2: Annotated[float | None, "Gradient kept right of the clip range (good tokens); more: entropy is kept."] = None
    eps_low: Annotated[float | None, "Clip range: ratios from 1 - eps_low."] = None
    eps_high: Annotated[float | None, "Clip range: ratios up to 1 + eps_high."] = None
    dual_clip: Annotated[float | None, "Ratio beyond which bad tokens have no gradient; 0: none."] = None
    advantage: Annotated[AdvantageName | None, "What a completion is compared with: its group, or the rest of it."] = (
        None
    )
    aggregate: Annotated[
        Aggregation | None,
        "Mean over all tokens, over completions of their means, over micro-batches, or by the longest length.",
    ] = None
    nll_on_correct: Annotated[float | None, "Weight of the log-loss of completions with the full reward."] = None
    entropy_bonus: Annotated[float | None, "Coefficient of the entropy in the objective."] = None
    kl: Annotated[float | None, "Coefficient of the KL penalty to the base model (k3 estimate, in the loss)."] = None
    beta1_schedule: Annotated[str | None, "beta1 by optimiser step, such as 0@0,0.5@585."] = None
    entropy_band: Annotated[
        str | None, "LOW,HIGH relative to the first entropy: above it beta1 rises by --beta1-rate, below it falls."
    ] = None
    beta1_rate: Annotated[float, "By how much --entropy-band moves beta1 each generation."] = 0.05

    def __post_init__(self) -> None:
        check_range("beta1", self.beta1, 0, 1)
        check_range("beta2", self.beta2, 0, 1)
        check_range("beta1_rate", self.beta1_rate, 0, 1)
        for name in ("eps_high", "nll_on_correct", "entropy_bonus", "kl", "dual_clip"):
            value = getattr(self, name)
            check_range(name, value, 0)
            if value == math.inf:
                raise ConfigError(f"--{name.replace('_', '-')} is infinite; give a number.")
        if self.eps_low is not None and not 0 <= self.eps_low < 1:
            raise ConfigError(f"--eps-low is {self.eps_low:g}; it must be at least 0 and below 1.")
        if self.beta1_schedule is not None and self.entropy_band is not None:
            raise ConfigError("--beta1-schedule and --entropy-band both decide beta1; give one of them.")
        if self.beta1 is not None and self.beta1_schedule is not None:
            raise ConfigError("--beta1-schedule says what beta1 is at each step; leave out --beta1.")


@dataclass(frozen=True, kw_only=True)
class RolloutOptions:
    """What is sampled, and which of it is learned from."""

    generations: Annotated[int | None, "Rollout batches; default: one pass over the prompts."] = None
    prompts_per_generation: Annotated[int, "Prompts of a rollout batch."] = 64
    group_size: Annotated[int, "Completions of each prompt."] = 8
    max_new_tokens: Annotated[int, "Longest completion in tokens."] = 1024
    max_prompt_tokens: Annotated[int | None, "Longest prompt; default: what the model's window leaves."] = None
    temperature: Annotated[float, "Of sampling; the loss uses the same softmax."] = 1.0
    stop: Annotated[tuple[str, ...], "Text that ends a completion, which it keeps; repeatable."] = ()
    dynamic_sampling: Annotated[
        Literal["on", "off"] | None, "Replace groups of equal rewards by further ones; default: what --preset says."
    ] = None
    max_gen_batches: Annotated[int, "How many times the prompts of a generation dynamic sampling may draw."] = 4
    truncated: Annotated[Truncated | None, "Completions cut at the limit: score as they are, as wrong, or drop."] = None
    overlong_buffer: Annotated[int, "Last tokens before the limit in which the reward falls by up to 1 (DAPO)."] = 0
    system: Annotated[str | None, "System turn put before prompts that have none."] = None
    sample_batch: Annotated[int, "Completions that are sampled side by side."] = 64

    def __post_init__(self) -> None:
        check_range("generations", self.generations, 1)
        check_range("prompts_per_generation", self.prompts_per_generation, 1)
        check_range("max_new_tokens", self.max_new_tokens, 1)
        check_range("max_prompt_tokens", self.max_prompt_tokens, 1)
        check_range("max_gen_batches", self.max_gen_batches, 1, 1000)
        check_range("overlong_buffer", self.overlong_buffer, 0, self.max_new_tokens)
        check_range("sample_batch", self.sample_batch, 1)
        if not (0 < self.temperature < math.inf):
            raise ConfigError(f"--temperature is {self.temperature:g}; sampling for training needs one above 0.")
        if self.group_size < 2:
            raise ConfigError(
                f"--group-size is {self.group_size}; the advantage of a completion is its difference to the others of "
                "its group, so it must be at least 2."
            )
        if any(not text for text in self.stop):
            raise ConfigError("--stop is empty; give the text that ends a completion.")


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The optimiser and its steps."""

    prompts_per_update: Annotated[int, "Prompts (groups) of an optimiser step."] = 16
    passes: Annotated[int, "How often the completions of a generation are gone through."] = 1
    learning_rate: Annotated[float | None, "Of AdamW, constant after warm-up; default 1e-6, for tiny 3e-4."] = None
    warmup: Annotated[int, "Optimiser steps in which the learning rate rises."] = 10
    weight_decay: Annotated[float, "AdamW's weight decay."] = 0.1
    grad_clip: Annotated[float, "Largest norm of the gradient; 0: any."] = 1.0
    micro_tokens: Annotated[int, "Tokens of one forward pass, beyond which only a longer sequence goes."] = 8192
    precision: Annotated[
        Literal["auto", "bf16", "fp32"], "Of products; weights and losses are fp32. auto: bf16 on a GPU."
    ] = "auto"
    gradient_checkpointing: Annotated[bool, "Compute activations twice instead of keeping them."] = False
    allow_on_policy: Annotated[bool, "Accept one update a generation, where no ratio differs from 1."] = False
    device: Annotated[str | None, "cpu or cuda; default: cuda where there is one.", OPERATIONAL] = None
    save_every: Annotated[int, "Optimiser steps between checkpoints that a killed run goes on from.", OPERATIONAL] = 20
    report_to: Annotated[tuple[str, ...], "Also tell tensorboard, wandb or trackio; repeatable.", OPERATIONAL] = ()

    def __post_init__(self) -> None:
        check_range("prompts_per_update", self.prompts_per_update, 1)
        check_range("passes", self.passes, 1, 100)
        check_range("warmup", self.warmup, 0)
        check_range("micro_tokens", self.micro_tokens, 1)
        check_range("save_every", self.save_every, 1)
        for name in ("learning_rate", "weight_decay", "grad_clip"):
            check_range(name, getattr(self, name), 0)
            if getattr(self, name) == math.inf:
                raise ConfigError(f"--{name.replace('_', '-')} is infinite; give a number.")
        for name in self.report_to:
            if name not in ("tensorboard", "wandb", "trackio"):
                raise ConfigError(f"--report-to {name!r} is not known; it takes tensorboard, wandb and trackio.")


@dataclass(frozen=True, kw_only=True)
class TrainPolicyConfig:
    """Train a policy on verifiable rewards and reward models, with control over its entropy."""

    inputs: Annotated[tuple[str, ...], "Prompts: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL]
    model: Annotated[str, "Base model: hub id, folder, or tiny (made from the prompts, for demos)."]
    reward: Annotated[
        tuple[str, ...],
        "What completions are worth: math:, code:, check:, rm:DIR, genrm:DIR, py:MODULE:FUNCTION, or genrm:self to "
        "train the policy as a judge on rows of principles; with @WEIGHT, repeatable, they are added up.",
    ] = ()
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.policy.", "-o", OPERATIONAL] = None
    preset: Annotated[PresetName, "Settings of the loss; single flags change them."] = "ce-gppo"
    principle: Annotated[str | None, "What rm: and genrm: judge by, for prompts that name no principle."] = None
    replay: Annotated[
        bool, "The input are rollouts of another run: learn from them instead of sampling, under this loss."
    ] = False
    loss: Annotated[LossOptions, _LOSS] = field(default_factory=LossOptions)
    rollouts: Annotated[RolloutOptions, _ROLLOUTS] = field(default_factory=RolloutOptions)
    training: Annotated[TrainingOptions, _TRAINING] = field(default_factory=TrainingOptions)
    sources: Annotated[SourceOptions, Panel("Rewards")] = field(default_factory=SourceOptions)
    judge: Annotated[JudgeOptions, Panel("Reward models")] = field(default_factory=JudgeOptions)
    engine: Annotated[EngineName, "local: one device; trl: FSDP, vLLM; verl: files for a cluster.", _ENGINE] = "local"
    lora_rank: Annotated[int | None, "Engine trl: train low-rank adapters, merged at the end.", _ENGINE] = None
    vllm: Annotated[bool, "Engine trl: sample with vLLM.", _ENGINE] = False
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        if not self.model:
            raise ConfigError("--model is empty; name a hub id, a folder, or tiny.")
        if not self.reward and not self.replay:
            raise ConfigError(
                "No --reward: say what a completion is worth, for example --reward math: or --reward rm:FOLDER."
            )
        if self.replay and self.reward:
            raise ConfigError("--replay takes the rewards that are stored with the rollouts; leave out --reward.")
        if self.replay and self.model == TINY:
            raise ConfigError(
                "--replay needs the base that the rollouts were sampled from, and --model tiny would be made anew; "
                "name that folder or hub id."
            )
        if self.replay and self.engine != "local":
            raise ConfigError("--replay belongs to --engine local.")
        if not 0 <= self.run.seed <= _LARGEST_SEED:
            raise ConfigError(f"--seed is {self.run.seed}; train-policy takes one from 0 to {_LARGEST_SEED}.")
        if self.run.runner == "ray":
            raise ConfigError(
                "--runner ray has no meaning for train-policy; --engine trl trains in several processes under torchrun."
            )
        if self.run.shard is not None:
            raise ConfigError("--shard has no meaning for train-policy; --engine trl trains on several devices.")
        check_range("lora_rank", self.lora_rank, 1)
        if self.lora_rank is not None and self.engine != "trl":
            raise ConfigError("--lora-rank belongs to --engine trl.")
        if self.vllm and self.engine != "trl":
            raise ConfigError("--vllm belongs to --engine trl.")
