"""Completions drawn from a language model in this process, with the log-probabilities at which their tokens were drawn.

Rows grow side by side over one cache; a prompt that is asked several times is read once, rows that have ended make
room for waiting ones. It renders no chat and scores nothing. Legend: B rows, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from stages.models.generate import end_tokens
from stages.models.sampler_cache import sampling_attention
from stages.models.sampler_rows import Asked as Asked
from stages.models.sampler_rows import Drawn as Drawn
from stages.models.sampler_rows import NotFiniteError as NotFiniteError
from stages.models.sampler_rows import Rows, Settings
from stages.models.sampler_stop import StopText


class Sampler:
    """Draws completions from a model as it is at each call; weights may change between calls.

    Temperature 0 takes the most probable token, and gives log-probabilities at temperature 1. Log-probabilities are
    those of the whole softmax, also where `top_p` draws from a part of it. A completion ends with the token that makes
    its text hold one of `stop`. Prompts that are equal and adjacent are read once. What is drawn does not depend on
    the other rows but for the rounding of logits; equal calls give equal bits.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - transformers' models and tokenizers share no useful type
        tokenizer: Any,  # noqa: ANN401 - as above
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        stop: Sequence[str] = (),
        batch_size: int = 64,
        autocast: torch.dtype | None = None,
    ) -> None:
        assert max_new_tokens > 0
        assert temperature >= 0
        assert 0 < top_p <= 1
        assert batch_size > 0
        self._model, self._tokenizer = model, tokenizer
        self._settings = Settings(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            ends=tuple(end_tokens(model, tokenizer)),
            stop=StopText(tokenizer, stop) if stop else None,
            batch_size=batch_size,
        )
        self._autocast = autocast
        window: int | None = getattr(model.config, "max_position_embeddings", None)
        self._longest_prompt = None if window is None else window - max_new_tokens

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens with which the model ends a completion; none where neither it nor its tokenizer says."""
        return self._settings.ends

    def text(self, ids: Sequence[int]) -> str:
        """What a completion says, without the token that ends it and other special tokens."""
        kept = ids[:-1] if ids and ids[-1] in self.ends else ids
        text: str = self._tokenizer.decode(list(kept), skip_special_tokens=True)
        return text

    def sample(self, asked: Sequence[Asked], advance: Callable[[int], None] = lambda rows: None) -> list[Drawn]:
        """Return a completion for each prompt, in order; `advance` is told of completions that have ended.

        No prompt is empty, and none is longer than the model's window less `max_new_tokens`. Raises NotFiniteError for
        weights that give NaN.
        """
        for one in asked:
            assert one.prompt_ids
            assert self._longest_prompt is None or len(one.prompt_ids) <= self._longest_prompt
        device = self._model.device
        mixed = torch.autocast(device.type, self._autocast) if self._autocast is not None else nullcontext()
        with torch.inference_mode(), evaluating(self._model), sampling_attention(self._model), mixed:
            rows = Rows(self._model, self._settings, asked)
            told = 0
            while rows.open:
                rows.admit()
                rows.step()
                advance(len(rows.drawn) - told)
                told = len(rows.drawn)
        return [rows.drawn[index] for index in range(len(asked))]


@contextmanager
def evaluating(model: Any) -> Iterator[None]:  # noqa: ANN401 - as above
    """The model without dropout, then each module as it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
