"""What a person is shown of a folder: sections made of tables, drawings and passages, for a page and for a terminal.

Each stage makes its own in `stages/<stage>/sections.py`, as `sections(root) -> list[Section]`; how they become a page
is in `sections_html.py`, drawings are made with `charts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "yes", "no", "note"]
"""What a piece of text is marked as: nothing, support for the claim, support against it, or something to notice."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table. Head and cells are plain text, not markup; columns of mostly numbers are aligned right.

    `folded` tables stand behind a click on the page: the numbers of a drawing, for instance. `rlbff report --text`
    prints them all.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawing: `markup` is SVG, with its legend, in which everything foreign is escaped already.

    `said` tells in a sentence or two what it shows, for those who do not see it and for the terminal; `numbers` are
    what was drawn.
    """

    title: str
    markup: str
    said: str
    note: str = ""
    numbers: Grid | None = None


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Text of others, of which pieces are marked: (text, mark) in their order. `about` says whose it is."""

    title: str
    pieces: Sequence[tuple[str, Mark]]
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two passages to be read side by side, such as two answers to one prompt, which is `above` them."""

    title: str
    above: str
    left: Passage
    right: Passage


Block = Grid | Drawing | Passage | Pair


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with blocks below it. `doubts` are sentences of what may be wrong, and stand first."""

    title: str
    blocks: Sequence[Block]
    note: str = ""
    doubts: Sequence[str] = ()
