"""A task with many right answers a prompt, its reward, and a base that seldom names some digits, made from a seed.

"7=" asks for three digits with a 7 among them. A policy that is always right may keep all 271 such answers, 5.6 nats a
completion, or one, 0 nats: reward does not decide entropy here. The base draws each digit k with a probability that
falls by a quarter from digit to digit, so that right answers of some prompts are rare at first.
`right` is what --reward py:toy_task:right calls.
"""

import json
from pathlib import Path
from typing import Any, Final

LENGTH: Final = 3
_FALL: Final = 0.75
_COPIED: Final = 0.1
_STEPS: Final = 300
_RATE: Final = 5e-3


def right(completion: str, reference: str) -> float:
    """1 for three digits with the reference among them, else 0."""
    digits = len(completion) == LENGTH and completion.isascii() and completion.isdigit()
    return float(digits and reference in completion)


def write_prompts(path: Path) -> None:
    """Write the ten prompts."""
    rows = [{"id": f"p{n}", "prompt": str(n), "reward_model": {"ground_truth": str(n)}} for n in range(10)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def save_base(folder: Path, seed: int) -> Path:
    """Save a model that answers every prompt with three digits and ends, and return the folder."""
    from tests.toy_policy import save_toy_policy, toy_model, toy_tokenizer

    save_toy_policy(folder, seed)
    model = toy_model(seed).train()
    _warm_up(model, toy_tokenizer(), seed)
    model.save_pretrained(folder)
    return folder


def _warm_up(model: Any, tokenizer: Any, seed: int) -> None:
    """Fit the distribution of the answers itself, not a sample of it."""
    import torch

    draws = torch.Generator().manual_seed(seed)
    digits = torch.tensor([tokenizer(str(k))["input_ids"][0] for k in range(10)])
    shares = _FALL ** torch.arange(10.0)
    asked = torch.tensor([tokenizer(f"{n}=")["input_ids"] for n in range(10)]).repeat_interleave(10, 0)
    wanted = torch.zeros(len(asked), LENGTH + 1, model.config.vocab_size)
    wanted[:, :LENGTH, digits] = (1 - _COPIED) * shares / shares.sum()
    wanted[torch.arange(len(asked)), :LENGTH, asked[:, 0]] += _COPIED
    wanted[:, LENGTH, tokenizer.eos_token_id] = 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, 2 * (1 - step / _STEPS))
        answers = digits[torch.multinomial(shares, LENGTH * len(asked), replacement=True, generator=draws)]
        ids = torch.cat([asked, answers.view(len(asked), LENGTH)], dim=1)
        log_probs = model(input_ids=ids).logits[:, 1:].log_softmax(-1)
        (-(wanted * log_probs).sum(-1).mean()).backward()
        optimizer.step()
        optimizer.zero_grad()
