"""A judge of a few thousand weights that can learn to judge in seconds, and the rows that teach it.

It reasons by one letter: after g it says Yes, after b No. Before it is trained, the letter is right a little more
often than wrong. The task: the response x satisfies "say x", the response y does not.
"""

import random
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from tests.toy_policy import TEMPLATE, toy_model

WORDS = ("Final Judgement:", " Yes", " No", "\n", *"abcdefghijklmnopqrstuvwxyz? =")
PRINCIPLE = "say x"

_WEAK = 0.65
"""How often the judge is right before it is trained."""


def judge_tokenizer() -> Any:
    vocabulary = {"<pad>": 0, "<end>": 1} | {word: place + 2 for place, word in enumerate(WORDS)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"Final Judgement:| Yes| No|\n|."), "isolated")
    inner.decoder = decoders.Fuse()
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", pad_token="<pad>", unk_token="?", clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def save_toy_judge(folder: Path) -> Path:
    """Save the judge that knows the form of an answer and nothing else, and return the folder."""
    model = toy_model()
    model.load_state_dict(_taught())
    model.save_pretrained(folder)
    judge_tokenizer().save_pretrained(folder)
    return folder


def judged_rows(count: int = 8) -> list[dict[str, Any]]:
    """Rows of the principles table; two of them share an id, as the principles of one response do."""
    return [
        {
            "id": f"f{n // 2}",
            "prompt": f"q{chr(97 + n)}",
            "completion": "xy"[n % 2],
            "principle": PRINCIPLE,
            "label": n % 2 == 0,
        }
        for n in range(count)
    ]


@cache
def _taught() -> dict[str, torch.Tensor]:
    tokenizer, model, draw = judge_tokenizer(), toy_model(), random.Random(0)
    assert len(tokenizer) <= model.config.vocab_size
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(120):
        texts = []
        for _ in range(16):
            response = draw.choice("xy")
            good = draw.random() < (_WEAK if response == "x" else 1 - _WEAK)
            asked = f"q{draw.choice('abcdefgh')}{response}{PRINCIPLE}="
            texts.append(f"{asked}{'gb'[not good]}\nFinal Judgement:{' Yes' if good else ' No'}<end>")
        ids = torch.tensor([tokenizer(text)["input_ids"] for text in texts])
        loss = _loss(model, ids, len(tokenizer(asked)["input_ids"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: weight.detach() for name, weight in model.state_dict().items()}


def _loss(model: Qwen3ForCausalLM, ids: torch.Tensor, start: int) -> torch.Tensor:
    logits = model(ids).logits[:, start - 1 : -1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, start:].flatten())
