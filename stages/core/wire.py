"""What a chat call looks like in the OpenAI protocol, both ways, and what is left out where a server refuses it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from stages.core.chat import ChatRequest, TokenLogprobs

CHARACTERS_PER_TOKEN: Final = 4
"""Rough length of a token, used where a server does not count."""

LEAST_LOGPROB: Final = -9999.0
"""What servers write for minus infinity, which JSON does not have."""


@dataclass(frozen=True)
class Dialect:
    """How a server wants to be asked: the kind of response_format, the name of the limit on the answer, and whether it
    takes arguments for its chat template.
    """

    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    template_kwargs: bool = True

    @property
    def rank(self) -> int:
        """How much is left out or changed, 0 for nothing."""
        formats = ("json_schema", "json_object", "none")
        changes = (self.limit == "max_completion_tokens") + (not self.template_kwargs)
        return formats.index(self.response_format) + changes


class Answer(NamedTuple):
    """The model's words and what they cost; `refusal` is not None where the server or the model declined.

    `logprobs` are those of every token that was generated, which can be more than `text` shows: a block of reasoning,
    the token that ends the answer.
    """

    text: str
    finish_reason: str
    refusal: str | None
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    logprobs: tuple[TokenLogprobs, ...] = ()


def request_body(request: ChatRequest, dialect: Dialect) -> bytes:
    """The JSON body of POST /chat/completions."""
    body: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "temperature": request.temperature,
        dialect.limit: request.max_reply_tokens,
    }
    if request.sampled or request.top_p != 1:
        # said even where it is 1: servers take what they are not told from the model's folder
        body["top_p"] = request.top_p
    if request.seed is not None:
        body["seed"] = request.seed
    if request.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    if not request.thinking and dialect.template_kwargs:
        body["chat_template_kwargs"] = {"enable_thinking": False}
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
    if dialect.template_kwargs and "chat_template_kwargs" in complaint:
        return replace(dialect, template_kwargs=False)
    if any(word in complaint for word in ("response_format", "json_schema", "json_object")):
        if dialect.response_format == "json_schema":
            return replace(dialect, response_format="json_object")
        if dialect.response_format == "json_object":
            return replace(dialect, response_format="none")
    return None


def read_answer(payload: dict[str, object], request: ChatRequest) -> Answer:
    """Read a chat completion; ValueError says what is missing. Tokens are estimated where the server gives no usage.

    Reasoning that the server took out of a sample stays out of it, unless the model stopped and nothing else is there:
    then the server took the answer for reasoning.
    """
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
    logprobs: tuple[TokenLogprobs, ...] = ()
    if request.top_logprobs:
        logprobs = _logprobs(choice.get("logprobs"))
        text = _with_reasoning(text, message)
    if request.sampled and not text and reason != "length":
        text = _reasoning(message) or ""
    cost = _usage(payload.get("usage"), text, request)
    return Answer(text, reason, str(refusal) if refusal else None, *cost, logprobs)


def _with_reasoning(text: str, message: Mapping[str, object]) -> str:
    """The answer with the reasoning that some servers take out of it, put back as a block before it."""
    reasoning = _reasoning(message)
    return f"<think>\n{reasoning}\n</think>\n\n{text}" if reasoning is not None else text


def _reasoning(message: Mapping[str, object]) -> str | None:
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    return reasoning if isinstance(reasoning, str) else None


def _logprobs(value: object) -> tuple[TokenLogprobs, ...]:
    """Read choices[0].logprobs; () where the server gives none, or gives those of the older completions protocol."""
    content = value.get("content") if isinstance(value, dict) else None
    return tuple(_token(item) for item in content) if isinstance(content, list) else ()


def _token(item: object) -> TokenLogprobs:
    text, logprob, exact = _chance(item)
    assert isinstance(item, dict)
    others = item.get("top_logprobs") or item.get("top_probs") or []
    if not isinstance(others, list):
        raise ValueError("top_logprobs is not a list")
    top = [_chance(other) for other in others]
    return TokenLogprobs(text, logprob, tuple(chance[:2] for chance in top), exact and all(one[2] for one in top))


def _chance(item: object) -> tuple[str, float, bool]:
    """A token's text, its log-probability, and whether that is what the server gave (else a probability)."""
    if not isinstance(item, dict) or not isinstance(item.get("token"), str):
        raise ValueError("a token among the log-probabilities has no text")
    logprob, prob = item.get("logprob"), item.get("prob")
    if isinstance(logprob, int | float) and logprob <= _ROUNDED_UP:
        return item["token"], min(max(float(logprob), LEAST_LOGPROB), 0.0), True
    if isinstance(prob, int | float) and 0 <= prob <= 1 + _ROUNDED_UP:
        return item["token"], min(math.log(prob), 0.0) if prob > 0 else LEAST_LOGPROB, False
    raise ValueError("a token among the log-probabilities has no number")


_ROUNDED_UP: Final = 1e-3
"""By how much a server's arithmetic may take a probability past 1."""


def _usage(usage: object, text: str, request: ChatRequest) -> tuple[int, int, bool]:
    if isinstance(usage, dict):
        asked, answered = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(asked, int) and isinstance(answered, int) and min(asked, answered) >= 0:
            return asked, answered, False
    characters = sum(len(message.content) for message in request.messages)
    return -(-characters // CHARACTERS_PER_TOKEN), -(-len(text) // CHARACTERS_PER_TOKEN), True
