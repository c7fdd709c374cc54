"""Names for programs, tests and tasks that are the same in every process: hashes of what they consist of."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass


def sha_of_text(text: str) -> str:
    """sha256 of a text, which may hold half surrogate pairs."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha_of(value: object) -> str:
    """sha256 of plain data and dataclasses of it; the order of sets, which differs between processes, is left out."""
    return sha_of_text("\n".join(_tokens(value)))


def _tokens(value: object) -> Iterator[str]:
    # Not recursive but for sets in sets: tests may be nested deeper than Python's own limit.
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            yield f"{type(item).__name__} {len(item)}"
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            yield f"{type(item).__name__} {len(item)}"
            stack.extend(part for pair in reversed(item.items()) for part in reversed(pair))
        elif isinstance(item, (set, frozenset)):
            yield f"{type(item).__name__} {len(item)}"
            yield from sorted(" ".join(_tokens(element)) for element in item)
        elif is_dataclass(item) and not isinstance(item, type):
            yield type(item).__name__
            stack.extend(reversed([getattr(item, field.name) for field in fields(item)]))
        else:
            yield repr(item)
