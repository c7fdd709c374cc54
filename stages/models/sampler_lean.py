"""One decoding step of plain decoders in few operations, straight from the weights of their modules.

In models of some thousand weights, calling modules takes longer than what they compute. Weights are looked up at each
call of `lean_decoder`, none are copied. A model that is not one of transformers' own, or has a hook, an adapter or
other layers in it, is called as it is.

Legend: B rows, V vocabulary, H query or key heads, D channels of a head.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, rms_norm, silu

from stages.models.sampler_cache import RowCache, attend

FAMILIES: Final = frozenset({"llama", "qwen2", "qwen3"})
"""Families of one build: RMS norms before attention and a gated SiLU layer, rotary positions; each is tested."""

_ROPES_BY_LENGTH: Final = frozenset({"dynamic", "longrope"})


class _Product(NamedTuple):
    """Weight and bias of a linear layer."""

    weight: Tensor
    bias: Tensor | None


class _Norm(NamedTuple):
    """Weight and epsilon of an RMS norm."""

    weight: Tensor
    epsilon: float


class _Layer(NamedTuple):
    """The weights of one layer; `window` is the most tokens that it sees, None for all."""

    before: _Norm
    query: _Product
    key: _Product
    value: _Product
    query_norm: _Norm | None
    key_norm: _Norm | None
    out: _Product
    between: _Norm
    gate: _Product
    up: _Product
    down: _Product
    attention: Any
    head_dim: int
    scaling: float
    window: int | None


class LeanDecoder:
    """The model of `lean_decoder`, for rows that grow by one token; good until its weights change."""

    def __init__(self, model: Any, num_positions: int) -> None:  # noqa: ANN401 - transformers' models share no type
        base = model.model
        self._embeddings: Tensor = base.embed_tokens.weight
        self._layers = [_layer(layer) for layer in base.layers]
        self._norm, self._head = _norm(base.norm), _product(model.lm_head)
        places = torch.arange(num_positions, device=self._embeddings.device)[None]
        cos, sin = (table[0, :, None] for table in base.rotary_emb(self._embeddings, places))
        half = sin.shape[2] // 2
        self._cos, self._sin = cos, torch.cat([-sin[..., :half], sin[..., half:]], dim=2)

    def logits(self, tokens: Tensor, positions: Tensor, cache: RowCache, seen: Tensor | None) -> Tensor:
        """Logits B x V after the tokens (B,) at positions (B,), or (1,) where all are alike; they join the cache."""
        cos, sin = self._cos[positions], self._sin[positions]
        hidden = embedding(tokens, self._embeddings)
        for number, layer in enumerate(self._layers):
            hidden = hidden + _attended(_normed(hidden, layer.before), layer, number, cos, sin, cache, seen)
            normed = _normed(hidden, layer.between)
            hidden = hidden + linear(silu(linear(normed, *layer.gate)) * linear(normed, *layer.up), *layer.down)
        cache.end += 1
        return linear(_normed(hidden, self._norm), *self._head)


def lean_decoder(model: Any, num_positions: int) -> LeanDecoder | None:  # noqa: ANN401 - as above
    """The model as a lean decoder for positions below `num_positions`; None where it must be called as it is."""
    config = model.config
    plain = (
        config.model_type in FAMILIES
        and type(model).__module__ == f"transformers.models.{config.model_type}.modeling_{config.model_type}"
        and config.hidden_act == "silu"
        and model.model.rotary_emb.rope_type not in _ROPES_BY_LENGTH
        and all(map(_is_stock, model.modules()))
    )
    return LeanDecoder(model, num_positions) if plain else None


def _is_stock(module: nn.Module) -> bool:
    """Whether calling a module is no more than its forward, and that is what it was written as."""
    home = type(module).__module__
    known = home.startswith(("transformers.", "torch.nn.modules."))
    return known and not (module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__)


def _layer(layer: Any) -> _Layer:  # noqa: ANN401 - as above
    attention, mlp = layer.self_attn, layer.mlp
    with_norms = hasattr(attention, "q_norm")
    return _Layer(
        before=_norm(layer.input_layernorm),
        query=_product(attention.q_proj),
        key=_product(attention.k_proj),
        value=_product(attention.v_proj),
        query_norm=_norm(attention.q_norm) if with_norms else None,
        key_norm=_norm(attention.k_norm) if with_norms else None,
        out=_product(attention.o_proj),
        between=_norm(layer.post_attention_layernorm),
        gate=_product(mlp.gate_proj),
        up=_product(mlp.up_proj),
        down=_product(mlp.down_proj),
        attention=attention,
        head_dim=attention.head_dim,
        scaling=attention.scaling,
        window=getattr(attention, "sliding_window", None),  # Llama's layers have none
    )


def _product(module: Any) -> _Product:  # noqa: ANN401 - as above
    return _Product(module.weight, module.bias)


def _norm(module: Any) -> _Norm:  # noqa: ANN401 - as above
    return _Norm(module.weight, module.variance_epsilon)


def _attended(
    normed: Tensor, layer: _Layer, number: int, cos: Tensor, sin: Tensor, cache: RowCache, seen: Tensor | None
) -> Tensor:
    shape = (normed.shape[0], -1, layer.head_dim)
    query, key = linear(normed, *layer.query).view(shape), linear(normed, *layer.key).view(shape)
    if layer.query_norm is not None and layer.key_norm is not None:
        query, key = _normed(query, layer.query_norm), _normed(key, layer.key_norm)
    value = linear(normed, *layer.value).view(shape)
    query, key = _rotated(query, cos, sin), _rotated(key, cos, sin)
    keys, values = cache.update(key[:, :, None], value[:, :, None], number)
    out, _ = attend(
        layer.attention, query[:, :, None], keys, values, None, layer.scaling, sliding_window=layer.window, seen=seen
    )
    return linear(out.reshape(normed.shape[0], -1), *layer.out)


def _rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads B x H x D with channels j and j + D/2 turned by the angle of the position.

    The sines of the first half of the channels are negative.
    """
    return torch.addcmul(heads * cos, heads.roll(heads.shape[2] // 2, 2), sin)


def _normed(hidden: Tensor, norm: _Norm) -> Tensor:
    # under autocast, products are of half precision where weights are not
    return rms_norm(hidden.to(norm.weight.dtype), norm.weight.shape, norm.weight, norm.epsilon)
