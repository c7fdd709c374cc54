"""The model in this process that `--llm local:MODEL` names; torch is imported only where one is."""

from collections.abc import Callable
from pathlib import Path

from stages.core import asking
from stages.core.asking import LocalClient, Model
from stages.core.options import LlmOptions
from stages.select_cotp.config import SelectCotpConfig


def open_model(config: SelectCotpConfig, root: Path, notice: Callable[[str], None]) -> Model:
    """What `--llm` names; see `open_model` of stages/core/asking.py."""
    return asking.open_model(config.llm, config.run.seed, root, notice, _open_local)


def _open_local(options: LlmOptions, seed: int) -> LocalClient:
    from stages.models import client

    return client.LocalClient(options, seed)
