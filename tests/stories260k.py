"""The trained model of ../shared/data/stories260k as a transformers model; how its file is laid out is said there."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

BOS = 1


def load_stories(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model in evaluation mode, fp32, and what REFERENCE.json says of it."""
    content = (folder / "stories260K.restored.bin").read_bytes()
    dim, hidden, layers, heads, kv_heads, vocab, context = np.frombuffer(content, "<i4", 7).tolist()
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=dim,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=context,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    model.load_state_dict(_weights(np.frombuffer(content, "<f4", offset=28), config), strict=False)
    return model, json.loads((folder / "REFERENCE.json").read_text())


def _weights(values: Any, config: LlamaConfig) -> dict[str, torch.Tensor]:
    dim, hidden, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    size = dim // config.num_attention_heads
    keys = size * config.num_key_value_heads
    shapes = {
        "model.embed_tokens": (config.vocab_size, dim),
        "input_layernorm": (layers, dim),
        "self_attn.q_proj": (layers, dim, dim),
        "self_attn.k_proj": (layers, keys, dim),
        "self_attn.v_proj": (layers, keys, dim),
        "self_attn.o_proj": (layers, dim, dim),
        "post_attention_layernorm": (layers, dim),
        "mlp.gate_proj": (layers, hidden, dim),
        "mlp.down_proj": (layers, dim, hidden),
        "mlp.up_proj": (layers, hidden, dim),
        "model.norm": (dim,),
    }
    result: dict[str, torch.Tensor] = {}
    start = 0
    for name, shape in shapes.items():
        length = int(np.prod(shape))
        weight = torch.from_numpy(values[start : start + length].reshape(shape).copy())
        start += length
        if name in ("self_attn.q_proj", "self_attn.k_proj"):
            # here the channels that turn together are neighbours, there they are half a head apart
            weight = weight.view(layers, -1, size // 2, 2, dim).transpose(2, 3).reshape(shape)
        if name.startswith("model."):
            result[f"{name}.weight"] = weight
        else:
            result |= {f"model.layers.{n}.{name}.weight": part for n, part in enumerate(weight)}
    return result | {"lm_head.weight": result["model.embed_tokens.weight"]}
