"""Models of a few thousand weights, made on the spot, for tests of everything that loads a model.

The random ones know nothing: only shapes, tokens and reproducibility can be tested with them. Another knows one answer.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3ForSequenceClassification,
)

SENTENCES = (
    "The response is clear and accurate, but it does not follow the instructions of the user.",
    '{"principles": [{"principle": "clarity", "evidence": "is clear", "verdict": "yes"}]}',
    "You read feedback and answer with JSON. The code has no comments and two arithmetic errors.",
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_tiny_causal_lm(folder: Path, *, chat_template: bool = True, seed: int = 0, window: int = 2048) -> Path:
    """Save a Qwen3 of 2 layers x 32 with a byte-level BPE tokenizer of its own, and return the folder."""
    tokenizer = _tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE if chat_template else None
    return _save(folder, _causal_lm(tokenizer, seed, window), tokenizer)


def save_tiny_answering_lm(folder: Path, answer: str, *, window: int = 8192) -> Path:
    """Save a model like `save_tiny_causal_lm`'s that gives `answer` to every chat, and return the folder.

    The answer is one token. Attention is switched off, so that the next token depends on the last one alone, and the
    output layer holds, for the answer and for the end, the hidden state after which each of them comes.
    """
    tokenizer = _tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.add_tokens([answer])
    last = tokenizer("assistant\n")["input_ids"][-1]
    model = _causal_lm(tokenizer, 0, window)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
        token = tokenizer.convert_tokens_to_ids(answer)
        states = model.model(torch.tensor([[last, token]])).last_hidden_state[0]
        model.lm_head.weight.zero_()
        model.lm_head.weight[[token, tokenizer.eos_token_id]] = states
    return _save(folder, model, tokenizer)


def save_tiny_classifier(folder: Path, *, num_labels: int = 1, pad_is_eos: bool = False, seed: int = 0) -> Path:
    """Save a Qwen3 of 2 layers x 32 with a sequence-classification head and such a tokenizer; return the folder."""
    tokenizer = _tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE
    if pad_is_eos:
        tokenizer.pad_token = tokenizer.eos_token
    config = _causal_lm(tokenizer, seed, 2048).config
    config.num_labels = num_labels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForSequenceClassification(config)
    return _save(folder, model, tokenizer)


def save_tiny_encoder(folder: Path, *, seed: int = 0, window: int = 64) -> Path:
    """Save a BERT of 2 layers x 32 with the same kind of tokenizer, and return the folder."""
    tokenizer = _tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=window,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config)
    return _save(folder, model, tokenizer)


def _causal_lm(tokenizer: PreTrainedTokenizerFast, seed: int, window: int) -> Qwen3ForCausalLM:
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=window,
        initializer_range=0.3,  # large, so that the next token depends on the text and not on rounding
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|pad|>"
    )


def _save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
