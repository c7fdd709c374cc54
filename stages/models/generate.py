"""Answers of a language model in this process to chats, in batches.

It checks no answer and parses none. Prompts are never shortened: what does not fit is reported.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

import torch
import transformers
from jinja2 import TemplateError

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.models.load import load_causal_lm

FALLBACK_NAMES: Final = {"system": "System", "user": "User", "assistant": "Assistant"}


class Completion(NamedTuple):
    """An answer with its length in tokens; `prompt` and `tokens` are the tokens of both, without the one that ends it.

    `finish_reason` is "stop" where the model ended it, "length" where max_new_tokens did, and "too_long" where the
    prompt leaves no room for an answer in the model's window (the text is empty then).
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length", "too_long"]
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]


class LocalChat:
    """A causal language model as a chat partner.

    With temperature 0 the most probable token is taken; above 0, tokens are drawn from softmax(logits / temperature)
    with a stream of random numbers that is a function of `seed` and the prompt alone. The sampling settings a model
    brings along (top-p, repetition penalty) are not used. An answer does not depend on the order of the chats; in
    which batch it is computed moves the logits by rounding only. `thinking` leaves it to the chat template whether an
    answer begins with a block of reasoning; otherwise it is asked to leave it out.
    """

    def __init__(
        self,
        model: str,
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        batch_size: int = 16,
        device: str | None = None,
        dtype: str | None = None,
        thinking: bool = False,
    ) -> None:
        assert max_new_tokens > 0
        assert batch_size > 0
        assert temperature >= 0
        self.name = model
        self.loaded: Final = load_causal_lm(model, device, dtype)
        self._model, self._tokenizer, self._device = self.loaded
        self._thinking = thinking
        self._max_new_tokens = max_new_tokens
        self._temperature = temperature
        self._seed = seed
        self._batch_size = batch_size
        self._window: int | None = getattr(self._model.config, "max_position_embeddings", None)
        self._ends = end_tokens(self._model, self._tokenizer)
        self._model.generation_config = transformers.GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            eos_token_id=self._ends or None,
            pad_token_id=self._ends[0] if self._ends else 0,  # hidden by the attention mask, so any token will do
        )

    @property
    def most_prompt_tokens(self) -> int | None:
        """The longest prompt that leaves room for an answer, None if the model's window is not known."""
        return None if self._window is None else self._window - self._max_new_tokens

    def complete(self, chats: Sequence[Sequence[Message]], seeds: Sequence[int] | None = None) -> list[Completion]:
        """Return one answer a chat, in the order given; each chat ends with a message that wants an answer.

        `seeds` holds one seed a chat, in place of the one for all.
        """
        asked = list(zip(map(self.encode, chats), seeds or [self._seed] * len(chats), strict=True))
        answers: dict[int, Completion] = {}
        fitting = []
        for index in sorted(range(len(asked)), key=lambda index: (len(asked[index][0]), asked[index])):
            prompt = asked[index][0]
            if self.most_prompt_tokens is not None and len(prompt) > self.most_prompt_tokens:
                answers[index] = Completion("", len(prompt), 0, "too_long", tuple(prompt), ())
            else:
                fitting.append(index)
        for batch in _batches(fitting, self._batch_size):
            answers |= zip(batch, self._answer([asked[index] for index in batch]), strict=True)
        return [answers[index] for index in range(len(asked))]

    def encode(self, chat: Sequence[Message]) -> list[int]:
        """Return the tokens of a chat up to where the answer begins; raises DataError if the template refuses it."""
        text = render(chat, self._tokenizer, thinking=self._thinking)
        # a chat template writes the special tokens itself
        with_special = self._tokenizer.chat_template is None
        ids: list[int] = self._tokenizer(text, add_special_tokens=with_special, verbose=False)["input_ids"]
        return ids

    @torch.inference_mode()
    def _answer(self, asked: Sequence[tuple[list[int], int]]) -> list[Completion]:
        prompts = [prompt for prompt, _ in asked]
        seeds = [seed for _, seed in asked]
        width = max(map(len, prompts))
        pad = self._model.generation_config.pad_token_id
        tokens = torch.tensor([[pad] * (width - len(ids)) + ids for ids in prompts], device=self._device)
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts], device=self._device)
        drawn = [GumbelSampler(prompts, self._temperature, seeds, self._device)] if self._temperature > 0 else []
        output = self._model.generate(
            input_ids=tokens,
            attention_mask=mask,
            max_new_tokens=self._max_new_tokens,
            logits_processor=transformers.LogitsProcessorList(drawn),
        )
        return [self._completion(ids, row) for ids, row in zip(prompts, output[:, width:].tolist(), strict=True)]

    def _completion(self, prompt: list[int], output: list[int]) -> Completion:
        length = next((at for at, token in enumerate(output) if token in self._ends), None)
        answer = output if length is None else output[:length]
        text: str = self._tokenizer.decode(answer, skip_special_tokens=True)
        reason: Literal["stop", "length"] = "length" if length is None else "stop"
        return Completion(text, len(prompt), len(answer), reason, tuple(prompt), tuple(answer))


