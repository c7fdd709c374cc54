"""Tiny models that judge: each follows a script, with Yes and No at the odds that a test chooses."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

from tests.tiny_models import CHAT_TEMPLATE, _causal_lm, _save, _tokenizer

SURE = 100.0
"""The logit of a token that is certain to come; all tokens without one have 0."""


def save_tiny_judge(
    folder: Path,
    script: Sequence[str],
    answers: Sequence[tuple[str, float]],
    then: Sequence[str] = (),
    *,
    template: str | None = CHAT_TEMPLATE,
    window: int = 8192,
) -> Path:
    """Save a model that writes `script`, then one of `answers`, then `then` and the end, and return the folder.

    Every text becomes one token; `answers` come with their logits. As in `save_tiny_answering_lm`, the next token
    depends on the last one alone: attention is switched off, and the output layer solves for the logits.
    """
    tokenizer = _tokenizer()
    tokenizer.chat_template = template
    texts = [*script, *(text for text, _ in answers), *then]
    assert len(set(texts)) == len(texts)
    tokenizer.add_tokens(texts)
    cue = "assistant\n" if template else "Assistant:"
    start = tokenizer(cue)["input_ids"][-1]
    first, *rest, end = [start, *tokenizer.convert_tokens_to_ids([*script, *then]), tokenizer.eos_token_id]
    before, after = [first, *rest[: len(script)]], [*rest[len(script) :], end]
    chosen = [(tokenizer.convert_tokens_to_ids(text), logit) for text, logit in answers]
    wanted = {token: [(following, SURE)] for token, following in pairwise(before)}
    wanted |= {token: [(following, SURE)] for token, following in pairwise(after)}
    wanted |= {token: [(after[0], SURE)] for token, _ in chosen} | {before[-1]: chosen}
    model = _causal_lm(tokenizer, 0, window)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
        states = model.model(torch.tensor([[token] for token in wanted])).last_hidden_state[:, 0]
        logits = torch.zeros(len(wanted), len(tokenizer))
        for row, following in enumerate(wanted.values()):
            for token, logit in following:
                logits[row, token] = logit
        model.lm_head.weight.copy_((torch.linalg.pinv(states.double()) @ logits.double()).T)
    return _save(folder, model, tokenizer)
