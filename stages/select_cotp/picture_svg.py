"""Drawings of the report as SVG text: two chains of names with their links, two curves, a histogram.

Colours and sizes of letters are classes of the page's style; whatever is not ours goes through `escaped`.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from stages.core.svg import WIDTH, escaped, number, svg
from stages.select_cotp.alignment import Alignment, Curves, shortened
from stages.select_cotp.arrays import F64, I64

MOST_NAMES: Final = 60
"""Names of a chain that are drawn, from its beginning."""

LEVELS: Final = 5
"""Shades of cost: none, and four quarters of the largest weight."""

_BOX, _HIGH, _PITCH, _HEAD = 158, 20, 26, 22
_LETTERS: Final = 21
"""Narrow letters that fit into a box."""

_TOP, _BAND, _BETWEEN, _SIDE = 18, 110, 40, 34
_MOST_POINTS: Final = 512
_MOST_LINKS: Final = 64

_BARS_HIGH: Final = 90


def ladder(core: Sequence[str], pool: Sequence[str], weights: F64, alignment: Alignment) -> str:
    """The two pattern chains as columns of boxes, with links shaded by cost; `weights` (n,) shade the core's boxes."""
    ours, theirs = core[:MOST_NAMES], pool[:MOST_NAMES]
    height = _HEAD + _PITCH * max(len(ours), len(theirs))
    most = float(weights.max())

    def at(place: int, num: int) -> float:
        return _HEAD + (place + 0.5) * (height - _HEAD) / num

    links = []
    for i, j, cost in zip(alignment.core.tolist(), alignment.pool.tolist(), alignment.costs.tolist(), strict=True):
        if i < len(ours) and j < len(theirs):
            ends = f'x1="{_BOX}" y1="{number(at(i, len(ours)))}" x2="{WIDTH - _BOX}" y2="{number(at(j, len(theirs)))}"'
            told = f"{escaped(core[i])} \N{RIGHTWARDS ARROW} {escaped(pool[j])}: cost {cost:.3g}"
            links.append(f'<line class="link c{level(cost, most)}" {ends}><title>{told}</title></line>')
    boxes = [
        *(_box(0, at(i, len(ours)), name, "core", weights[i] / most) for i, name in enumerate(ours)),
        *(_box(WIDTH - _BOX, at(j, len(theirs)), name, "pool", 0) for j, name in enumerate(theirs)),
    ]
    heads = (
        f'<text class="core-ink" x="0" y="12">core</text><text class="pool-ink" x="{WIDTH - _BOX}" y="12">pool</text>'
    )
    free = int((alignment.costs == 0).sum())
    said = f"{len(core)} patterns of the core row beside {len(pool)} of the pool row; "
    said += f"{free} of {len(alignment.costs)} links cost nothing."
    return svg(height, said, [heads, *links, *boxes])


def level(cost: float, most: float) -> int:
    """The shade of a link's cost: 0 for none, else 1 to 4 by quarters of the largest weight."""
    return 0 if cost == 0 else min(LEVELS - 1, 1 + int((LEVELS - 1) * cost / most))


