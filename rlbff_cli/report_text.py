"""The parts of a report as text: tables that fit the terminal, drawings in words, marked texts in brackets."""

import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO, assert_never

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rlbff_cli.terminal import colours
from stages.core.sections import Block, Drawing, Grid, Mark, Pair, Passage, Section

if TYPE_CHECKING:
    from stages.core.sections_html import Part

_WIDTH: Final = 100
"""Columns where there is no terminal."""

_NARROWEST: Final = 20
_WIDEST: Final = 1000
"""Columns between which a table is still one, whatever COLUMNS says."""

_BRACKETS: Final[Mapping[Mark, tuple[str, str, str]]] = {
    "yes": ("[+", "+]", "underline green"),
    "no": ("[-", "-]", "underline red"),
    "note": ("[!", "!]", "underline yellow"),
}


def as_text(title: str, parts: "Sequence[Part]", stream: TextIO) -> str:
    """All parts, as wide as the terminal that `stream` is, with colours if it wants them."""
    asked = os.environ.get("COLUMNS", "").isdecimal() or stream.isatty()
    columns = shutil.get_terminal_size((_WIDTH, 24)).columns if asked else _WIDTH
    console = Console(
        file=io.StringIO(),
        force_terminal=colours(stream),
        no_color=not colours(stream),
        width=min(max(columns, _NARROWEST), _WIDEST),
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(Text(_tame(title), style="bold"))
    for part in parts:
        console.print()
        console.rule(Text(_tame(f"{part.title}  {part.about}".strip()), style="bold"), align="left", characters="=")
        for name, value in part.facts.items():
            console.print(Text(f"{_tame(name)}: {_tame(value)}"))
        for section in part.sections:
            for piece in _section(section):
                console.print(piece)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _section(section: Section) -> Iterator[RenderableType]:
    yield Text(f"\n{_tame(section.title)}", style="bold")
    for doubt in section.doubts:
        yield Padding(Text(f"! {_tame(doubt)}", style="yellow"), (0, 0, 0, 2))
    if section.note:
        yield Padding(Text(_tame(section.note)), (0, 0, 0, 2))
    for block in section.blocks:
        yield Padding(_block(block), (1, 0, 0, 2))


def _block(block: Block) -> RenderableType:
    match block:
        case Grid():
            return Group(*_head(block.title, block.note), _table(block))
        case Drawing():
            table = [] if block.numbers is None else [_table(block.numbers)]
            return Group(*_head(block.title, ""), Text(_tame(block.said)), *_head("", block.note), *table)
        case Passage():
            return _passage(block)
        case Pair():
            above = [Padding(Text(_tame(block.above)), (0, 0, 0, 2))] if block.above else []
            sides = (Padding(_passage(side), (1, 0, 0, 2)) for side in (block.left, block.right))
            return Group(*_head(block.title, ""), *above, *sides)
    assert_never(block)


def _head(title: str, note: str) -> list[Text]:
    lines = [Text(_tame(title), style="underline")] if title else []
    return [*lines, *([Text(_tame(note), style="dim")] if note else [])]


def _table(grid: Grid) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(grid.head):
        numbers = all(
            row[place][:1].isdecimal() or row[place][:1] in "-+\N{MINUS SIGN}\N{EN DASH}" for row in grid.rows
        )
        table.add_column(Text(_tame(name)), justify="right" if numbers and place else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(_tame(cell)) for cell in row))
    return table


def _passage(passage: Passage) -> Group:
    text = Text()
    for piece, mark in passage.pieces:
        if mark:
            begin, end, style = _BRACKETS[mark]
            text.append(f"{begin}{_tame(piece)}{end}", style=style)
        else:
            text.append(_tame(piece))
    return Group(*_head(passage.title, passage.about), Padding(text, (0, 0, 0, 2)))


def _tame(text: str) -> str:
    """The text without what could steer a terminal or turn the direction of what follows."""
    return "".join(letter if letter.isprintable() or letter == "\n" else _instead(letter) for letter in text)


def _instead(letter: str) -> str:
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
