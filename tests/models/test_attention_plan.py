from typing import Any

import pytest
from transformers import AutoConfig

from stages.models.attention_plan import FAMILIES, plan_attention
from tests.tiny_families import OWN, SHAPE

WINDOWED = {
    "gemma2": "the family gemma2 is not among those tested",
    "gemma3_text": "the family gemma3_text is not among those tested",
    "qwen3_sliding": "layers of kind sliding_attention do not see the whole text",
    "mistral_sliding": "sliding_attention|a window of 8 tokens",
}


def config(name: str, **changes: Any) -> Any:
    return AutoConfig.for_model(name.removesuffix("_sliding"), **SHAPE | OWN[name] | changes)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_full_attention_makes_trees(family: str) -> None:
    assert plan_attention(config(family)) == ("tree", "all layers have full attention")


@pytest.mark.parametrize("name", WINDOWED)
def test_layers_that_see_a_part_make_sorted_batches(name: str) -> None:
    plan = plan_attention(config(name))
    assert plan.kind == "sorted"
    assert any(words in plan.reason for words in WINDOWED[name].split("|"))


def test_linear_layers_make_sorted_batches() -> None:
    mixed = config("qwen3", layer_types=["full_attention", "linear_attention"])
    assert plan_attention(mixed) == ("sorted", "layers of kind linear_attention do not see the whole text")


def test_window_decides_where_no_layer_types_are_given() -> None:
    plan = plan_attention(config("phi3", sliding_window=16))
    assert plan == ("sorted", "its layers see a window of 16 tokens only")


def test_positions_that_depend_on_the_length_make_sorted_batches() -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    plan = plan_attention(config("llama", rope_parameters=rope))
    assert plan == ("sorted", "its positions (dynamic) depend on the longest text of a forward pass")
