"""Options of train-rm: the one definition behind the command line, the YAML file and the Python call."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, Panel, RunOptions, check_range

Objective = Literal["entailment", "bradley-terry"]
Loss = Literal["bce", "full-vocab", "brier"]
PairMode = Literal["principle", "fulfilment", "preference"]

TINY: Final = "tiny"
"""The base model that is made on the spot from the input, for demos and tests."""

_LARGEST_SEED: Final = 2**32 - 1
"""Of numpy, whose state the Trainer sets."""

_OBJECTIVE = Panel("Objective")
_TRAINING = Panel("Training")


@dataclass(frozen=True, kw_only=True)
class TrainRmConfig:
    """Train a reward model that judges whether a response satisfies a principle."""

    inputs: Annotated[
        tuple[str, ...], "Principles or preferences: files, folders, globs, URLs, or - for paths on stdin.", OPERATIONAL
    ]
    model: Annotated[str, "Base model: hub id, folder, or tiny (made from the input, for demos).", OPERATIONAL]
    out: Annotated[Path | None, "Output folder; default <stem of the first input>.rm.", "-o", OPERATIONAL] = None
    objective: Annotated[Objective, "What is learned: log-odds of a principle, or which response is better."] = (
        "entailment"
    )
    held_out: Annotated[float, "Share of conversations kept from training: half for calibration, half for testing."] = (
        0.2
    )
    loss: Annotated[
        Loss, "Loss of a row: on the log-odds (bce, brier) or over all tokens (full-vocab).", _OBJECTIVE
    ] = "bce"
    margin_weight: Annotated[
        float, "Weight of the auxiliary loss on pairs of one principle with opposite labels.", _OBJECTIVE
    ] = 0.0
    margin: Annotated[float, "By how much, in log-odds, the better of a pair should win.", _OBJECTIVE] = 0.0
    pairs: Annotated[PairMode, "Which pairs bradley-terry makes from principle rows.", _OBJECTIVE] = "principle"
    epochs: Annotated[float | None, "Passes over the training rows; default 1, for tiny 4.", _TRAINING] = None
    learning_rate: Annotated[
        float | None, "Peak of the cosine schedule; default 2e-6, with LoRA 1e-4, for tiny 5e-4.", _TRAINING
    ] = None
    warmup: Annotated[float, "Share of the steps in which the learning rate rises.", _TRAINING] = 0.03
    weight_decay: Annotated[float, "AdamW's weight decay.", _TRAINING] = 0.0
    clip: Annotated[float, "Largest norm of the gradient.", _TRAINING] = 1.0
    step_tokens: Annotated[
        int | None, "Unique tokens of an optimiser step; default 65536, for tiny 2048.", _TRAINING
    ] = None
    micro_tokens: Annotated[
        int, "Unique tokens of one forward pass, beyond which only a longer tree goes.", _TRAINING
    ] = 8192
    max_length: Annotated[
        int, "Most tokens of one pair; longer conversations are cut, principles never.", _TRAINING
    ] = 4096
    lora_rank: Annotated[int | None, "Train low-rank adapters on all linear layers, merged at the end.", _TRAINING] = (
        None
    )
    lora_alpha: Annotated[float | None, "Scale of the adapters; default twice the rank.", _TRAINING] = None
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        "Of products; weights and log-odds are fp32. auto: bf16 where it is fast.",
        _TRAINING,
    ] = "auto"
    gradient_checkpointing: Annotated[bool, "Compute activations twice instead of keeping them.", _TRAINING] = False
    fsdp: Annotated[bool, "Shard weights and optimiser over the processes of torchrun (FSDP2).", _TRAINING] = False
    save_every: Annotated[
        int, "Optimiser steps between checkpoints that a killed run goes on from.", OPERATIONAL, _TRAINING
    ] = 50
    run: Annotated[RunOptions, Panel("Run")] = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No input: name a file, a folder, a glob, a URL, or - to read paths from stdin.")
        if not self.model:
            raise ConfigError("--model is empty; name a hub id, a folder, or tiny.")
        check_range("held_out", self.held_out, 0, 0.9)
        check_range("margin_weight", self.margin_weight, 0)
        check_range("margin", self.margin, 0)
        check_range("epochs", self.epochs, 0)
        check_range("learning_rate", self.learning_rate, 0)
        check_range("warmup", self.warmup, 0, 1)
        check_range("weight_decay", self.weight_decay, 0)
        check_range("clip", self.clip, 0)
        check_range("step_tokens", self.step_tokens, 1)
        check_range("micro_tokens", self.micro_tokens, 1)
        check_range("max_length", self.max_length, 1)
        check_range("lora_rank", self.lora_rank, 1)
        check_range("lora_alpha", self.lora_alpha, 0)
        check_range("save_every", self.save_every, 1)
        for name in ("margin_weight", "margin", "epochs", "learning_rate", "weight_decay", "lora_alpha"):
            if getattr(self, name) == math.inf:
                raise ConfigError(f"--{name.replace('_', '-')} is infinite; give a number.")
        if not 0 <= self.run.seed <= _LARGEST_SEED:
            raise ConfigError(f"--seed is {self.run.seed}; train-rm takes one from 0 to {_LARGEST_SEED}.")
        if self.run.runner == "ray":
            raise ConfigError("--runner ray has no meaning for train-rm; several processes train under torchrun.")
        if self.run.shard is not None:
            raise ConfigError("--shard has no meaning for train-rm; several processes train together under torchrun.")
        if self.lora_alpha is not None and self.lora_rank is None:
            raise ConfigError("--lora-alpha has no meaning without --lora-rank.")
        if self.objective == "bradley-terry" and (self.loss != "bce" or self.margin_weight):
            raise ConfigError("--loss and --margin-weight belong to --objective entailment.")
        if self.objective == "entailment" and self.pairs != "principle":
            raise ConfigError("--pairs belongs to --objective bradley-terry.")
        if self.objective == "entailment" and self.margin and not self.margin_weight:
            raise ConfigError("--margin has no meaning without --margin-weight, unless with --objective bradley-terry.")
