"""Entropies of the tokens of a text under a causal language model that reads it, teacher-forced.

How an entropy comes from a hidden state is in head_entropy.py, how texts share a forward pass in packing.py.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.core.rows import Problem
from stages.models.batching import shares
from stages.models.encoding import Ids
from stages.models.head_entropy import head_entropy, output_head
from stages.models.load import Loaded, find_device, find_dtype, load_causal_lm, model_name
from stages.models.packing import can_pack, packed_attention, packed_hidden, packed_rows
from stages.models.template import render_chat
from stages.models.tiny import make_tiny

TINY: Final = "tiny"

_OPENED_THOUGHT: Final = "<think>"
_SHARE_ROWS: Final = 16
"""Forward passes, about, whose tokens are in memory at once, and between two reports of how far a run is."""

F32 = NDArray[np.float32]


class ModelIdentity(NamedTuple):
    """All that decides entropies, beside the texts. Those of different identities are not comparable.

    `model` is a hub id, or a folder's own name with a hash of its content; `revision` the commit on the hub where it is
    known, else what was asked for; None for a folder.
    """

    model: str
    revision: str | None
    dtype: str
    temperature: float

    def __str__(self) -> str:
        """One line, such as `Qwen/Qwen3-1.7B@main bfloat16 T=1`."""
        name = self.model if self.revision is None else f"{self.model}@{self.revision}"
        return f"{name} {self.dtype} T={self.temperature:g}"


class Asked(NamedTuple):
    """The tokens of one text: those before the completion, of which there is at least one, and the completion's own."""

    prompt: Ids
    completion: Ids


