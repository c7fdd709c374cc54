"""Vectors of texts from a model in this process: sentence-transformers where the model is one, else transformers.

The instruction prefix is the caller's; prompts that a model brings along are not used.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.utils.hub import cached_file

from stages.core.errors import ConfigError, DataError
from stages.models.load import find_device, find_dtype, find_model, load_encoder, model_name, quiet_bars, told_plainly

BATCH: Final = 64

Encode = Callable[[list[str]], torch.Tensor]
"""Texts of one batch (N) to vectors (N x D) that need not be normalised."""


class LocalEmbedder:
    """The model in a folder or of a hub id; `prefix` goes before every text.

    A folder with modules.json is loaded by sentence-transformers, with the pooling written there. Otherwise the hidden
    states of the last layer are pooled: the last token's for a causal model, which alone has seen the whole text, the
    mean over the tokens for any other. Texts longer than the model's window are cut at its end.
    """

    def __init__(self, model: str, prefix: str = "", device: str | None = None, dtype: str | None = None) -> None:
        self.name = f"local:{model_name(model)}"
        self._model = model
        self._prefix = prefix
        source = find_model(model)
        is_sentence_model = _has_modules(source)
        load = _sentence_model if is_sentence_model else _plain_model
        self._encode = load(source, device, dtype)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one L2-normalised row a text (N x D); equal texts are computed once. No text at all gives 0 x 0.

        Batches are cut from the distinct texts sorted by length, so the order of the texts decides nothing.
        """
        unique = sorted(set(texts), key=lambda text: (len(text), text))
        if not unique:
            return np.zeros((0, 0), np.float32)
        with torch.inference_mode():
            rows = [
                self._encode([self._prefix + text for text in unique[at : at + BATCH]]).float().cpu()
                for at in range(0, len(unique), BATCH)
            ]
        vectors = torch.cat(rows)
        lengths = vectors.norm(dim=1, keepdim=True)
        for text, length in zip(unique, lengths.flatten().tolist(), strict=True):
            if not 0 < length < float("inf"):
                raise DataError(f"The model {self._model} gives no usable vector for {text!r}.")
        place = {text: row for row, text in enumerate(unique)}
        result: NDArray[np.float32] = (vectors / lengths).numpy()[[place[text] for text in texts]]
        return result


def _has_modules(source: str) -> bool:
    if Path(source).is_dir():
        return (Path(source) / "modules.json").is_file()
    with told_plainly(source):
        return cached_file(source, "modules.json", _raise_exceptions_for_missing_entries=False) is not None


def _sentence_model(source: str, device: str | None, dtype: str | None) -> Encode:
    if find_spec("sentence_transformers") is None:
        raise ConfigError(f"{source} needs sentence-transformers; in a checkout of rlbff: pip install '.[models]'")
    from sentence_transformers import SentenceTransformer

    where = find_device(device)
    quiet_bars()
    with told_plainly(source):
        model = SentenceTransformer(
            source, device=str(where), trust_remote_code=False, model_kwargs={"dtype": find_dtype(dtype, where)}
        )
    model.eval()

    def encode(texts: list[str]) -> torch.Tensor:
        vectors: torch.Tensor = model.encode(
            texts, prompt="", batch_size=len(texts), convert_to_tensor=True, show_progress_bar=False
        )
        return vectors

    return encode


def _plain_model(source: str, device: str | None, dtype: str | None) -> Encode:
    model, tokenizer, where = load_encoder(source, device, dtype)
    pool = _last_token if _is_causal(model.config) else _mean
    window = min(getattr(model.config, "max_position_embeddings", 2**30), tokenizer.model_max_length)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)

    def encode(texts: list[str]) -> torch.Tensor:
        batch = tokenizer(
            texts, padding=True, padding_side="right", truncation=True, max_length=window, return_tensors="pt"
        ).to(where)
        hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        return pool(hidden.float(), batch["attention_mask"])

    return encode


def _is_causal(config: Any) -> bool:  # noqa: ANN401 - transformers' configs share no useful type
    """Whether the model's attention looks backwards only: families that have a causal head and no masked one."""
    kind = config.model_type
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def _last_token(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """N x T x D states and N x T mask, padded on the right, to N x D."""
    return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1]


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """N x T x D states and N x T mask to N x D: the mean over the tokens that are not padding."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