def curves(drawn: Curves) -> str:
    """The two entropy curves, one above the other at the same scale, with some of the links of their alignment."""
    ours, theirs = shortened(drawn.core, _MOST_POINTS), shortened(drawn.pool, _MOST_POINTS)
    top = float(max(ours.max(), theirs.max())) or 1.0
    floor = (_TOP + _BAND, _TOP + 2 * _BAND + _BETWEEN)
    one, other = _points(ours, floor[0], top), _points(theirs, floor[1], top)
    links = []
    path = drawn.alignment
    for k in np.unique(np.linspace(0, len(path.core) - 1, _MOST_LINKS).astype(np.int64)).tolist():
        (x1, y1), (x2, y2) = (
            points[int(place) * len(points) // num]
            for points, place, num in (
                (one, path.core[k], len(drawn.core)),
                (other, path.pool[k], len(drawn.pool)),
            )
        )
        links.append(f'<line class="warp" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>')
    parts = [*links, *_axis(floor[0], top, "core"), *_axis(floor[1], top, "pool")]
    for points, name in ((one, "core"), (other, "pool")):
        line = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        parts.append(f'<polyline class="curve {name}-line" points="{line}"/>')
    low = floor[1] + 16
    parts.append(
        f'<text x="{_SIDE}" y="{low}">first token</text><text class="end" x="{WIDTH}" y="{low}">last token</text>'
    )
    said = (
        f"Entropy along both completions, at most {top:.3g} nats: core mean {drawn.core.mean():.3g}, "
        f"pool mean {drawn.pool.mean():.3g}; mean difference along the alignment {path.costs.mean():.3g}."
    )
    return svg(low + 6, said, parts)


def histogram(name: str, lengths: I64, edges: F64, backdrop: I64 | None) -> str:
    """How many tokens the rows of an arm have, as shares of its rows in the pieces between `edges`.

    Bars reach the top where all rows lie in one piece of the arm or of the `backdrop`, whose outline is behind them.
    """
    shares = _shares(lengths, edges)
    behind = None if backdrop is None else _shares(backdrop, edges)
    most = max(float(shares.max()), 0.0 if behind is None else float(behind.max())) or 1.0
    step = (WIDTH - _SIDE) / len(shares)
    floor = _TOP + _BARS_HIGH
    parts = [f'<text x="0" y="{_TOP + 4}">{100 * most:.0f} %</text><text x="0" y="{floor}">0 %</text>']
    parts.append(f'<line class="axis" x1="{_SIDE}" y1="{floor}" x2="{WIDTH}" y2="{floor}"/>')
    for place, share in enumerate(shares.tolist()):
        if share:
            high = _BARS_HIGH * share / most
            x, wide = _SIDE + place * step + 1, step - 2
            told = f"{edges[place]:,.0f} to {edges[place + 1]:,.0f} tokens: {100 * share:.1f} %"
            bar = f'x="{number(x)}" y="{number(floor - high)}" width="{number(wide)}" height="{number(high)}"'
            parts.append(f'<rect class="bar" {bar}><title>{told}</title></rect>')
    if behind is not None:
        tops = [floor - _BARS_HIGH * share / most for share in behind.tolist()]
        corners = [
            f"{number(_SIDE + (k + side) * step)},{number(top)}" for k, top in enumerate(tops) for side in (0, 1)
        ]
        parts.append(f'<polyline class="outline" points="{" ".join(corners)}"/>')
    low = floor + 15
    parts.append(
        f'<text x="{_SIDE}" y="{low}">{edges[0]:,.0f}</text>'
        f'<text class="end" x="{WIDTH}" y="{low}">{edges[-1]:,.0f} tokens</text>'
    )
    said = f"Lengths in {name}: "
    said += f"{len(lengths):,} rows, median {np.median(lengths):,.0f} tokens." if len(lengths) else "no rows."
    return svg(low + 6, said, parts)


def _box(x: float, y: float, name: str, kind: str, share: float) -> str:
    top = y - _HIGH / 2
    frame = f'x="{number(x + 0.5)}" y="{number(top)}" width="{_BOX - 1}" height="{_HIGH}" rx="3"'
    inside = f'x="{number(x + 1)}" y="{number(top + 0.5)}" width="{number(share * (_BOX - 2))}" height="{_HIGH - 1}"'
    label = f'<text x="{number(x + 6)}" y="{number(y + 4)}">{escaped(_fitting(name))}</text>'
    filled = f'<rect class="weight" {inside}/>' if share else ""
    return f'<g><title>{escaped(name)}</title>{filled}<rect class="{kind}-box" {frame}/>{label}</g>'


def _fitting(name: str) -> str:
    """As much of a name as a box holds; letters of East Asian scripts are twice as wide."""
    wide = np.cumsum([2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name])
    if not name or wide[-1] <= _LETTERS:
        return name
    return f"{name[: int(np.searchsorted(wide, _LETTERS))].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def _axis(floor: float, top: float, name: str) -> Iterator[str]:
    yield f'<line class="axis" x1="{_SIDE}" y1="{floor}" x2="{WIDTH}" y2="{floor}"/>'
    yield f'<text x="0" y="{floor}">0</text><text x="0" y="{floor - _BAND + 10}">{top:.2g}</text>'
    yield f'<text class="halo {name}-ink" x="{_SIDE}" y="{floor - _BAND - 4}">{name}, nats</text>'


def _points(chain: F64, floor: float, top: float) -> list[tuple[float, float]]:
    step = (WIDTH - _SIDE) / max(len(chain) - 1, 1)
    return [(_SIDE + k * step, floor - _BAND * value / top) for k, value in enumerate(chain.tolist())]


def _shares(lengths: I64, edges: F64) -> F64:
    return np.histogram(lengths, edges)[0] / max(len(lengths), 1)
