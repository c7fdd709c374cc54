"""Reads one field of an input row as what a stage needs, or says why it is not that."""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

from stages.core.chat import Message
from stages.core.rows import Problem, Row, canonical

Turns = tuple[Message, ...]


class Answer(NamedTuple):
    """A response, and all turns before it."""

    messages: Turns
    response: str


class Unfit(Exception):
    """A row that does not fit its layout; carries the Problem it is rejected with. Never leaves the stage."""

    def __init__(self, reason: str, field: str, error: str) -> None:
        super().__init__(error)
        self.problem = Problem(reason, field, f"field {field!r} {error}")


def turns_field(row: Row, field: str, role: str) -> Turns:
    """The turns of a chat; a plain text is one turn of `role`, an empty or missing one no turn."""
    value = row.get(field)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (Message(role, value),)
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        pairs = [(one.get("role"), one.get("content")) for one in value]
        if all(isinstance(text, str) for pair in pairs for text in pair):
            return tuple(Message(role, content) for role, content in pairs)
    raise Unfit("bad_type", field, "must be a text or a list of messages with role and content.")


def response_field(row: Row, field: str) -> Turns:
    """The turns of a response, which may be empty but not missing."""
    if row.get(field) is None:
        raise Unfit("missing_field", field, "is missing; it must be a text or a list of messages.")
    return turns_field(row, field, "assistant")


def answer_of(prompt: Turns, rest: Turns, field: str) -> Answer:
    """The last of the turns `rest` as the response, those before it as part of the conversation."""
    if not rest:
        return Answer(prompt, "")
    if rest[-1].role != "assistant":
        raise Unfit(
            "bad_value", field, f"ends with a turn of {rest[-1].role!r}; it must end with the assistant's response."
        )
    return Answer((*prompt, *rest[:-1]), rest[-1].content)


def label_field(row: Row, field: str) -> bool:
    """True, false, 1, 0, Yes or No."""
    value = row.get(field)
    # NaN is how data frames write what is missing
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise Unfit("missing_field", field, "is missing; it must be true or false, or Yes or No.")
    said = value.strip().casefold() if isinstance(value, str) else value
    if said in ("yes", "no"):
        return bool(said == "yes")
    if isinstance(said, bool | int | float) and said in (0, 1):
        return bool(said)
    hint = " A share of annotators belongs into 'agreement'." if isinstance(value, float) else ""
    raise Unfit("bad_value", field, f"is {shown(value)}; it must be true or false, or Yes or No.{hint}")


def number_field(value: object, field: str, wanted: str) -> float:
    """A finite number; `wanted` says in the error what it must be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit("bad_value", field, f"is {shown(value)}; it {wanted}.")
    return float(value)


def conversation_of(prompt: Turns, answers: Sequence[Answer]) -> str:
    """A name that equal prompts share; without a prompt, responses are conversations of their own."""
    named: list[object] = [list(message) for message in prompt]
    texts = ["", *(answer.response for answer in answers)]
    return hashlib.blake2b(canonical(named or texts), digest_size=16).hexdigest()


def shown(value: object) -> str:
    """The beginning of a value, as it stands in an error."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
