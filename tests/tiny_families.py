"""Random models of several families with a few thousand weights, and a tokenizer to which Yes and No are one token."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.tiny_models import CHAT_TEMPLATE, SENTENCES

VOCAB = 400

SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 2048,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 2,
}

OWN: dict[str, dict[str, Any]] = {
    "gemma": {},
    "granite": {"logits_scaling": 4.0, "attention_multiplier": 0.5},
    "llama": {"tie_word_embeddings": True},
    "mistral": {"sliding_window": None},
    "olmo2": {},
    "phi3": {},
    "qwen2": {},
    "qwen3": {"tie_word_embeddings": False},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "mlp_only_layers": [0]},
    "smollm3": {},
    "gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "qwen3_sliding": {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "mistral_sliding": {"sliding_window": 8},
}
"""What the configuration of a family sets beside `SHAPE`; the last ones have layers that see a window only."""


def tiny_model(name: str, seed: int = 0, noise: float = 0.1, **changes: Any) -> Any:
    """A model of the family in evaluation mode, fp32; `noise` is added to all weights, those of norms included."""
    config = AutoConfig.for_model(name.removesuffix("_sliding"), **SHAPE | OWN[name] | changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * noise)
    return model


def answering_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> Any:
    """A byte-level BPE in which Yes, No, and both with a space before, are one token each."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([*SENTENCES, *(["Yes", "No", " Yes", " No"] * 30)], trainer)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|pad|>", name_or_path="tiny"
    )
    tokenizer.chat_template = chat_template
    return tokenizer
