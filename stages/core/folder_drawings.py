"""Two drawings of a set of folders: which was made from which, and what became of the rows that each of them read.

Where it comes from is in `lineage.py`; colours and dashes are classes of charts.py's style and of STYLE.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from stages.core.chart_frame import label, width_of
from stages.core.lineage import Lineage
from stages.core.svg import WIDTH, escaped, number, svg

STYLE: Final = """
.way-rows { fill: none; stroke: var(--l1); stroke-width: 1.75; }
.way-uses { fill: none; stroke: var(--l2); stroke-width: 1.75; stroke-dasharray: 5 3; }
.way-source { fill: none; stroke: var(--l7); stroke-width: 1.25; }
.way-stale { fill: none; stroke: var(--l2); stroke-width: 2.5; stroke-dasharray: 1 4; stroke-linecap: round; }
.made { fill: var(--l1); stroke: var(--paper); stroke-width: 1.5; }
.unmade { fill: var(--paper); stroke: var(--l2); stroke-width: 2; stroke-dasharray: 3 2; }
.origin { fill: var(--paper); stroke: var(--l7); stroke-width: 1.5; }
.odd { fill: var(--panel); }
svg a text { fill: var(--link); font-weight: 600; }
svg a:hover text { text-decoration: underline; }
.kept { fill: var(--l1); } .rejected { fill: var(--l2); stroke: var(--ink); stroke-width: .75; }
"""

_PITCH: Final = 28
_LANE: Final = 14
_CORNER: Final = 6
_LETTER: Final = 6.9


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a folder is drawn: its name, what stands at the right of it, where it is on the page, whether it is done."""

    name: str
    about: str
    anchor: str
    finished: bool


class Fate(NamedTuple):
    """What became of the rows that a folder read."""

    kept: int
    dropped: int
    rejected: int


class _Line(NamedTuple):
    """One line of the graph: a folder, or a source that has no number."""

    folder: int | None
    name: str
    uses: Sequence[tuple[int, str, str]]
    """Who was made from it: (number of the folder, class of the link, what it says when pointed at)."""


def graph(said: str, lineage: Lineage, folders: Sequence[Shown]) -> str:
    """Folders and their sources, one a line from top to bottom, joined to the left by links to what they made."""
    lines = _lines(lineage, folders)
    rows = {line.folder: row for row, line in enumerate(lines) if line.folder is not None}
    lanes = _lanes(lines, rows)
    left = 12 + _LANE * (max(lanes, default=0) + 1)
    spots = [(8 + _LANE * lane, (row + 0.5) * _PITCH) for row, lane in enumerate(lanes)]
    parts = [
        f'<rect class="odd" x="0" y="{row * _PITCH}" width="{WIDTH}" height="{_PITCH}"/>'
        for row in range(0, len(lines), 2)
    ]
    for row, line in enumerate(lines):
        for to, kind, told in line.uses:
            parts.append(
                f'<path class="{kind}" d="{_way(*spots[row], *spots[rows[to]])}"><title>{escaped(told)}</title></path>'
            )
    for line, (x, y) in zip(lines, spots, strict=True):
        parts += _station(line, x, y, left, folders)
    return _graph_key(lines) + svg(len(lines) * _PITCH, said, parts)


def fates(said: str, rows: Mapping[str, Fate]) -> str:
    """What became of the rows of each folder, as shares of those that it read: kept, dropped, rejected."""
    told = {name: f"{fate.kept:,} of {sum(fate):,}" for name, fate in rows.items()}
    left = 10 + _LETTER * min(max(map(width_of, rows), default=0), 22)
    right = 10 + _LETTER * max(map(len, told.values()), default=0)
    wide = WIDTH - left - right
    parts = []
    for row, (name, fate) in enumerate(rows.items()):
        top, x = row * 22, left
        parts.append(label(name, 0, top + 15, 22))
        for kind, count in zip(("kept", "gone", "rejected"), fate, strict=True):
            size = wide * count / (sum(fate) or 1)
            if count:
                box = f'x="{number(x)}" y="{top + 4}" width="{number(max(size, 1))}" height="14"'
                title = f"{escaped(name)}: {count:,} {'dropped' if kind == 'gone' else kind}"
                parts.append(f'<rect class="{kind}" {box}><title>{title}</title></rect>')
            x += size
        parts.append(f'<text class="end" x="{WIDTH}" y="{top + 15}">{told[name]}</text>')
    box = '<rect class="{}" x="4" y="1" width="24" height="10"/>'
    key = [(name, box.format(kind)) for name, kind in (("kept", "kept"), ("dropped", "gone"), ("rejected", "rejected"))]
    return _key(key) + svg(max(len(rows), 1) * 22, said, parts)


