import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import CLIPConfig, ViTConfig

from stages.core.errors import ConfigError, DataError, InputMissing
from stages.rewards.card import CARD
from stages.rewards.entailment import EntailmentModel
from stages.rewards.model import RewardModel
from stages.rewards.open import open_reward_model, reward_model_name
from stages.rewards.options import RewardOptions
from stages.rewards.scalar import ScalarModel
from tests.servers.chat_server import start_server
from tests.tiny_models import save_tiny_encoder
from tests.tiny_rewards import save_entailment_rm, save_scalar_rm


@pytest.fixture(scope="module")
def entailment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_entailment_rm(tmp_path_factory.mktemp("rewards") / "rm")


@pytest.fixture(scope="module")
def scalar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_scalar_rm(tmp_path_factory.mktemp("rewards") / "head")


def opened(rm: object, **options: Any) -> RewardModel:
    chosen = RewardOptions(device="cpu", **options)
    return open_reward_model(str(rm), chosen, seed=3, journal=Path("calls.jsonl"), notice=lambda text: None)


def test_folder_says_which_kind_it_is(entailment: Path, scalar: Path) -> None:
    assert isinstance(opened(entailment), EntailmentModel)
    assert isinstance(opened(f"local:{entailment}"), EntailmentModel)
    assert isinstance(opened(scalar), ScalarModel)


def test_chat_model_without_a_card_is_an_entailment_model(tmp_path: Path) -> None:
    folder = save_entailment_rm(tmp_path / "chat", with_card=False)
    assert isinstance(opened(folder), EntailmentModel)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": None}))
    assert isinstance(opened(folder), EntailmentModel)


@pytest.mark.parametrize(
    ("rm", "generative", "given"),
    [
        ("http://host:8000/v1", False, "http://host:8000/v1"),
        ("HTTPS://host/v1", False, "HTTPS://host/v1"),
        ("local:FOLDER", True, "FOLDER"),
        ("FOLDER", True, "FOLDER"),
    ],
)
def test_url_or_generative_goes_to_the_room_of_judges(
    rm: str, generative: bool, given: str, entailment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rm, given = (word.replace("FOLDER", str(entailment)) for word in (rm, given))
    calls: list[tuple[Any, ...]] = []

    def open_generative(rm: str, options: RewardOptions, *, seed: int, journal: Path, notice: object) -> str:
        calls.append((rm, options, seed, journal))
        return "a judge"

    fake = SimpleNamespace(open_generative=open_generative)
    monkeypatch.setitem(sys.modules, "stages.rewards.generative", fake)
    assert opened(rm, generative=generative) == "a judge"
    assert calls == [(given, RewardOptions(device="cpu", generative=generative), 3, Path("calls.jsonl"))]


def test_a_scalar_head_writes_no_judgement(scalar: Path) -> None:
    with pytest.raises(ConfigError, match="leave out --generative"):
        opened(scalar, generative=True)


def test_name_is_known_without_the_weights(entailment: Path, tmp_path: Path) -> None:
    name = reward_model_name(str(entailment), RewardOptions())
    assert name == reward_model_name(f"local:{entailment}", RewardOptions()) == opened(entailment).name
    copy = shutil.copytree(entailment, tmp_path / "rm")
    assert reward_model_name(str(copy), RewardOptions()) == name
    (copy / CARD).write_text("{}")
    assert reward_model_name(str(copy), RewardOptions()) != name
    assert reward_model_name("owner/name", RewardOptions()) == "owner/name"


def test_name_at_a_url_is_the_model_there() -> None:
    with start_server() as server:
        assert reward_model_name(server.url, RewardOptions(rm_model="judge")) == "judge"
        assert reward_model_name(server.url, RewardOptions()) == "test-model"


def test_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    for find in (lambda rm: opened(rm), lambda rm: reward_model_name(rm, RewardOptions())):
        with pytest.raises(InputMissing, match="There is no folder"):
            find(str(tmp_path / "missing"))
        with pytest.raises(InputMissing, match="There is no folder"):
            find("")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["part-00000.parquet"], r"holds no model: there is no config\.json, but part-00000\.parquet; wanted is a fol"),
        (["a", "b", "c", "d", ".e"], r"no config\.json, but a, b, c, \.\.\.; wanted"),
        ([".rlbff"], r"no config\.json, but nothing; wanted"),
        (["adapter_config.json", "README.md"], "holds an adapter without its base model; merge the two"),
    ],
)
def test_folder_without_a_model_is_refused(files: list[str], words: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match=words):
        opened(tmp_path)
    with pytest.raises(ConfigError, match=words):
        reward_model_name(str(tmp_path), RewardOptions())


def test_file_is_refused(entailment: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.safetensors is a file; name the folder of the model"):
        opened(entailment / "model.safetensors")


def test_models_of_another_kind_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bert is a BertModel, which is no reward model; wanted is a folder"):
        opened(save_tiny_encoder(tmp_path / "bert"))
    CLIPConfig(architectures=["CLIPModel"]).save_pretrained(tmp_path / "clip")
    with pytest.raises(ConfigError, match="clip is a CLIPModel, which is no reward model"):
        opened(tmp_path / "clip")
    ViTConfig().save_pretrained(tmp_path / "vit")
    with pytest.raises(ConfigError, match="vit is a vit, which is no reward model"):
        opened(tmp_path / "vit")


def test_reward_model_that_brings_its_own_code_is_refused(scalar: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scalar, tmp_path / "gated")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["Qwen3ForRewardModelWithGating"]}))
    with pytest.raises(ConfigError, match="gated is a Qwen3ForRewardModelWithGating, which is no reward model"):
        opened(folder)


def test_card_of_another_kind_of_model_is_refused(entailment: Path, scalar: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scalar, tmp_path / "mixed")
    shutil.copy(entailment / CARD, folder)
    with pytest.raises(DataError, match=rf"The {CARD} in .*mixed says entailment, but the model in it is a scalar one"):
        opened(folder)


def test_damaged_files_are_named(entailment: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(entailment, tmp_path / "damaged")
    (folder / CARD).write_text("{}")
    with pytest.raises(DataError, match=rf"damaged/{CARD}: This is no card of a reward model"):
        opened(folder)
    (folder / CARD).unlink()
    (folder / "config.json").write_text("{}")
    with pytest.raises(DataError, match=r"damaged cannot be loaded: .*model_type"):
        opened(folder)


def test_name_of_a_judge_at_a_url_and_calibration_load_no_torch(
    root: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "import stages.rewards.calibration\n"
        "from stages.rewards.open import reward_model_name\n"
        "from stages.rewards.options import RewardOptions\n"
        "print(reward_model_name('http://host/v1', RewardOptions(rm_model='judge')))\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    assert run_python("-c", code).stdout == "judge\nFalse False\n"
