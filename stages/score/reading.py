"""From an input row to the responses in it: the layouts that are understood.

What a layout does not use passes through.
"""

import difflib
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final, NamedTuple

from stages.core.chat import Message, to_chat
from stages.core.columns import is_message
from stages.core.errors import DataError
from stages.core.rows import Problem, Row

Chat = list[dict[str, str]]

CONSUMED: Final[Mapping[str, tuple[str, ...]]] = {
    "completion": ("id", "prompt", "completion"),
    "completions": ("id", "prompt", "completions"),
    "pair": ("id", "prompt", "chosen", "rejected"),
    "messages": ("id", "messages"),
}
"""The columns that each layout reads, in the order in which layouts are looked for."""

SEVERAL: Final = ("completions", "pair")
"""Layouts whose rows can hold more than one response."""

_LIKE_PROMPT: Final = ("question", "instruction", "query", "input")
_LIKE_COMPLETION: Final = ("response", "answer", "output", "generation", "text", "conversation", "conversations")


class Response(NamedTuple):
    """One response: the conversation before it, None where the row has none, and its messages, at least one.

    All but the last message of the completion were said before it, by whoever; the last one is scored.
    """

    prompt: Chat | None
    completion: Chat

    def messages(self) -> tuple[Message, ...]:
        """Everything that stands before the turn that is scored."""
        return tuple(Message(**message) for message in [*(self.prompt or ()), *self.completion[:-1]])


def detect_layout(columns: Sequence[str], source: str) -> str:
    """The layout that has these columns.

    Raises:
        DataError: none has; the sentence suggests a mapping.
    """
    for layout, consumed in CONSUMED.items():
        if set(consumed) - {"id", "prompt"} <= set(columns):
            return layout
    likely = [name for name in _LIKE_COMPLETION if name in columns]
    likely += difflib.get_close_matches("completion", columns, n=1, cutoff=0.6)
    found = ", ".join(name for name in columns if name != "id") or "none"
    hint = f"--map completion={likely[0] if likely else 'COLUMN'}"
    asked = next((name for name in _LIKE_PROMPT if name in columns), None)
    if asked and "prompt" not in columns:
        hint += f",prompt={asked}"  # without it the responses would be scored without their question
    raise DataError(
        f"{source} has no response to score: no column 'completion', 'completions' or 'messages', and not both of "
        f"'chosen' and 'rejected' (its columns: {found}); name the one to read with {hint}."
    )


def read_responses(row: Row, layout: str) -> list[Response] | Problem:
    """The responses of one row, at least one, or what is wrong with it."""
    try:
        return _READERS[layout](row)
    except _BadRowError as error:
        return error.problem


class _BadRowError(Exception):
    def __init__(self, reason: str, field: str, error: str) -> None:
        super().__init__(error)
        self.problem = Problem(reason, field, error)


def _completion(row: Row) -> list[Response]:
    prompt = _prompt(row)
    return [
        _response(prompt, _turns(row.get("completion"), "completion", "a text or a list of messages"), "completion")
    ]


def _completions(row: Row) -> list[Response]:
    prompt, values = _prompt(row), row.get("completions")
    if not isinstance(values, list) or not values:
        raise _bad_type("completions", "a list of texts or of chats, at least one", values)
    wanted = "a list of texts or of chats"
    return [_response(prompt, _turns(value, "completions", wanted), "completions") for value in values]


def _pair(row: Row) -> list[Response]:
    prompt, chosen, rejected = _prompt(row), _one_or_several(row, "chosen"), _one_or_several(row, "rejected")
    if prompt is None and isinstance(row["chosen"], list) and isinstance(row["rejected"], list):
        prompt = _shared(chosen + rejected)
    return [
        *(_response(prompt, turns, "chosen") for turns in chosen),
        *(_response(prompt, turns, "rejected") for turns in rejected),
    ]


def _messages(row: Row) -> list[Response]:
    turns = _turns(row.get("messages"), "messages", "a list of messages with role and content")
    return [_response(turns[:-1] or None, turns[-1:], "messages")]


_READERS: Final = {"completion": _completion, "completions": _completions, "pair": _pair, "messages": _messages}


def _one_or_several(row: Row, field: str) -> list[Chat]:
    """One response, as text or chat; or several, as some benchmarks have them, as a list of texts."""
    value = row.get(field)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [to_chat(item, "assistant") for item in value]
    return [_turns(value, field, "a text, a list of texts or a list of messages")]


def _shared(chats: Sequence[Chat]) -> Chat | None:
    """The messages that all chats begin with, as TRL finds the prompt of a pair; each keeps at least its last one."""
    same = takewhile(lambda turns: all(turn == turns[0] for turn in turns), zip(*chats, strict=False))
    length = min(len(list(same)), *(len(chat) - 1 for chat in chats))
    return chats[0][:length] or None


def _response(prompt: Chat | None, turns: Chat, field: str) -> Response:
    if prompt and len(turns) > len(prompt) and turns[: len(prompt)] == prompt:
        # Many published pairs repeat the prompt in front of each response.
        turns = turns[len(prompt) :]
    if turns[-1]["role"] != "assistant":
        role = turns[-1]["role"]
        text = f"the last message of field {field!r} is by {role!r}; the response to score must be by 'assistant'."
        raise _BadRowError("bad_value", field, text)
    return Response(prompt, turns)


def _prompt(row: Row) -> Chat | None:
    value = row.get("prompt")
    if value is None or value == []:
        return None
    return to_chat(value) if isinstance(value, str) else _chat(value, "prompt", "a text or a list of messages")


def _turns(value: object, field: str, wanted: str) -> Chat:
    if isinstance(value, str) and field != "messages":
        return to_chat(value, "assistant")
    return _chat(value, field, wanted)


def _chat(value: object, field: str, wanted: str) -> Chat:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        messages = [{"role": item.get("role"), "content": item.get("content")} for item in value]
        if all(is_message(message) for message in messages):
            return messages
    raise _bad_type(field, wanted, value)


def _bad_type(field: str, wanted: str, value: Any) -> _BadRowError:  # noqa: ANN401 - any JSON value
    if value is None:
        return _BadRowError("missing_field", field, f"field {field!r} is missing; it must be {wanted}.")
    kinds = {"dict": "an object", "list": "a list", "int": "a number", "float": "a number", "bool": "true or false"}
    got = "an empty list" if value == [] else kinds.get(type(value).__name__, type(value).__name__)
    if isinstance(value, str):
        got = "a text"
    return _BadRowError("bad_type", field, f"field {field!r} is {got}; it must be {wanted}.")
