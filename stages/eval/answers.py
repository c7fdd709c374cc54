"""What is kept of a response while its benchmark is measured: what names it in a table of scores, and its length.

Texts themselves are held only until a reward model has been asked, so that a hundred thousand rows fit into memory.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from stages.core.chat import Message, transcript
from stages.core.rows import canonical


class Texts(NamedTuple):
    """What a reward model is shown of a response, and the principle that the row itself names, if it does."""

    messages: tuple[Message, ...]
    response: str
    principle: str | None


class Answer(NamedTuple):
    """A response: the name of (prompt, response, principle), its length in characters, and its texts until they go."""

    key: bytes
    length: int
    texts: Texts | None = None


def answer(prompt: Sequence[Message], completion: str, principle: str | None = None) -> Answer:
    """The response `completion` to the conversation `prompt`, judged on `principle` where there is one."""
    texts = Texts(tuple(prompt), completion, principle)
    return Answer(answer_key(prompt_text(prompt), completion, principle), len(completion), texts)


def prompt_text(prompt: Sequence[Message]) -> str:
    """A conversation as one text: that of its message, or all of them with their roles."""
    return prompt[0].content if len(prompt) == 1 else transcript([message._asdict() for message in prompt])


def answer_key(prompt: str, completion: str, principle: str | None = None) -> bytes:
    """Sixteen bytes that are equal where all three texts are."""
    return digest([prompt, completion, principle])


def without_texts(item: Any) -> Any:  # noqa: ANN401 - an item of any benchmark
    """The item with answers that hold no texts."""
    return item._replace(answers=tuple(one._replace(texts=None) for one in item.answers))


def digest(value: object) -> bytes:
    """Sixteen bytes of any value that JSON can hold."""
    return hashlib.blake2b(canonical(value), digest_size=16).digest()
