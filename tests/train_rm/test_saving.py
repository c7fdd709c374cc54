"""A saved model is an ordinary folder: loaded by transformers alone it gives the scores of the trained module."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from stages.models.load import load_causal_lm
from stages.train_rm.adapters import add_adapters
from stages.train_rm.module import RewardModule
from stages.train_rm.saving import save_model
from tests.naive.pairs import log_odds_one_by_one
from tests.tiny_families import answering_tokenizer, tiny_model
from tests.train_rm.batches import ANSWERS, random_batch
from tests.train_rm.models import tiny_classifier

BATCH = random_batch(((3, 20), (2, 9)), 3)
ROWS = [tree.prefix + suffix for tree in BATCH.trees for suffix in tree.suffixes]


def scores_of(module: RewardModule) -> torch.Tensor:
    with torch.no_grad(), module.ready():
        scores: torch.Tensor = module(BATCH)
    return scores


def nudge(module: RewardModule) -> None:
    """Change every weight that is trained."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in module.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.05)


@pytest.mark.parametrize("rank", [None, 4])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "phi3", "qwen3_moe", "mistral_sliding"])
def test_folder_gives_the_scores_of_the_module(family: str, rank: int | None, tmp_path: Path) -> None:
    model = tiny_model(family).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    module = RewardModule(model, ANSWERS)
    if rank is not None:
        add_adapters(module, rank=rank, alpha=2.0 * rank, seed=0)
    nudge(module)
    expected = scores_of(module)
    save_model(module, answering_tokenizer(), tmp_path)
    loaded = load_causal_lm(str(tmp_path), device="cpu", dtype="float32").model
    assert loaded.state_dict().keys() == before.keys()
    found = log_odds_one_by_one(loaded, ROWS, ANSWERS.yes, ANSWERS.no)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)
    assert found.std() > 0.01


@pytest.mark.parametrize("rank", [None, 4])
def test_classifier_gives_the_scores_of_the_module(rank: int | None, tmp_path: Path) -> None:
    module = RewardModule(tiny_classifier("qwen3"), None)
    if rank is not None:
        add_adapters(module, rank=rank, alpha=8.0, seed=0)
    nudge(module)
    save_model(module, answering_tokenizer(), tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        found = torch.cat([loaded(input_ids=torch.tensor([row])).logits[:, 0] for row in ROWS])
    assert torch.allclose(found, scores_of(module), rtol=0, atol=1e-5)


def test_adapters_change_nothing_at_first_and_train_only_themselves() -> None:
    model = tiny_model("qwen3")
    module = RewardModule(model, ANSWERS)
    expected = scores_of(module)
    state = torch.random.get_rng_state()
    add_adapters(module, rank=2, alpha=4.0, seed=0)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(scores_of(module), expected)
    trained = {name for name, weight in module.named_parameters() if weight.requires_grad}
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert len(trained) == 2 * 2 * len(layers)
    assert all(any(f".{layer}.lora_" in name for layer in layers) for name in trained)


def test_adapters_of_a_classifier_leave_its_head_trained_whole() -> None:
    module = RewardModule(tiny_classifier("qwen3"), None)
    add_adapters(module, rank=2, alpha=4.0, seed=0)
    trained = [name for name, weight in module.model.named_parameters() if weight.requires_grad and "lora_" not in name]
    assert trained == ["score.weight"]


def test_merged_weight_is_that_of_the_formula(tmp_path: Path) -> None:
    model = tiny_model("qwen3")
    module = RewardModule(model, ANSWERS)
    before = model.model.layers[0].mlp.up_proj.weight.detach().clone()
    add_adapters(module, rank=2, alpha=6.0, seed=0)
    nudge(module)
    layer = model.model.layers[0].mlp.up_proj
    expected = before + 3.0 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    save_model(module, answering_tokenizer(), tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.allclose(loaded.model.layers[0].mlp.up_proj.weight, expected, atol=1e-6)
    assert not torch.allclose(expected, before, atol=1e-3)


def test_tied_weights_are_written_once(tmp_path: Path) -> None:
    module = RewardModule(tiny_model("llama"), ANSWERS)
    save_model(module, answering_tokenizer(), tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:  # type: ignore[no-untyped-call]
        assert "model.embed_tokens.weight" in file.keys()  # noqa: SIM118
        assert "lm_head.weight" not in file.keys()  # noqa: SIM118
