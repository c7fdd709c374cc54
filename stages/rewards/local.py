"""Where a reward model in this process runs, in which precision, and how long its texts may be."""

from collections.abc import Callable
from typing import Any

from stages.models.load import find_device
from stages.models.precision import fast_dtype
from stages.rewards.card import RewardCard
from stages.rewards.options import RewardOptions


def placement(options: RewardOptions) -> tuple[str, str]:
    """Return the names of the device and of the dtype for loading. Raises ConfigError for a device not here."""
    device = find_device(options.device)
    named = {"auto": fast_dtype(device), "bf16": "bfloat16", "fp32": "float32"}
    return str(device), named[options.precision]


def window(options: RewardOptions, card: RewardCard | None, config: Any) -> int:  # noqa: ANN401 - any model's
    """Return the most tokens of one text: the least of --max-length, the training's, and the model's positions."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    limits = [options.max_length, card.max_length if card else None, positions]
    return min(limit for limit in limits if limit is not None and limit > 0)


def introduce(name: str, card: RewardCard | None, notice: Callable[[str], None]) -> None:
    """Say once what a user should know of a model before its scores."""
    if card is not None and card.fidelity == "demo":
        notice(f"{name} is a demo: it was made to show how things work, its judgements mean nothing elsewhere.")
