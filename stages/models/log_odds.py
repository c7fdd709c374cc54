"""The log-odds of Yes over No from a hidden state and two rows of the head, in fp32; the logits of all tokens.

Legend: N pairs, C channels of a hidden state, V vocabulary. Which two rows is decided in answer_tokens.py.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from stages.models.answer_tokens import AnswerTokens


class AnswerHead(NamedTuple):
    """A language model's output layer as far as two answers need it; gradients flow into its weights.

    weight V x C, the same tensor as the embedding where the two are tied; bias V or None; yes and no are rows.
    logits = cap(scale * (weight h + bias)), cap(x) = softcap * tanh(x / softcap), or x where `softcap` is None.
    """

    weight: Tensor
    bias: Tensor | None
    yes: int
    no: int
    scale: float
    softcap: float | None


def answer_head(model: Any, answers: AnswerTokens) -> AnswerHead:  # noqa: ANN401 - transformers' models share no useful type
    """Return the output layer of a causal language model, with the scale and the cap that its family applies."""
    layer = model.get_output_embeddings()
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1.0 / (getattr(config, "logits_scaling", None) or 1.0)
    softcap = getattr(config, "final_logit_softcapping", None)
    return AnswerHead(layer.weight, getattr(layer, "bias", None), answers.yes, answers.no, scale, softcap)


def log_odds(hidden: Tensor, head: AnswerHead) -> Tensor:
    """Return logit(Yes) - logit(No), N in fp32, for the hidden states N x C after the model's last norm.

    Equal to log p(Yes) - log p(No), since the normaliser cancels. Only two rows of the head are read; their difference
    and the dot product are fp32, under autocast too, because bf16 logits are coarse and tie.
    """
    assert hidden.ndim == 2
    assert hidden.shape[1] == head.weight.shape[1]
    with torch.autocast(hidden.device.type, enabled=False):
        rows = head.weight[[head.yes, head.no]].float()
        bias = rows.new_zeros(2) if head.bias is None else head.bias[[head.yes, head.no]].float()
        if head.softcap is None:
            return head.scale * (hidden.float() @ (rows[0] - rows[1]) + (bias[0] - bias[1]))
        logits = head.softcap * torch.tanh(head.scale * (hidden.float() @ rows.T + bias) / head.softcap)
        return logits[:, 0] - logits[:, 1]


def answer_logits(hidden: Tensor, head: AnswerHead) -> Tensor:
    """Return the logits of all tokens, N x V in fp32, for hidden states N x C; the product has the head's dtype."""
    assert hidden.ndim == 2
    with torch.autocast(hidden.device.type, enabled=False):
        logits = torch.nn.functional.linear(hidden.to(head.weight.dtype), head.weight, head.bias).float() * head.scale
    return logits if head.softcap is None else head.softcap * torch.tanh(logits / head.softcap)


def answer_mass(hidden: Tensor, head: AnswerHead) -> Tensor:
    """Return p(Yes) + p(No), N in fp32, for hidden states N x C. It reads all V rows of the head: for samples."""
    return answer_logits(hidden, head).softmax(dim=1)[:, [head.yes, head.no]].sum(dim=1)
