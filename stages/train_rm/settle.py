"""What the options leave open, decided by what is trained and where."""

from typing import Final, NamedTuple

from stages.train_rm.arguments import LoopSettings, products_in_bf16
from stages.train_rm.config import TINY, TrainRmConfig

_FULL: Final = 2e-6
_LORA: Final = 1e-4
_TINY: Final = 5e-4
_STEP_TOKENS: Final = 65_536
_TINY_STEP_TOKENS: Final = 2048
_TINY_EPOCHS: Final = 4.0


class Settled(NamedTuple):
    """The numbers that a run trains with: epochs, unique tokens of a step and of a pass, and what the loop is told."""

    epochs: float
    step_tokens: int
    micro_tokens: int
    loop: LoopSettings


def settle(config: TrainRmConfig) -> Settled:
    """Fill in learning rate, budgets and precision. A pass is never larger than a step."""
    tiny, lora = config.model == TINY, config.lora_rank is not None
    step_tokens = config.step_tokens or (_TINY_STEP_TOKENS if tiny else _STEP_TOKENS)
    rate = config.learning_rate
    if rate is None:
        rate = _TINY if tiny else _LORA if lora else _FULL
    # products of tiny are so small that casting costs more than bf16 saves
    precision = "fp32" if tiny and config.precision == "auto" else config.precision
    loop = LoopSettings(
        learning_rate=rate,
        warmup=config.warmup,
        weight_decay=config.weight_decay,
        clip=config.clip,
        bf16=products_in_bf16(precision),
        gradient_checkpointing=config.gradient_checkpointing,
        fsdp=config.fsdp,
        save_every=config.save_every,
        loss=config.loss,
        pair_weight=1.0 if config.objective == "bradley-terry" else config.margin_weight,
        seed=config.run.seed,
    )
    epochs = config.epochs if config.epochs is not None else _TINY_EPOCHS if tiny else 1.0
    return Settled(epochs, step_tokens, min(config.micro_tokens, step_tokens), loop)
