"""The trained policy as a folder that transformers and vLLM load like any other."""

import os
import shutil
from pathlib import Path
from typing import Any

from stages.models.storing import writing


def save_policy(model: Any, tokenizer: Any, draft: Path) -> None:  # noqa: ANN401 - transformers' types
    """Write weights (safetensors, fp32), configuration and tokenizer into `draft`. Raises OutputError: no room."""
    shutil.rmtree(draft, ignore_errors=True)
    with writing(draft):
        draft.mkdir(parents=True)
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)


def move_into_place(draft: Path, root: Path) -> list[str]:
    """Put the files of a stored policy into its folder, and return their names; config.json comes last.

    So a folder that has one is whole.
    """
    names = sorted((path.name for path in draft.iterdir()), key=lambda name: (name == "config.json", name))
    with writing(root):
        for name in names:
            os.replace(draft / name, root / name)
    return names
