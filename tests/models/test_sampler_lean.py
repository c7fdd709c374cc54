"""Which models are stepped by their weights, that the logits are the same, and that odd ones are called as they are."""

from typing import Any

import pytest
import torch
from torch import nn

from stages.models.sampler_cache import RowCache, Source, gather, sampling_attention
from stages.models.sampler_lean import FAMILIES, lean_decoder
from tests.tiny_families import OWN, tiny_model

BUILDS = [*sorted(FAMILIES), "qwen3_sliding", "tied", "biased", "scaled positions"]


def model_of(build: str) -> Any:
    match build:
        case "tied":
            return tiny_model("qwen3", tie_word_embeddings=True)
        case "biased":
            return tiny_model("llama", attention_bias=True, mlp_bias=True)
        case "scaled positions":
            rope = {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}
            return tiny_model("llama", rope_parameters=rope)
        case _:
            return tiny_model(build)


@pytest.mark.parametrize("build", BUILDS)
@torch.inference_mode()
def test_logits_equal_those_of_the_model(build: str) -> None:
    model = model_of(build)
    tokens = torch.randint(3, 400, (3, 20), generator=torch.Generator().manual_seed(0))
    expected = model(input_ids=tokens, use_cache=False).logits
    lean = lean_decoder(model, 20)
    assert lean is not None
    with sampling_attention(model):
        cache = RowCache()
        model(input_ids=tokens[:, :5], position_ids=torch.arange(5)[None], past_key_values=cache, use_cache=True)
        cache = gather([Source(cache.layers, torch.arange(3), 5, 5)], 20)
    for at in range(5, 20):
        found = lean.logits(tokens[:, at], torch.tensor([at]), cache, None)
        assert torch.allclose(found, expected[:, at], rtol=0, atol=1e-4 * expected.abs().max())


@pytest.mark.parametrize("family", sorted(set(OWN) - FAMILIES - {"qwen3_sliding"}))
def test_other_families_are_called_as_they_are(family: str) -> None:
    assert lean_decoder(tiny_model(family), 8) is None


def test_model_with_something_else_in_it_is_called_as_it_is() -> None:
    class Adapter(nn.Linear):
        """A layer that does more than its weight says."""

    hooked, adapted, patched, activated = (tiny_model("qwen3") for _ in range(4))
    hooked.model.layers[0].mlp.register_forward_hook(lambda *_: None)
    adapted.model.layers[1].self_attn.v_proj = Adapter(32, 16, bias=False)
    patched.model.layers[0].forward = lambda *_, **__: None
    activated.config.hidden_act = "gelu"
    for model in (hooked, adapted, patched, activated):
        assert lean_decoder(model, 8) is None
    assert lean_decoder(tiny_model("qwen3"), 8) is not None


def test_positions_that_depend_on_the_longest_text_are_left_to_the_model() -> None:
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}
    assert lean_decoder(tiny_model("llama", rope_parameters=rope), 8) is None
