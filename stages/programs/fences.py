"""The blocks of code in a text with markdown fences, and which of them is the answer.

Fences are those of CommonMark: three or more backticks or tildes, closed by at least as many, or by the end of the
text. Unlike there a fence may be indented by more than three spaces, as in lists of answers by language models.
"""

import re
from typing import Final, NamedTuple

from stages.programs import syntax

_FENCE: Final = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$")
_NO_CODE: Final = frozenset({"text", "txt", "output", "console", "json", "yaml", "markdown", "md", "plaintext"})


class Block(NamedTuple):
    """The code between two fences: the word behind the opening one in lower case, and the lines."""

    language: str
    code: str


def blocks(text: str) -> list[Block]:
    """All blocks of the text in order; the last one may lack its end, as in answers that were cut off."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        fence = _FENCE.match(line)
        if opened is None:
            opened, lines = fence, []
        elif fence and not fence["info"].strip() and fence["mark"].startswith(opened["mark"]):
            found.append(_block(opened, lines))
            opened = None
        else:
            lines.append(line)
    if opened is not None:
        found.append(_block(opened, lines))
    return found


def chosen(text: str, entry_point: str | None) -> str | None:
    """The code of the last block that defines the entry point, else of the last block; None without any.

    Blocks whose language says that they are no code count only where there are no others; empty ones never.
    """
    every = [block for block in blocks(text) if block.code.strip()]
    every = [block for block in every if block.language not in _NO_CODE] or every
    if entry_point is not None:
        defines = re.compile(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(entry_point)}[ \t]*\(", re.MULTILINE)
        every = [block for block in every if _defines(block.code, entry_point, defines)] or every
    return every[-1].code if every else None


def _defines(code: str, entry_point: str, pattern: re.Pattern[str]) -> bool:
    """Whether the block binds the name at its top; a block that does not parse, whether it has such a line."""
    tree = syntax.parse(code)
    if tree is None:
        return pattern.search(code) is not None
    return entry_point in syntax.bound(tree.body) or entry_point in syntax.methods(tree, "Solution")


def _block(opened: re.Match[str], lines: list[str]) -> Block:
    words = opened["info"].strip().lower().strip("{}.").split()
    indent = opened["indent"]
    # A block in a list is indented with its fences; any other indentation may be that of a function's body.
    if all(line.startswith(indent) or not line.strip() for line in lines):
        lines = [line.removeprefix(indent) for line in lines]
    return Block(words[0] if words else "", "".join(f"{line}\n" for line in lines))
