"""Chat messages, a request to a language model, and what comes back, as values. Nothing here talks to a server."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple


class Message(NamedTuple):
    """One turn: who speaks (system, user, assistant) and what is said."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """Everything that decides an answer; `schema` is the JSON schema of the answer, None for free text."""

    messages: tuple[Message, ...]
    model: str
    schema: Mapping[str, object] | None = field(default=None, hash=False)
    temperature: float = 0.0
    max_reply_tokens: int = 2048
    seed: int | None = None

    @cached_property
    def key(self) -> str:
        """sha256 in hex of the request's canonical JSON; equal requests have equal keys on every machine."""
        fields = {
            "messages": self.messages,
            "model": self.model,
            "schema": self.schema,
            "temperature": float(self.temperature),
            "max_reply_tokens": self.max_reply_tokens,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that passed its check.

    `text` is the answer without reasoning block and code fence; token counts are those of the answer that is used;
    `attempts` counts the HTTP requests of this run, 0 for an answer found in the journal.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class CallFailure:
    """A call that gave no usable answer.

    `reason` is a short name to count by: bad_answer, cut_off, refused, timeout, unreachable, rate_limited,
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


_THINKING: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED: Final = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*?)\n?[ \t]*```\Z", re.DOTALL)


def bare_answer(text: str) -> str:
    """The answer itself: without a leading <think> block, a surrounding code fence, and white space at the ends."""
    rest = text
    if (thinking := _THINKING.match(text)) is not None:
        rest = text[thinking.end() :]
    elif "</think>" in text and "<think>" not in text:
        # some chat templates put the opening tag into the prompt, so that only the closing one is answered
        rest = text.partition("</think>")[2]
    rest = rest.strip()
    fenced = _FENCED.match(rest)
    return fenced[1].strip() if fenced else rest


def transcript(messages: Sequence[Mapping[str, str]]) -> str:
    """A chat column's value as text for a prompt: each turn as `role: content`, an empty line between."""
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)
