"""What every section of a report must hold: cells are text, drawings are well-formed and said, and all can be shown."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence

from stages.core.sections import Block, Drawing, Grid, Pair, Passage, Section
from stages.core.sections_html import Part, whole_page

HOSTILE = (
    "<script>alert(1)</script>",
    "\u202etxet",
    "a\0b\x1b[31m",
    "x" * 5000,
    " \n\n ",
    "",
    "&amp;",
    "\ufffe",
    "名前",
)
"""Texts that must stay texts: markup, marks of direction, controls, nothing, and too much."""


def check_sections(sections: Sequence[Section], most_bytes: int = 60_000) -> str:
    """Everything that a reader of the sections sees, as one text; fails where they are not as they must be."""
    page = whole_page("trial", [Part(title="folder", sections=sections)])
    assert len(page.encode()) - len(whole_page("trial", []).encode()) < most_bytes
    texts = [text for section in sections for text in _texts(section)]
    assert all(isinstance(text, str) for text in texts)
    return "\n".join(texts)


def block(sections: Iterable[Section], title: str) -> Block:
    """The one block whose title begins so."""
    (found,) = [one for section in sections for one in section.blocks if one.title.startswith(title)]
    return found


def rows_of_block(sections: Iterable[Section], title: str) -> list[list[str]]:
    """The cells of a table, or of the numbers of a drawing."""
    found = block(sections, title)
    grid = found.numbers if isinstance(found, Drawing) else found
    assert isinstance(grid, Grid)
    return [list(row) for row in grid.rows]


def pairs_of(sections: Iterable[Section]) -> list[Pair]:
    """All pairs."""
    return [one for section in sections for one in section.blocks if isinstance(one, Pair)]


def doubts_of(sections: Iterable[Section]) -> str:
    """All doubts, a line each."""
    return "\n".join(doubt for section in sections for doubt in section.doubts)


def _texts(section: Section) -> Iterator[str]:
    yield from (section.title, section.note, *section.doubts)
    for one in section.blocks:
        yield from _of_block(one)


def _of_block(one: Block) -> Iterator[str]:
    yield one.title
    match one:
        case Grid():
            assert all(len(row) == len(one.head) for row in one.rows)
            yield from (one.note, *one.head, *(cell for row in one.rows for cell in row))
        case Drawing():
            ElementTree.fromstring(f"<div>{one.markup}</div>")
            assert one.said
            yield from (one.said, one.note, *(_of_block(one.numbers) if one.numbers else ()))
        case Passage():
            assert all(mark in ("", "yes", "no", "note") for _, mark in one.pieces)
            yield from (one.about, *(text for text, _ in one.pieces))
        case Pair():
            yield from (one.above, *_of_block(one.left), *_of_block(one.right))
