"""What transformers' Trainer is told, from what a run of training is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy
from transformers import TrainingArguments

from stages.models.load import find_device
from stages.models.precision import fast_dtype
from stages.train_rm.config import Loss
from stages.train_rm.processes import processes


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a planned run is trained. `warmup` is a share of the steps; `clip` 0 clips nothing; `bf16` is the dtype of
    products, while weights, log-odds and sums of gradients are fp32; `pair_weight` weighs the pair losses.
    """

    learning_rate: float
    warmup: float
    weight_decay: float
    clip: float
    bf16: bool
    gradient_checkpointing: bool
    fsdp: bool
    save_every: int
    loss: Loss
    pair_weight: float
    seed: int


def products_in_bf16(precision: Literal["auto", "bf16", "fp32"]) -> bool:
    """Whether products are computed in bf16; `auto`: where the device that is trained on multiplies it fast."""
    return precision == "bf16" or (precision == "auto" and fast_dtype(find_device(None)) == "bfloat16")


def training_arguments(settings: LoopSettings, folder: Path, num_steps: int, num_batches: int) -> TrainingArguments:
    """Return the arguments for `num_steps` steps of `num_batches` micro-batches, with checkpoints in `folder`."""
    size = processes().size
    assert num_batches % size == 0, "processes would make unequal numbers of passes"
    on_cpu = not torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=num_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=num_batches // size,
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup * num_steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        optim="adamw_torch_fused",
        bf16=settings.bf16,
        seed=settings.seed,
        save_strategy="steps",
        save_steps=settings.save_every,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=[],
        dataloader_pin_memory=False,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and size > 1 else None,
        ddp_find_unused_parameters=False,
        **(_sharding() if settings.fsdp else {}),
    )
    # a single process would otherwise cut batches into pieces for all GPUs that it sees
    arguments._n_gpu = min(arguments.n_gpu, 1)
    if settings.fsdp and settings.bf16:
        # accelerate's own policy would also reduce gradients and return scores in bf16
        arguments.fsdp_plugin_args["mixed_precision_policy"] = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32
        )
    return arguments


def _sharding() -> dict[str, Any]:
    return {
        "fsdp": True,
        "fsdp_config": {"version": 2, "state_dict_type": "SHARDED_STATE_DICT"},
        # without it, each process holds the whole gradient while it accumulates
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
    }
