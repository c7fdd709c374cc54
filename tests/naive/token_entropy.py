"""Entropies by the definition, in float64: the whole log-softmax, and a forward pass of its own for every token."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def entropy_of_logits(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """-sum p ln p over the last dimension."""
    logs = (logits.double() / temperature).log_softmax(dim=-1)
    return -(logs.exp() * logs).sum(dim=-1)


@torch.inference_mode()
def token_entropies(model: Any, prompt: Sequence[int], completion: Sequence[int]) -> list[float]:
    """For each token of the completion: the entropy of what the model expects after all tokens before it."""
    before = list(prompt)
    found = []
    for token in completion:
        logits = model(input_ids=torch.tensor([before]), use_cache=False).logits[0, -1]
        found.append(float(entropy_of_logits(logits)))
        before.append(token)
    return found
