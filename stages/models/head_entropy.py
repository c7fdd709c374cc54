"""Entropy of the next token from a hidden state and a language model's output layer, without a tensor of logits.

What the hidden states are of is token_entropy.py's business. Gradients are not computed.

Legend: T tokens, D channels of a hidden state, V vocabulary, t and v a chunk of them.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from stages.core.errors import ConfigError

TOKEN_CHUNK: Final = 512
VOCAB_CHUNK: Final = 8192

_PROBES: Final = 8
_AGREE: Final = {torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 4e-3}
"""How far our logits may be from the model's own, as a share of the largest: some roundings of the dtype."""


class OutputHead(NamedTuple):
    """A language model's output layer: logits = cap(scale * (weight h + bias)).

    weight V x D, bias V or None; cap(x) = softcap * tanh(x / softcap), or x where `softcap` is None.
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None


def head_entropy(
    hidden: Tensor,
    head: OutputHead,
    *,
    temperature: float = 1.0,
    token_chunk: int = TOKEN_CHUNK,
    vocab_chunk: int = VOCAB_CHUNK,
) -> Tensor:
    """Return the entropies (T,) in nats, fp32, of softmax(logits / temperature) for the hidden states T x D.

    H = ln Z - S / Z with Z = sum e^(z-m) and S = sum e^(z-m) (z-m), m the largest logit: a sum of parts that are never
    negative, so that nothing cancels. One pass over chunks of the vocabulary keeps (m, Z, S); all that is held beside
    them is three tensors of token_chunk x vocab_chunk, 40 MB by default. Products have the weights' dtype, and
    everything after them is fp32.
    """
    assert hidden.ndim == 2
    assert hidden.shape[1] == head.weight.shape[1]
    assert temperature > 0
    hidden = hidden.to(head.weight.dtype)
    largest = hidden.new_full(hidden.shape[:1], -torch.inf, dtype=torch.float32)
    mass, moment = torch.zeros_like(largest), torch.zeros_like(largest)
    with torch.inference_mode(), torch.autocast(hidden.device.type, enabled=False):
        scratch = _Scratch(hidden, min(token_chunk, len(hidden)), min(vocab_chunk, len(head.weight)))
        for v in range(0, len(head.weight), vocab_chunk):
            part = head._replace(
                weight=head.weight[v : v + vocab_chunk],
                bias=None if head.bias is None else head.bias[v : v + vocab_chunk],
            )
            for t in range(0, len(hidden), token_chunk):
                rows = slice(t, t + token_chunk)
                logits = scratch.logits(hidden[rows], part, temperature)
                scratch.add(logits, largest[rows], mass[rows], moment[rows])
        return mass.log() - moment / mass


def output_head(model: Any) -> OutputHead:  # noqa: ANN401 - transformers' models share no useful type
    """Return the output layer of a causal language model, with the scale and the cap that its family applies.

    Raises ConfigError where these do not make the model's own logits, which a few tokens show.
    """
    layer = model.get_output_embeddings()
    config = model.config.get_text_config()
    if isinstance(layer, torch.nn.Linear) and layer.weight.dtype in _AGREE:
        softcap = getattr(config, "final_logit_softcapping", None)
        head = OutputHead(layer.weight, layer.bias, _scale(config), softcap)
        if _is_models_own(model, head):
            return head
    raise ConfigError(
        f"The model {model.config.name_or_path or 'given'} of the family {model.config.model_type} makes logits from "
        "its output layer in a way that is not known here, so that entropies would be wrong; use a model of another "
        "family, such as qwen3 or llama."
    )


def _scale(config: Any) -> float:  # noqa: ANN401 - as above
    """What the logits are multiplied by: Cohere's scale, FalconH1's multiplier, or one over Granite's scaling."""
    for name in ("logit_scale", "lm_head_multiplier"):
        if (scale := getattr(config, name, None)) is not None:
            return float(scale)
    return 1.0 / (getattr(config, "logits_scaling", None) or 1.0)


def _is_models_own(model: Any, head: OutputHead) -> bool:  # noqa: ANN401 - as above
    """Whether our logits are those of the model, after tokens from all over the vocabulary."""
    num_rows = len(head.weight)
    ids = torch.linspace(0, num_rows - 1, _PROBES).long().unsqueeze(0).to(model.device)
    with torch.inference_mode():
        own = model(input_ids=ids, use_cache=False).logits[0].float()
        hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[0]
        ours = _Scratch(hidden, len(hidden), num_rows).logits(hidden.to(head.weight.dtype), head, 1.0)
        return own.shape == ours.shape and bool((own - ours).abs().max() <= _AGREE[head.weight.dtype] * own.abs().max())


class _Scratch:
    """Memory of one chunk that all chunks share: fresh pages for each would cost as much as the sums do."""

    def __init__(self, like: Tensor, num_tokens: int, num_words: int) -> None:
        size = num_tokens * num_words
        self._product = like.new_empty(size)
        self._logits = self._product if like.dtype == torch.float32 else like.new_empty(size, dtype=torch.float32)
        self._powers = like.new_empty(size, dtype=torch.float32)

    def logits(self, hidden: Tensor, head: OutputHead, temperature: float) -> Tensor:
        """Logits t x v in fp32, valid until the next call."""
        shape = (len(hidden), len(head.weight))
        size = shape[0] * shape[1]
        product = self._product[:size].view(shape)
        torch.mm(hidden, head.weight.T, out=product)
        logits = self._logits[:size].view(shape)
        if logits.dtype != product.dtype:
            logits.copy_(product)
        if head.bias is not None:
            logits += head.bias
        if head.scale != 1.0:
            logits *= head.scale
        if head.softcap is not None:
            logits.div_(head.softcap).tanh_().mul_(head.softcap)
        if temperature != 1.0:
            logits /= temperature
        return logits

    def add(self, logits: Tensor, largest: Tensor, mass: Tensor, moment: Tensor) -> None:
        """Add a chunk's logits, which are overwritten, to the running (m, Z, S) of its tokens, each (t,)."""
        top = torch.maximum(largest, logits.amax(dim=1))
        shifted = logits.sub_(top.unsqueeze(1))
        powers = torch.exp(shifted, out=self._powers[: logits.numel()].view(logits.shape))
        # before the first chunk there is no mass to shift, and minus infinity times zero is no number
        shift = torch.where(mass > 0, largest - top, 0.0)
        old = shift.exp()
        moment.copy_(old * (moment + shift * mass) + torch.linalg.vecdot(powers, shifted))
        mass.copy_(old * mass + powers.sum(dim=1))
        largest.copy_(top)
