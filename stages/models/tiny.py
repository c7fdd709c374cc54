"""The base model `tiny`: a small Qwen3 with random weights and a tokenizer made from the texts it is to read.

For demos and tests: it is made in seconds, without a download, and knows nothing before it is trained.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from stages.models.answer_tokens import NO, YES
from stages.models.template import INSTRUCTION

WINDOW: Final = 4096
VOCABULARY: Final = 1536

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_FRAME: Final = f"{INSTRUCTION}\nsystem\nuser\nassistant\n"
_PAD: Final = "<|pad|>"
_START: Final = "<|im_start|>"
_END: Final = "<|im_end|>"


def make_tiny(texts: Iterable[str], *, seed: int) -> tuple[Any, Any]:
    """Return a model in evaluation mode, fp32 on the CPU, and its tokenizer; the same for the same texts and seed.

    `texts` make the tokenizer's vocabulary, in any order: at most 1536 tokens, fewer for little text. `seed` makes the
    weights. Every layer has full attention, so that principles share a prefix in a tree.
    """
    tokenizer = _tokenizer(texts)
    return _model(tokenizer, seed), tokenizer


def save_tiny(folder: Path, texts: Iterable[str], *, seed: int) -> Path:
    """Save what `make_tiny` returns as a folder that `load_causal_lm` reads, and return the folder."""
    for part in make_tiny(texts, seed=seed):
        part.save_pretrained(folder)
    return folder


def _tokenizer(texts: Iterable[str]) -> Any:  # noqa: ANN401 - transformers' tokenizers share no useful type
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2,
        min_frequency=2,
        special_tokens=[_PAD, _START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # each text comes with the words around it in a chat, so that these are few tokens too
    bpe.train_from_iterator((part for text in texts for part in (text, _FRAME)), trainer)
    # single words only, so that "Yesterday" and "Nothing" are read as other words are
    bpe.add_tokens([AddedToken(answer, single_word=True, normalized=False) for answer in (YES, NO)])
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, eos_token=_END, pad_token=_PAD, name_or_path="tiny", model_max_length=WINDOW
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _model(tokenizer: Any, seed: int) -> Any:  # noqa: ANN401 - as above
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=WINDOW,
        initializer_range=0.03,  # the usual 0.02 is meant for wider layers
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model.eval()