class EntropyModel:
    """A causal language model that reads texts.

    Raises ConfigError for a model whose output layer is not understood (see head_entropy.output_head).
    """

    def __init__(self, loaded: Loaded, identity: ModelIdentity, *, pack_tokens: int) -> None:
        assert pack_tokens > 0
        self.identity = identity
        self._model, self._tokenizer, _ = loaded
        self._head = output_head(self._model)
        self._pack_tokens = pack_tokens
        self._opening = _opening_ids(self._tokenizer)

    @property
    def vocabulary(self) -> int:
        """How many tokens the model chooses among; no entropy is above its logarithm."""
        return len(self._head.weight)

    @property
    def window(self) -> int | None:
        """The most tokens of a text, None where the model does not say."""
        window: int | None = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        return window

    def entropies(
        self,
        pairs: Sequence[tuple[Sequence[Message], str]],
        advance: Callable[[int], None] = lambda pairs: None,
    ) -> list[F32 | Problem]:
        """Return the entropies in nats of a completion's tokens, one array a pair, in the order given.

        A pair is a prompt and a completion. The entropy of a token is that of the model's choice in its place, so it
        comes from the logits before it. A Problem stands for a text longer than the window (too_long) and for turns
        that the chat template refuses (bad_chat). An empty completion has no entropies, and what a damaged model gives
        is not looked at. Pairs go through the model in shares, each sorted by length: the same pairs in the same order
        give the same bytes. `advance` is told of pairs finished.
        """
        result: list[F32 | Problem] = []
        encoded = (self.encode(messages, completion) for messages, completion in pairs)
        with packed_attention(self._model):
            for share in shares(encoded, _length, _SHARE_ROWS * self._pack_tokens):
                result += self._share(share)
                advance(len(share))
        return result

    def encode(self, messages: Sequence[Message], completion: str) -> Asked | Problem:
        """Return the tokens of a prompt and of a completion, each tokenised for itself as a model writes it.

        With a chat template the prompt ends where the assistant's turn begins, reasoning as the template has it; a
        <think> that the template opens and the completion opens again stands once. Without one, the text is that of a
        document: the prompt's turns and the completion, each on a line of its own.
        """
        if self._tokenizer.chat_template is None:
            text = "".join(f"{message.content}\n" for message in messages) or "\n"
            prompt = self._opening + self._ids(text)
        else:
            try:
                text = render_chat(self._tokenizer, messages or [Message("user", "")], cue=True)
            except DataError as refused:
                return Problem("bad_chat", "prompt", str(refused))
            if completion.lstrip().startswith(_OPENED_THOUGHT) and text.rstrip().endswith(_OPENED_THOUGHT):
                text = text.rstrip().removesuffix(_OPENED_THOUGHT)
            prompt = self._ids(text)
        asked = Asked(prompt, self._ids(completion))
        length = _length(asked)
        if self.window is not None and length > self.window:
            return Problem(
                "too_long",
                "completion",
                f"The prompt and the completion have {length} tokens, and the window of {self.identity.model} is "
                f"{self.window}; leave the row out, or use a model with a larger window.",
            )
        return asked

    def _share(self, share: Sequence[Asked | Problem]) -> list[F32 | Problem]:
        found = [one if isinstance(one, Problem) else np.zeros(0, np.float32) for one in share]
        good = [(one, place) for place, one in enumerate(share) if isinstance(one, Asked) and one.completion]
        # who cannot pack reads one text at a time
        row_tokens = self._pack_tokens if can_pack(self._model) else 1
        ordered = sorted(good, key=lambda item: (_length(item[0]), item[0]))
        for row in packed_rows(ordered, lambda item: _length(item[0]), row_tokens):
            for (_, place), values in zip(row, self._row([one for one, _ in row]), strict=True):
                found[place] = values
        return found

    @torch.inference_mode()
    def _row(self, row: Sequence[Asked]) -> list[F32]:
        """The entropies of one forward pass."""
        hidden = packed_hidden(self._model, [one.prompt + one.completion for one in row])
        states = []
        start = 0
        for one in row:
            # the hidden state at a token makes the logits of the token after it
            first = start + len(one.prompt) - 1
            states.append(hidden[first : first + len(one.completion)])
            start += _length(one)
        values = head_entropy(torch.cat(states), self._head, temperature=self.identity.temperature).cpu().numpy()
        return np.split(values, np.cumsum([len(one.completion) for one in row])[:-1])

    def _ids(self, text: str) -> Ids:
        # a chat template writes the special tokens itself
        return tuple(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def open_entropy_model(
    name: str,
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    pack_tokens: int,
    tiny_texts: Iterable[str] | None = None,
    seed: int = 0,
) -> EntropyModel:
    """Open a model by hub id or folder, or `tiny`, whose vocabulary is made of `tiny_texts` and its weights of `seed`.

    `pack_tokens` is how many tokens of several texts go through the model at once; a longer text goes alone. The
    temperature is 1. Raises as `load_causal_lm` does, and ConfigError for a revision of a folder or of `tiny`.
    """
    is_hub_id = name != TINY and not Path(name).expanduser().is_dir()
    if revision is not None and not is_hub_id:
        raise ConfigError(f"--revision is about models on the hub, and {name} is none; leave it out.")
    if name == TINY:
        loaded, known = _tiny(tiny_texts or (), seed, device, dtype)
        where = None
    else:
        loaded = load_causal_lm(name, device, dtype, revision=revision)
        known = model_name(name)
        where = getattr(loaded.model.config, "_commit_hash", None) or revision or "main" if is_hub_id else None
    precision = str(loaded.model.dtype).removeprefix("torch.")
    return EntropyModel(loaded, ModelIdentity(known, where, precision, 1.0), pack_tokens=pack_tokens)


def _length(one: Asked | Problem) -> int:
    return 0 if isinstance(one, Problem) else len(one.prompt) + len(one.completion)


def _tiny(texts: Iterable[str], seed: int, device: str | None, dtype: str | None) -> tuple[Loaded, str]:
    """The tiny model, and its name with a hash of what it is made of."""
    where = find_device(device)
    model, tokenizer = make_tiny(texts, seed=seed)
    digest = sha256(f"{seed}\0{tokenizer.backend_tokenizer.to_str()}".encode()).hexdigest()
    return Loaded(model.to(where, find_dtype(dtype, where)), tokenizer, where), f"{TINY}@{digest[:8]}"


def _opening_ids(tokenizer: Any) -> Ids:  # noqa: ANN401 - transformers' tokenizers share no useful type
    """The token that the tokenizer puts before every text, if it puts one."""
    ids = tokenizer("", verbose=False)["input_ids"]
    return tuple(ids[:1]) if ids and ids[0] == tokenizer.bos_token_id else ()
