"""Whether a model can read many principles over one shared prefix, by its configuration.

What the two ways do is in tree.py and scorer.py.
"""

from typing import Any, Final, Literal, NamedTuple

FAMILIES: Final = frozenset(
    {"gemma", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3"}
)
"""Families whose full attention is plain causal softmax over rotary positions; each is tested against single pairs."""

_ROPES_BY_LENGTH: Final = frozenset({"dynamic", "longrope"})


class AttentionPlan(NamedTuple):
    """`tree`: one row a response with all its principles; `sorted`: single pairs in batches of like length."""

    kind: Literal["tree", "sorted"]
    reason: str


def plan_attention(config: Any) -> AttentionPlan:  # noqa: ANN401 - transformers' configs share no useful type
    """Return `tree` for a model whose layers all see the whole text before a token, else `sorted`, and why.

    `config` is that of the language model; its `layer_types` decide, and `sliding_window` where it has none. A window
    or a recurrent state reaches over a suffix into the one that lies before it in the row.
    """
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ()) - {"full_attention"}
    if text.model_type not in FAMILIES:
        return AttentionPlan("sorted", f"the family {text.model_type} is not among those tested with tree attention")
    if kinds:
        return AttentionPlan("sorted", f"layers of kind {', '.join(sorted(kinds))} do not see the whole text")
    if getattr(text, "layer_types", None) is None and getattr(text, "sliding_window", None) is not None:
        return AttentionPlan("sorted", f"its layers see a window of {text.sliding_window} tokens only")
    if (scaling := _rope_type(text)) in _ROPES_BY_LENGTH:
        return AttentionPlan("sorted", f"its positions ({scaling}) depend on the longest text of a forward pass")
    return AttentionPlan("tree", "all layers have full attention")


def _rope_type(config: Any) -> str:  # noqa: ANN401 - as above
    parameters = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    return str(parameters.get("rope_type", "default"))
