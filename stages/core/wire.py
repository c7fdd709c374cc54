"""What a chat call looks like in the OpenAI protocol, both ways, and what is left out where a server refuses it."""

import json
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from stages.core.chat import ChatRequest

CHARACTERS_PER_TOKEN: Final = 4
"""Rough length of a token, used where a server does not count."""


@dataclass(frozen=True)
class Dialect:
    """How a server wants to be asked: the kind of response_format, and the name of the limit on the answer."""

    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    @property
    def rank(self) -> int:
        """How much is left out or changed, 0 for nothing."""
        formats = ("json_schema", "json_object", "none")
        return formats.index(self.response_format) + (self.limit == "max_completion_tokens")


class Answer(NamedTuple):
    """The model's words and what they cost; `refusal` is not None where the server or the model declined."""

    text: str
    finish_reason: str
    refusal: str | None
    prompt_tokens: int
    completion_tokens: int
    estimated: bool


def request_body(request: ChatRequest, dialect: Dialect) -> bytes:
    """The JSON body of POST /chat/completions."""
    body: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": request.temperature,
        dialect.limit: request.max_reply_tokens,
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.schema is not None and dialect.response_format == "json_schema":
        named = {"name": "answer", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif request.schema is not None and dialect.response_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return json.dumps(body).encode()


def simpler(dialect: Dialect, complaint: str) -> Dialect | None:
    """The next dialect to try after a server answered 400 or 422 with `complaint`; None if it is about other things."""
    if dialect.limit == "max_tokens" and "max_completion_tokens" in complaint:
        return replace(dialect, limit="max_completion_tokens")
    if any(word in complaint for word in ("response_format", "json_schema", "json_object")):
        if dialect.response_format == "json_schema":
            return replace(dialect, response_format="json_object")
        if dialect.response_format == "json_object":
            return replace(dialect, response_format="none")
    return None


def read_answer(payload: dict[str, object], request: ChatRequest) -> Answer:
    """Read a chat completion; ValueError says what is missing. Tokens are estimated where the server gives no usage."""
    choices = payload.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ValueError("the reply has no choices[0].message")
    text = message.get("content") or ""
    if not isinstance(text, str):
        raise ValueError("choices[0].message.content is not a string")
    reason = str(choice.get("finish_reason") or "stop")
    refusal = message.get("refusal")
    if refusal is None and reason == "content_filter":
        refusal = "stopped by the server's content filter"
    prompt_tokens, completion_tokens, estimated = _usage(payload.get("usage"), text, request)
    return Answer(text, reason, str(refusal) if refusal else None, prompt_tokens, completion_tokens, estimated)


def _usage(usage: object, text: str, request: ChatRequest) -> tuple[int, int, bool]:
    if isinstance(usage, dict):
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(counts[0], int) and isinstance(counts[1], int):
            return counts[0], counts[1], False
    asked = sum(len(message.content) for message in request.messages)
    return -(-asked // CHARACTERS_PER_TOKEN), -(-len(text) // CHARACTERS_PER_TOKEN), True
