"""One thread for torch, a fake reward model, and a folder with real ones of a few thousand weights."""

from pathlib import Path

import pytest

from tests.one_thread import one_thread
from tests.score.fakes import FakeModel, use
from tests.tiny_rewards import save_entailment_rm, save_scalar_rm

__all__ = ["fake", "models", "one_thread"]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """A model that reads principles and is calibrated; every `--rm` means it."""
    return use(monkeypatch, FakeModel())


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `rm` (calibrated), `raw` (a language model as it is) and `scalar`."""
    folder = tmp_path_factory.mktemp("models")
    save_entailment_rm(folder / "rm")
    save_entailment_rm(folder / "raw", with_card=False)
    save_scalar_rm(folder / "scalar")
    return folder
