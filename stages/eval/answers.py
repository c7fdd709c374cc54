"""What is kept of a response while its benchmark is measured: what names it in a table of scores, and its length.

Texts themselves are not kept, so that a hundred thousand rows fit into memory.
"""

import hashlib
from typing import NamedTuple

from stages.core.rows import canonical


class Answer(NamedTuple):
    """A response: the name of (prompt, response, principle), and the response's length in characters."""

    key: bytes
    length: int


def answer(prompt: str, completion: str, principle: str | None = None) -> Answer:
    """The response `completion` to `prompt`, judged on `principle` where there is one."""
    return Answer(answer_key(prompt, completion, principle), len(completion))


def answer_key(prompt: str, completion: str, principle: str | None = None) -> bytes:
    """Sixteen bytes that are equal where all three texts are."""
    return digest([prompt, completion, principle])


def digest(value: object) -> bytes:
    """Sixteen bytes of any value that JSON can hold."""
    return hashlib.blake2b(canonical(value), digest_size=16).digest()
