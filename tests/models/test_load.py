import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stages.core.errors import ConfigError, DataError, EndpointError, InputMissing
from stages.models.load import (
    find_device,
    find_dtype,
    find_model,
    load_causal_lm,
    load_classifier,
    load_config,
    load_encoder,
    load_for_training,
    load_tokenizer,
    model_name,
)
from tests.tiny_models import save_tiny_causal_lm, save_tiny_classifier, save_tiny_encoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal_lm(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def test_language_model_is_loaded_ready_for_use(tiny: Path) -> None:
    loaded = load_causal_lm(str(tiny), device="cpu")
    assert not loaded.model.training
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    assert loaded.device == torch.device("cpu")
    ids = loaded.tokenizer("The response is clear", return_tensors="pt")["input_ids"]
    assert loaded.model(ids).logits.shape == (1, ids.shape[1], 400)


def test_dtype_can_be_chosen_and_defaults_by_device(tiny: Path) -> None:
    assert load_causal_lm(str(tiny), device="cpu", dtype="bfloat16").model.dtype == torch.bfloat16
    assert find_dtype(None, torch.device("cpu")) == torch.float32
    assert find_dtype(None, torch.device("cuda")) == torch.bfloat16
    with pytest.raises(ConfigError, match="'fp7' is not one of float32, bfloat16"):
        find_dtype("fp7", torch.device("cpu"))


def test_device_must_exist_here() -> None:
    assert find_device(None).type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigError, match="'abacus' cannot be used here"):
        find_device("abacus")
    with pytest.raises(ConfigError, match="holds no numbers; use cpu or cuda"):
        find_device("meta")


def test_encoder_gives_hidden_states(tmp_path: Path) -> None:
    loaded = load_encoder(str(save_tiny_encoder(tmp_path / "bert")), device="cpu")
    batch = loaded.tokenizer("clarity", return_tensors="pt")
    assert loaded.model(batch["input_ids"]).last_hidden_state.shape[-1] == 32


def test_classifier_is_loaded_with_its_head(tmp_path: Path) -> None:
    loaded = load_classifier(str(save_tiny_classifier(tmp_path / "rm")), device="cpu")
    assert loaded.model.score.weight.shape == (1, 32)
    assert not loaded.model.training


def test_language_model_is_no_classifier(tiny: Path) -> None:
    with pytest.raises(DataError, match=r"lacks the weights score\.weight \(1 in all\)"):
        load_classifier(str(tiny), device="cpu")


def test_model_to_be_trained_is_fp32_and_in_training_mode(tiny: Path) -> None:
    loaded = load_for_training(str(tiny), scalar_head=False, seed=0)
    assert loaded.model.training
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    expected = load_causal_lm(str(tiny), device="cpu").model.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.model.state_dict().items())


def test_new_scalar_head_is_drawn_from_the_seed_alone(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = torch.random.get_rng_state()
    first, second, third = (load_for_training(str(tiny), scalar_head=True, seed=seed).model for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.training
    assert first.score.weight.shape == (1, 32)
    assert torch.equal(first.score.weight, second.score.weight)
    assert not torch.equal(first.score.weight, third.score.weight)
    assert first.config.pad_token_id == load_tokenizer(str(tiny)).pad_token_id
    assert "REPORT" not in "".join(capfd.readouterr())


def test_scalar_head_of_a_classifier_is_kept(tmp_path: Path) -> None:
    folder = str(save_tiny_classifier(tmp_path / "rm"))
    kept = load_for_training(folder, scalar_head=True, seed=5).model
    assert torch.equal(kept.score.weight, load_classifier(folder, device="cpu").model.score.weight)


def test_scalar_head_does_not_excuse_other_missing_weights(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"lacks the weights model\.norm\.weight \(1 in all\)"):
        load_for_training(str(copy), scalar_head=True, seed=0)


def test_family_without_a_classifier_is_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "granite"}))
    with pytest.raises(ConfigError, match="of the family granite"):
        load_for_training(str(copy), scalar_head=True, seed=0)


def test_tokenizer_and_configuration_come_without_the_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    tokenizer = load_tokenizer(str(copy))
    assert tokenizer.decode(tokenizer("clear")["input_ids"]) == "clear"
    assert load_config(str(copy)).model_type == "qwen3"


def test_tokenizer_that_was_loaded_before_is_taken(tiny: Path) -> None:
    tokenizer = load_tokenizer(str(tiny))
    assert load_causal_lm(str(tiny), tokenizer=tokenizer).tokenizer is tokenizer


def test_loading_the_same_folder_twice_gives_the_same_weights(tiny: Path) -> None:
    first, second = (load_causal_lm(str(tiny), device="cpu").model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("model", ["/no/such/folder", "./missing", "three/part/name", "~nobody/model", ""])
def test_what_is_neither_folder_nor_hub_id_is_missing(model: str) -> None:
    with pytest.raises(InputMissing, match="There is no folder"):
        find_model(model)


def test_folder_without_a_model_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"no config\.json"):
        load_causal_lm(str(tmp_path))


def test_hub_id_that_cannot_be_had_is_an_endpoint_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EndpointError, match="There is no folder nobody/nothing, and the hub"):
        load_causal_lm("nobody/nothing", device="cpu")


def test_damaged_folders_are_bad_data_in_one_line(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"copy cannot be loaded: .*model\.safetensors") as problem:
        load_causal_lm(str(copy))
    assert "\n" not in str(problem.value)
    (copy / "config.json").write_text("{")
    with pytest.raises(DataError, match="not a valid JSON"):
        load_causal_lm(str(copy))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_cut_off_weights_are_bad_data_in_one_line(share: float, copy: Path) -> None:
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: int(share * len(weights))])
    with pytest.raises(DataError, match=r"copy cannot be loaded: Error while deserializing header") as problem:
        load_causal_lm(str(copy))
    assert "\n" not in str(problem.value)


def test_missing_weights_are_refused_not_made_up(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"num_hidden_layers": 3, "layer_types": ["full_attention"] * 3}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"lacks the weights model\.layers\.2\..* \(11 in all\)"):
        load_causal_lm(str(copy))


def test_missing_tokenizer_is_refused(copy: Path) -> None:
    for file in copy.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(DataError, match="has no tokenizer"):
        load_causal_lm(str(copy))


def test_missing_tokenizer_is_refused_before_the_weights_are_read(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"")
    for file in copy.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(DataError, match="has no tokenizer"):
        load_causal_lm(str(copy))


def test_code_in_a_model_folder_is_never_run(copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    (copy / "own.py").write_text(f"open({str(proof)!r}, 'w')\nclass Own: pass\n")
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="cannot be loaded"):
        load_causal_lm(str(copy))
    assert not proof.exists()


def test_a_folder_is_named_after_itself_and_its_content(tmp_path: Path) -> None:
    for place, content in (("one/m", "x"), ("two/m", "x"), ("three/m", "y")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "weights.bin").write_text(content)
    one, two, three = (model_name(str(tmp_path / place / "m")) for place in ("one", "two", "three"))
    assert one == two != three
    assert re.fullmatch("m@[0-9a-f]{8}", one)
    assert model_name("Qwen/Qwen3-4B") == "Qwen/Qwen3-4B"


def test_a_log_in_a_hidden_folder_does_not_rename_a_model(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_text("x")
    before = model_name(str(tmp_path))
    (tmp_path / ".rlbff" / "done").mkdir(parents=True)
    (tmp_path / ".rlbff" / "log.jsonl").write_text("now")
    assert model_name(str(tmp_path)) == before
    (tmp_path / "config.json").write_text("{}")
    assert model_name(str(tmp_path)) != before
