"""Chat messages, a request to a language model, and what comes back, as values. Nothing here talks to a server."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple


class Message(NamedTuple):
    """One turn: who speaks (system, user, assistant) and what is said."""

    role: str
    content: str


class TokenLogprobs(NamedTuple):
    """One token of an answer: its text, its log-probability (None where it is not needed), and other tokens' in `top`.

    `top` holds the most probable tokens in this place with their log-probabilities. `exact` is False where the server
    gave probabilities, whose small ones are rounded.
    """

    token: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """Everything that decides an answer; `schema` is the JSON schema of the answer, None for free text.

    `top_logprobs` > 0 asks for that many log-probabilities in the place of each token of the answer. `thinking` False
    asks the chat template for an answer without a block of reasoning before it; True leaves the choice to the template.
    `top_p` draws from the most probable tokens that make up this share. `sampled` asks for a sample of what the model
    writes, not for an answer of a form: it may end at the limit, is neither checked nor asked for again, and
    `Reply.text` is what was written, unchanged.
    """

    messages: tuple[Message, ...]
    model: str
    schema: Mapping[str, object] | None = field(default=None, hash=False)
    temperature: float = 0.0
    max_reply_tokens: int = 2048
    seed: int | None = None
    top_logprobs: int = 0
    thinking: bool = True
    top_p: float = 1.0
    sampled: bool = False

    def __post_init__(self) -> None:
        assert not (self.sampled and (self.schema is not None or self.top_logprobs)), "a sample has no form to check"

    @cached_property
    def key(self) -> str:
        """sha256 in hex of the request's canonical JSON; equal requests have equal keys on every machine."""
        fields: dict[str, object] = {
            "messages": self.messages,
            "model": self.model,
            "schema": self.schema,
            "temperature": float(self.temperature),
            "max_reply_tokens": self.max_reply_tokens,
            "seed": self.seed,
        }
        # only where they differ from their defaults, so that requests without them keep the keys of older journals
        if self.top_logprobs:
            fields["top_logprobs"] = self.top_logprobs
        if not self.thinking:
            fields["thinking"] = self.thinking
        if self.top_p != 1:
            fields["top_p"] = float(self.top_p)
        if self.sampled:
            fields["sampled"] = self.sampled
        return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that passed its check, or a sample.

    `text` is the answer without reasoning block and code fence, a sample's unchanged; token counts are those of the
    answer that is used; `attempts` counts the HTTP requests of this run, 0 for an answer found in the journal;
    `reasoning` is the text of the reasoning block, empty for a sample; `logprobs` are those that were kept, none unless
    the request asked for them.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    attempts: int
    reasoning: str = ""
    logprobs: tuple[TokenLogprobs, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CallFailure:
    """A call that gave no usable answer.

    `reason` is a short name to count by: bad_answer, cut_off, refused, no_logprobs, timeout, unreachable, rate_limited,
    broken_reply, or http_ and the status. `error` is a sentence; `raw` is the model's last answer or the server's
    words, empty if there are none.
    """

    reason: str
    error: str
    raw: str


Outcome = Reply | CallFailure


def to_chat(text: str, role: str = "user") -> list[dict[str, str]]:
    """Plain text as a chat column's value: one message of `role`."""
    return [{"role": role, "content": text}]


_THINKING: Final = re.compile(r"\A\s*<think>(.*?)</think>", re.DOTALL)
_FENCED: Final = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*?)\n?[ \t]*```\Z", re.DOTALL)


def bare_answer(text: str) -> str:
    """The answer itself: without a leading <think> block, a surrounding code fence, and white space at the ends."""
    rest = _split(text)[1].strip()
    fenced = _FENCED.match(rest)
    return fenced[1].strip() if fenced else rest


def reasoning_block(text: str) -> str:
    """The text of the <think> block that `bare_answer` leaves out, empty if there is none."""
    return _split(text)[0].strip()


def _split(text: str) -> tuple[str, str]:
    """Reasoning and answer."""
    if (thinking := _THINKING.match(text)) is not None:
        return thinking[1], text[thinking.end() :]
    if "</think>" in text and "<think>" not in text:
        # some chat templates put the opening tag into the prompt, so that only the closing one is answered
        reasoning, _, rest = text.partition("</think>")
        return reasoning, rest
    return "", text


def transcript(messages: Sequence[Mapping[str, str]]) -> str:
    """A chat column's value as text for a prompt: each turn as `role: content`, an empty line between."""
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def absent_mark(texts: Iterable[str]) -> str:
    """Eight hex digits that depend on the texts alone and occur in none of them: for tags that no text can close."""
    joined = "\0".join(texts)
    mark = _digest(joined)
    while mark in joined:
        mark = _digest(mark + joined)
    return mark


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