def _lines(lineage: Lineage, folders: Sequence[Shown]) -> list[_Line]:
    """Folders in their order, each source just above the first that was made from it."""
    lines: list[_Line] = []
    waiting = dict(lineage.sources)
    for one in lineage.order:
        for source in [source for source, users in waiting.items() if one in users]:
            users = [(to, "way-source", f"{source.name} to {folders[to].name}") for to in waiting.pop(source)]
            lines.append(_Line(None, source.name, users))
        own = [edge for edge in lineage.edges if edge.by == one]
        uses = [
            (
                edge.to,
                "way-stale" if edge.stale else "way-rows" if edge.rows else "way-uses",
                f"{folders[one].name} to {folders[edge.to].name}: {edge.what}",
            )
            for edge in own
        ]
        lines.append(_Line(one, folders[one].name, uses))
    return lines


def _lanes(lines: Sequence[_Line], rows: Mapping[int, int]) -> list[int]:
    """The lane of each line: the first that no link above it still needs when it begins."""
    busy_until: list[int] = []
    lanes = []
    for row, line in enumerate(lines):
        last = max((rows[to] for to, *_ in line.uses), default=row)
        lane = next((k for k, until in enumerate(busy_until) if until <= row), len(busy_until))
        busy_until[lane : lane + 1] = [max(last, row)]
        lanes.append(lane)
    return lanes


def _way(x: float, y: float, to_x: float, to_y: float) -> str:
    """Down the lane of the first, then round a corner to the second."""
    if x == to_x:
        return f"M{number(x)} {number(y)}V{number(to_y)}"
    side = _CORNER if to_x > x else -_CORNER
    corner = f"V{number(to_y - _CORNER)}q0 {_CORNER} {side} {_CORNER}"
    return f"M{number(x)} {number(y)}{corner}H{number(to_x)}"


def _station(line: _Line, x: float, y: float, left: float, folders: Sequence[Shown]) -> list[str]:
    """The mark of a line with its name; a folder's leads to its place on the page."""
    room = int((WIDTH - left) / _LETTER)
    if line.folder is None:
        box = f'<rect class="origin" x="{number(x - 4)}" y="{number(y - 4)}" width="8" height="8"/>'
        return [box, label(line.name, left, y + 4, room - 12, "faint"), _right("input", y)]
    shown = folders[line.folder]
    about = shown.about if shown.finished else f"{shown.about}, unfinished"
    mark = f'<circle class="{"made" if shown.finished else "unmade"}" cx="{number(x)}" cy="{number(y)}" r="5.5"/>'
    name = label(shown.name, left, y + 4, max(room - width_of(about) - 1, 8))
    return [mark, f'<a href="#{shown.anchor}">{name}</a>', _right(about, y)]


def _right(text: str, y: float) -> str:
    return f'<text class="end faint" x="{WIDTH - 4}" y="{number(y + 4)}">{escaped(text)}</text>'


def _graph_key(lines: Sequence[_Line]) -> str:
    found = {kind for line in lines for _, kind, _ in line.uses}
    told = {
        "way-source": "input from outside",
        "way-rows": "rows",
        "way-uses": "model, or another option",
        "way-stale": "another version of it",
    }
    line = '<path class="{}" d="M0 6H32"/>'
    return _key([(name, line.format(kind)) for kind, name in told.items() if kind in found])


def _key(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(
        f'<span><svg viewBox="0 0 32 12" aria-hidden="true">{drawn}</svg>{name}</span>' for name, drawn in entries
    )
    return f'<div class="legend">{shown}</div>'
