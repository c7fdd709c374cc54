"""The trained model as a folder that transformers load like any other."""

from pathlib import Path
from typing import Any

from stages.models.storing import writing
from stages.train_rm.adapters import plain_weights
from stages.train_rm.module import RewardModule
from stages.train_rm.processes import processes


def save_model(module: RewardModule, tokenizer: Any, folder: Path) -> None:  # noqa: ANN401 - transformers' tokenizers share no type
    """Write weights (safetensors, fp32, adapters merged), configuration and tokenizer into `folder`.

    All processes must call it, since sharded weights are put together; the first one writes. That a reader never sees
    half a folder is the caller's business. Raises OutputError if the disk does not take it.
    """
    main = processes().rank == 0
    weights = plain_weights(module.model, keep=main)
    if main:
        with writing(folder):
            module.model.save_pretrained(folder, state_dict=weights)
            tokenizer.save_pretrained(folder)
