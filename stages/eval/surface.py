"""What a response looks like, whatever it says: length, markup, list items. What reward models are fooled by.

Definitions are ours; they count lines and characters and know no language.
"""

import re
from typing import Final, NamedTuple


class Surface(NamedTuple):
    """Characters, markup per 1,000 characters, and list items of a response."""

    length: int
    markdown: float
    items: int


_ITEM: Final = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_MARKS: Final = (
    re.compile(r"^ {0,3}#{1,6} ", re.MULTILINE),  # headings
    re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),  # bold
    re.compile(r"^ {0,3}```", re.MULTILINE),  # fences
    re.compile(r"(?<!`)`[^`\n]+`(?!`)"),  # code in a line
    re.compile(r"^ {0,3}\|.*\|[ \t]*$", re.MULTILINE),  # rows of tables
    re.compile(r"^ {0,3}> ", re.MULTILINE),  # quotations
)


def surface(text: str) -> Surface:
    """The surface of one response; markup is what `_MARKS` finds, and list items."""
    items = len(_ITEM.findall(text))
    marks = items + sum(len(pattern.findall(text)) for pattern in _MARKS)
    return Surface(len(text), 1000 * marks / len(text) if text else 0.0, items)