def render(chat: Sequence[Message], tokenizer: Any, *, thinking: bool = False) -> str:  # noqa: ANN401 - tokenizers share no type
    """Write a chat as the text that the model continues.

    The tokenizer's own chat template decides, unless `thinking` with reasoning switched off where it knows that switch:
    an answer of fixed form needs none. Where it refuses a system turn (Gemma's) or leaves it out, the first user turn
    begins with what that turn says. Without a template, each turn is "User: ...", an empty line between, then
    "Assistant:". Raises DataError for a template that takes neither.
    """
    if tokenizer.chat_template is None:
        turns = [f"{FALLBACK_NAMES.get(message.role, message.role)}: {message.content}" for message in chat]
        return "\n\n".join([*turns, "Assistant:"])
    with suppress(TemplateError):
        text = _templated(chat, tokenizer, thinking)
        if all(message.content.strip() in text for message in chat if message.role == "system"):
            return text
    try:
        return _templated(_without_system(chat), tokenizer, thinking)
    except TemplateError as problem:
        words = " ".join(str(problem).split())[:300]
        raise DataError(f"The chat template in {tokenizer.name_or_path} cannot write a chat: {words}") from problem


def end_tokens(model: Any, tokenizer: Any) -> list[int]:  # noqa: ANN401 - as in render
    """The tokens that end an answer: those of the model's generation config (a chat model has several), else eos."""
    ends = model.generation_config.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    if ends is None:
        return []
    return list(ends) if isinstance(ends, list | tuple) else [ends]


def _templated(chat: Sequence[Message], tokenizer: Any, thinking: bool) -> str:  # noqa: ANN401 - as in render
    messages = [{"role": message.role, "content": message.content} for message in chat]
    switch = {} if thinking else {"enable_thinking": False}
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switch)
    return text


def _without_system(chat: Sequence[Message]) -> Sequence[Message]:
    """The chat with a leading system turn put before the words of the turn that follows."""
    if chat[0].role != "system":
        return chat
    system, first, *rest = chat
    return [Message(first.role, f"{system.content}\n\n{first.content}"), *rest]


class GumbelSampler:
    """A logits processor that makes a greedy choice a draw from the softmax, by adding Gumbel noise to the logits.

    Each row has its own stream of noise, so that what is drawn does not depend on the other rows of the batch.
    """

    def __init__(
        self, prompts: Sequence[list[int]], temperature: float, seeds: Sequence[int], device: torch.device
    ) -> None:
        self._temperature = temperature
        streams = zip(seeds, prompts, strict=True)
        self._streams = [torch.Generator(device).manual_seed(_stream_seed(*stream)) for stream in streams]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return B x V scores whose row-wise argmax is the drawn token; `scores` are the B x V logits."""
        assert scores.shape[0] == len(self._streams)
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, stream in zip(noise, self._streams, strict=True):
            row.exponential_(generator=stream)
        return scores.float() / self._temperature - noise.log()


def _stream_seed(seed: int, prompt: list[int]) -> int:
    digest = sha256(f"{seed} {prompt}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1  # torch wants a signed number


def _batches(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (items[at : at + size] for at in range(0, len(items), size))
