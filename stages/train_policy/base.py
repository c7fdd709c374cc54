"""The model that training begins with: a folder, a hub id, or `tiny`, which is made from the prompts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import torch
from torch import nn

from stages.core.errors import DataError
from stages.models.load import (
    find_device,
    find_model,
    load_causal_lm,
    load_config,
    load_tokenizer,
    model_name,
    quiet_bars,
)
from stages.models.storing import writing
from stages.models.tiny import save_tiny
from stages.train_policy.config import TINY, TrainPolicyConfig

_RATE: Final = 1e-6
_TINY_RATE: Final = 3e-4


class Base(NamedTuple):
    """A base whose weights are not loaded yet: where it is, its name in records, its tokenizer, its window."""

    source: str
    name: str
    tokenizer: Any
    window: int | None


def base_name(model: str) -> str:
    """The name of a base for records and fingerprints. Raises InputMissing for a folder that is not there."""
    return TINY if model == TINY else model_name(find_model(model))


@contextmanager
def open_base(model: str, texts: Iterable[str], seed: int) -> Iterator[Base]:
    """Find the base and hold it while the block runs; `tiny` is made from `texts`. Raises as load_tokenizer."""
    quiet_bars()
    with TemporaryDirectory() as scratch:
        source = model
        if source == TINY:
            with writing(Path(scratch)):
                source = str(save_tiny(Path(scratch), texts, seed=seed))
        window = getattr(load_config(source).get_text_config(), "max_position_embeddings", None)
        yield Base(source, base_name(model), load_tokenizer(source), window)


def open_weights(config: TrainPolicyConfig, base: Base) -> Any:  # noqa: ANN401 - transformers' models share no type
    """Load the weights to be trained: fp32, in training mode, without dropout, which would make ratios noise.

    Raises as load_causal_lm, and DataError for weights that are not finite.
    """
    model = load_causal_lm(base.source, config.training.device, "float32", base.tokenizer).model
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise DataError(f"The base {base.name} is damaged: {name} is not finite (NaN); use one that is whole.")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
    if config.training.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    model.config.use_cache = True
    return model.train()


def products(config: TrainPolicyConfig) -> torch.dtype | None:
    """The dtype of products under --precision; None for that of the weights."""
    precision = config.training.precision
    on_gpu = find_device(config.training.device).type != "cpu"
    return torch.bfloat16 if precision == "bf16" or (precision == "auto" and on_gpu) else None


def learning_rate(config: TrainPolicyConfig) -> float:
    """The learning rate after warm-up."""
    default = _TINY_RATE if config.model == TINY else _RATE
    return default if config.training.learning_rate is None else config.training.learning_rate
