"""A policy of a few thousand weights and a task that it learns in seconds, for tests of everything that trains one.

The task: say the digit that the prompt begins with, and end. Characters are tokens.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from stages.rewards.item import RewardItem, RewardResult

ALPHABET = "0123456789+-*/=abcdefghijklmnopqrstuvwxyz? "
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}={% endif %}"


def toy_tokenizer() -> Any:
    vocabulary = {"<pad>": 0, "<end>": 1} | {sign: place + 2 for place, sign in enumerate(ALPHABET)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.decoder = decoders.Fuse()
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", pad_token="<pad>", unk_token="?", clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def toy_model(seed: int = 0, *, width: int = 32, layers: int = 2, window: int = 64) -> Any:
    config = Qwen3Config(
        vocab_size=len(ALPHABET) + 2,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=window,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=1, pad_token_id=0)
    return model.eval()


def save_toy_policy(folder: Path, seed: int = 0) -> Path:
    """Save model and tokenizer as a folder that `load_causal_lm` reads, and return it."""
    toy_model(seed).save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


def toy_rows(count: int = 10) -> list[dict[str, Any]]:
    """Prompts such as "7a", whose right answer is the digit."""
    return [{"id": f"p{n}", "prompt": f"{n % 10}{chr(97 + n // 10)}", "answer": str(n % 10)} for n in range(count)]


class FirstDigit:
    """A Reward: 1 where the completion is the reference alone, 0.3 where it begins with it, else 0."""

    name = "first digit"
    best = 1.0

    def score(
        self, items: Sequence[RewardItem], advance: Callable[[int], None] = lambda items: None
    ) -> list[RewardResult]:
        advance(len(items))
        return [self._one(item) for item in items]

    def _one(self, item: RewardItem) -> RewardResult:
        text, right = item.completion.strip(), str(item.reference)
        value = 1.0 if text == right else 0.3 if text.startswith(right) else 0.0
        return RewardResult(value, "ok", {"first digit": value})

    def facts(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        return None


class DigitShare(FirstDigit):
    """A Reward that grades: the share of the completion's characters that are digits, and a bit for its length."""

    name = "digit share"

    def _one(self, item: RewardItem) -> RewardResult:
        text = item.completion
        value = sum(sign.isdigit() for sign in text) / max(1, len(text)) - len(text) / 100
        return RewardResult(value, "ok", {"digit share": value})
