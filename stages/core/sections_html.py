"""Sections as a page: headings with anchors, a table of contents, tables, drawings, marked texts and pairs of them.

What stands in them is said in `sections.py`; which parts a page has, by whoever calls. No script, nothing foreign.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from stages.core.charts import STYLE as CHARTS
from stages.core.folder_drawings import STYLE as FOLDERS
from stages.core.page import page
from stages.core.sections import Block, Drawing, Grid, Mark, Pair, Passage, Section
from stages.core.svg import escaped

STYLE: Final = """
:root { --yes: #d3e8f8; --yes-line: #0072b2; --no: #fbe0cd; --no-line: #b34e00; --note: #f6eec2; --note-line: #6b6f00;
  --alarm: #fdf3e3; --alarm-line: #b34e00; }
@media screen and (prefers-color-scheme: dark) { :root { --yes: #10395a; --yes-line: #56b4e9; --no: #4e2a0e;
  --no-line: #f0a35e; --note: #403d0b; --note-line: #d8d048; --alarm: #2a2013; --alarm-line: #f0a35e; } }
body { max-width: 88rem; }
h1, h2, h3, h4, dd, li, .note, figcaption { overflow-wrap: anywhere; }
h2, h3 { scroll-margin-top: .5rem; }
h4 { font-size: .9375rem; margin: 0 0 .25rem; }
.contents { font-size: .875rem; line-height: 1.35; }
.contents ul { list-style: none; margin: 0; padding: 0; }
.contents ul ul { padding-left: .75rem; border-left: 1px solid var(--line); }
.contents li { margin: .3rem 0; }
.contents a { text-decoration: none; } .contents a:hover { text-decoration: underline; }
.contents summary { font-weight: 600; }
.part { margin-top: 2.5rem; padding-top: .5rem; border-top: 2px solid var(--line); }
.part:first-child { border-top: 0; margin-top: 0; }
.part > h2 { margin: .5rem 0; font-size: 1.375rem; }
.section { margin: 1.75rem 0; } .section > h3 { font-size: 1.0625rem; margin-bottom: .5rem; }
.part > dl { padding: .5rem .75rem; background: var(--panel); border-radius: .5rem; }
.blocks { display: grid; gap: 1.5rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.blocks > * { min-width: 0; margin: 0; } .blocks > .whole { grid-column: 1 / -1; }
.doubts { margin: .75rem 0; padding: .5rem .75rem .5rem 2rem; background: var(--alarm);
  border-left: 4px solid var(--alarm-line); border-radius: .25rem; font-size: .9375rem; }
.words td, .words th { text-align: left; vertical-align: top; } td.number, th.number { text-align: right; }
td { overflow-wrap: break-word; } .words td { max-width: 34rem; } .words td:first-child { min-width: 6.5rem; }
td.number { white-space: nowrap; }
th[scope=row] { color: var(--ink); font-weight: 400; text-align: left; }
.passage blockquote { max-height: 26rem; overflow-y: auto; }
mark { color: var(--ink); padding: 0 .1em; border-radius: .15em; text-underline-offset: .2em;
  text-decoration-thickness: 2px; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
mark.yes { background: var(--yes); text-decoration: underline solid var(--yes-line); }
mark.no { background: var(--no); text-decoration: underline wavy var(--no-line); text-decoration-thickness: 1.5px; }
mark.note { background: var(--note); text-decoration: underline dotted var(--note-line); }
.keys { font-size: .875rem; color: var(--soft); } .keys mark { margin-right: .75rem; }
.top { font-size: .8125rem; font-weight: 400; margin-left: .75rem; text-decoration: none; }
:target > h2, :target > h3 { text-decoration: underline; text-decoration-color: var(--link); }
@media screen and (max-width: 67.99rem) { .contents { max-height: 18rem; overflow-y: auto; padding: .5rem .75rem;
  border: 1px solid var(--line); border-radius: .5rem; } }
@media (min-width: 68rem) { .layout { display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 2.5rem; }
  .contents { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow-y: auto; align-self: start; } }
@media print { .layout { display: block; }
  .part > h2, .part > h2 + dl { break-after: avoid; } .layout article { break-before: auto; break-inside: avoid; }
  .passage blockquote { max-height: none; line-height: 1.6; }
  .top { display: none; } mark { print-color-adjust: exact; } }
"""

MARKS: Final[Mapping[Mark, str]] = {"yes": "for it", "no": "against it", "note": "to notice"}
"""What the marks say, for the key above texts."""

_TO_TOP: Final = '<a class="top" href="#top" aria-label="to the top">\N{UPWARDS ARROW}</a>'
_NUMBER: Final = re.compile(r"[-+\N{MINUS SIGN}]?\d|[-\N{EN DASH}]$")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a page that has its own place in the contents: a folder, with facts about it and its sections.

    `style` is what its drawings need beside the style of charts.py.
    """

    title: str
    sections: Sequence[Section]
    about: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    style: str = ""


def whole_page(title: str, parts: Sequence[Part]) -> str:
    """The page: the contents, and the parts in their order."""
    shown = "\n".join(_part(part, anchor_of(num)) for num, part in enumerate(parts, 1))
    return page(
        title,
        "".join(dict.fromkeys((CHARTS, FOLDERS, STYLE, *(part.style for part in parts)))),
        {},
        [f'<div class="layout" id="top">\n{_contents(parts)}\n<main>\n{shown}\n</main>\n</div>'],
    )


def anchor_of(part: int) -> str:
    """The anchor of the part with this number, counted from 1."""
    return f"p{part}"


def section_markup(section: Section, anchor: str) -> str:
    """One section below a heading of the third rank."""
    doubts = "".join(f"<li>{escaped(doubt)}</li>" for doubt in section.doubts)
    pieces = [
        f'<section class="section" id="{anchor}">\n<h3>{escaped(section.title)}</h3>',
        f'<ul class="doubts">{doubts}</ul>' if doubts else "",
        f'<p class="note">{escaped(section.note)}</p>' if section.note else "",
        _key(section.blocks),
        f'<div class="blocks">{"".join(map(block_markup, section.blocks))}</div>' if section.blocks else "",
        "</section>",
    ]
    return "\n".join(piece for piece in pieces if piece)


def block_markup(block: Block) -> str:
    """One block; drawings stand side by side where there is room, the others have a line of their own."""
    match block:
        case Grid():
            return f'<div class="whole">{_grid(block)}</div>'
        case Drawing():
            return _drawing(block)
        case Passage():
            return f'<div class="passage whole">{_passage(block)}</div>'
        case Pair():
            return _pair(block)
    assert_never(block)


def _contents(parts: Sequence[Part]) -> str:
    entries = []
    for num, part in enumerate(parts, 1):
        inner = "".join(
            f'<li><a href="#p{num}-{place}">{escaped(section.title)}</a></li>'
            for place, section in enumerate(part.sections, 1)
        )
        inside = f"<ul>{inner}</ul>" if inner else ""
        entries.append(f'<li><a href="#p{num}"><b>{escaped(part.title)}</b></a>{inside}</li>')
    return f'<nav class="contents"><details open><summary>Contents</summary><ul>{"".join(entries)}</ul></details></nav>'


def _part(part: Part, anchor: str) -> str:
    about = f' <span class="soft">{escaped(part.about)}</span>' if part.about else ""
    facts = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in part.facts.items()
    )
    pieces = [
        f'<section class="part" id="{anchor}">',
        f"<h2>{escaped(part.title)}{about}{_TO_TOP if anchor != anchor_of(1) else ''}</h2>",
        f"<dl>{facts}</dl>" if facts else "",
        *(section_markup(section, f"{anchor}-{place}") for place, section in enumerate(part.sections, 1)),
        "</section>",
    ]
    return "\n".join(piece for piece in pieces if piece)


def _grid(grid: Grid) -> str:
    title = f"<h4>{escaped(grid.title)}</h4>" if grid.title else ""
    note = f'<p class="note">{escaped(grid.note)}</p>' if grid.note else ""
    if grid.folded:
        return f"<details><summary>{escaped(grid.title or 'As a table')}</summary>{note}{_table(grid)}</details>"
    return f"{title}{note}{_table(grid)}"


def _table(grid: Grid) -> str:
    """The cells; those that begin like a number are aligned right in columns with a name, of which most do."""
    assert all(len(row) == len(grid.head) for row in grid.rows)
    right = [bool(name) and _of_numbers([row[k] for row in grid.rows]) for k, name in enumerate(grid.head)]
    head = "".join(_cell("th", name, one) for name, one in zip(grid.head, right, strict=True))
    lines = ""
    for row in grid.rows:
        cells = (_cell("td", text, one and _NUMBER.match(text)) for text, one in zip(row, right, strict=True))
        lines += f"<tr>{''.join(cells)}</tr>"
    above = f"<thead><tr>{head}</tr></thead>" if any(grid.head) else ""
    return f'<div class="scroll"><table class="words">{above}<tbody>{lines}</tbody></table></div>'


def _of_numbers(cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell]
    return 2 * sum(_NUMBER.match(cell) is not None for cell in told) > len(told)


def _cell(tag: str, text: str, number: object) -> str:
    kind = (' scope="col"' if tag == "th" else "") + (' class="number"' if number else "")
    return f"<{tag}{kind}>{escaped(text)}</{tag}>"


def _drawing(drawing: Drawing) -> str:
    caption = f"<figcaption>{escaped(drawing.note)}</figcaption>" if drawing.note else ""
    numbers = ""
    if drawing.numbers is not None:
        numbers = f"<details><summary>As a table</summary>{_table(drawing.numbers)}</details>"
    return f'<figure role="figure"><h4>{escaped(drawing.title)}</h4>{drawing.markup}{caption}{numbers}</figure>'


def _passage(passage: Passage) -> str:
    pieces = "".join(
        f'<mark class="{mark}">{escaped(text)}</mark>' if mark else escaped(text) for text, mark in passage.pieces
    )
    title = f"<h4>{escaped(passage.title)}</h4>" if passage.title else ""
    about = f'<p class="note">{escaped(passage.about)}</p>' if passage.about else ""
    return f'{title}{about}<blockquote dir="auto">{pieces or "(nothing)"}</blockquote>'


def _pair(pair: Pair) -> str:
    above = f'<blockquote dir="auto">{escaped(pair.above)}</blockquote>' if pair.above else ""
    sides = "".join(f'<div class="passage">{_passage(side)}</div>' for side in (pair.left, pair.right))
    return f'<article class="whole"><h4>{escaped(pair.title)}</h4>{above}<div class="two">{sides}</div></article>'


def _key(blocks: Sequence[Block]) -> str:
    """What the marks of these blocks mean, if there are any."""
    passages = [side for one in blocks if isinstance(one, Pair) for side in (one.left, one.right)]
    passages += [one for one in blocks if isinstance(one, Passage)]
    found = {mark for passage in passages for _, mark in passage.pieces}
    keys = "".join(f'<mark class="{mark}">{said}</mark>' for mark, said in MARKS.items() if mark in found)
    return f'<p class="keys">{keys}</p>' if keys else ""
