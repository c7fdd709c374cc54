"""Drawings of a run as SVG text: figures as lines over steps, and shares of classes as stacked bars.

Colours are classes of the page's style (`STYLE`), beside dashes and frames for those who do not tell colours apart.
Names are escaped; what the figures mean is in report.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from stages.core.svg import WIDTH, escaped, number, svg
from stages.train_policy.show import Series

MOST_LINES: Final = 6
"""Lines that a drawing can tell apart."""
MOST_POINTS: Final = 240
"""Points of a line; of longer series neighbours are averaged."""
MOST_BARS: Final = 48

CLASSES_STYLE: Final = """
:root { --pahp: #0072b2; --palp: #56b4e9; --nahp: #e69f00; --nalp: #d55e00; }
@media screen and (prefers-color-scheme: dark) { :root { --pahp: #3b9be0; --palp: #9ad4f5; --nahp: #f2bd4b;
  --nalp: #e8763a; } }
.seg { stroke: var(--paper); stroke-width: .5; }
.pa-hp { fill: var(--pahp); } .pa-lp { fill: var(--palp); } .na-hp { fill: var(--nahp); } .na-lp { fill: var(--nalp); }
.out { fill-opacity: .35; stroke-width: 1; }
.pa-hp.out { stroke: var(--pahp); } .pa-lp.out { stroke: var(--palp); }
.na-hp.out { stroke: var(--nahp); } .na-lp.out { stroke: var(--nalp); }
"""
"""Of the classes of tokens, in stacked bars."""

STYLE: Final = f"""{CLASSES_STYLE}
:root {{ --l0: #1f2328; --l1: #0072b2; --l2: #b34e00; --l3: #00795b; --l4: #9c4a7b; --l5: #6b6f00; }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --l0: #e6edf3; --l1: #56b4e9; --l2: #f0a35e; --l3: #3ecfa8;
  --l4: #e0a0c4; --l5: #d8d048; }} }}
.run {{ fill: none; stroke-width: 1.75; stroke-linejoin: round; }}
.l0 {{ stroke: var(--l0); }} .l1 {{ stroke: var(--l1); stroke-dasharray: 7 3; }}
.l2 {{ stroke: var(--l2); stroke-dasharray: 2 2; }}
.l3 {{ stroke: var(--l3); stroke-dasharray: 9 3 2 3; }} .l4 {{ stroke: var(--l4); stroke-dasharray: 4 4; }}
.l5 {{ stroke: var(--l5); stroke-dasharray: 12 4; }}
.zero {{ stroke: var(--soft); }}
.legend svg {{ display: inline-block; width: 2rem; }}
"""

_LEFT, _TOP, _HIGH, _FOOT = 46, 10, 150, 20
_FLOOR: Final = _TOP + _HIGH


def lines(said: str, series: Mapping[str, Series]) -> str:
    """Draw up to MOST_LINES figures at one scale over the steps; from zero, or from below where values are negative.

    `said` is what is drawn, in words; the first and last value of each line are added. No series may be empty.
    """
    assert 0 < len(series) <= MOST_LINES
    shown = {name: thinned(own, MOST_POINTS) for name, own in series.items()}
    values = [value for own in shown.values() for _, value in own]
    low, top = min(0.0, *values), max(0.0, *values)
    top = top if top > low else 1.0
    steps = [step for own in shown.values() for step, _ in own]
    first, last = min(steps), max(steps)

    def at(step: float, value: float) -> tuple[str, str]:
        x = _LEFT + (WIDTH - _LEFT - 4) * (step - first) / max(last - first, 1)
        return number(x), number(_FLOOR - _HIGH * (value - low) / (top - low))

    parts = _frame(low, top, first, last)
    for place, (name, own) in enumerate(shown.items()):
        points = [at(step, value) for step, value in own]
        title = f"<title>{escaped(name)}</title>"
        if len(points) == 1:
            parts.append(
                f'<circle class="run l{place}" cx="{points[0][0]}" cy="{points[0][1]}" r="2.5">{title}</circle>'
            )
        else:
            path = " ".join(f"{x},{y}" for x, y in points)
            parts.append(f'<polyline class="run l{place}" points="{path}">{title}</polyline>')
    ends = "; ".join(f"{name} {own[0][1]:.4g} to {own[-1][1]:.4g}" for name, own in series.items())
    return svg(_FLOOR + _FOOT, f"{said}, steps {first:,} to {last:,}: {ends}.", parts)


def bars(said: str, series: Mapping[str, Series]) -> str:
    """Draw classes stacked over the steps, as shares of the sum of their sizes: what is negative below zero.

    All series have the same steps, at least one. Classes have the names of telemetry.CLASSES.
    """
    steps = [step for step, _ in next(iter(series.values()))]
    pieces = np.array_split(np.arange(len(steps)), min(len(steps), MOST_BARS))
    sums = np.array([[sum(own[k][1] for k in piece.tolist()) for piece in pieces] for own in series.values()])
    total = np.abs(sums).sum(axis=0)
    shares = sums / np.where(total > 0, total, 1)
    low = -1.0 if (shares < 0).any() else 0.0
    parts = _frame(low, 1.0, steps[0], steps[-1], share=True)
    wide = (WIDTH - _LEFT - 4) / len(pieces)
    unit = _HIGH / (1 - low)
    raised = np.zeros((2, len(pieces)))
    for name, own in zip(series, shares, strict=True):
        boxes = []
        for k, share in enumerate(own.tolist()):
            if abs(share) * unit >= 0.05:
                side = int(share < 0)
                bottom = raised[side, k]
                upper = _FLOOR - unit * (max(bottom + share, bottom) - low)
                size = f"h{number(wide)}v{number(abs(share) * unit)}h-{number(wide)}z"
                boxes.append(f"M{number(_LEFT + k * wide)} {number(upper)}{size}")
                raised[side, k] += share
        if boxes:
            parts.append(f'<path class="seg {kind(name)}" d="{"".join(boxes)}"><title>{escaped(name)}</title></path>')
    if low:
        zero = number(_FLOOR + low * unit)
        parts.append(f'<line class="zero" x1="{_LEFT}" y1="{zero}" x2="{WIDTH - 4}" y2="{zero}"/>')
    means = sums.sum(axis=1) / (np.abs(sums).sum() or 1)
    told = ", ".join(f"{name} {100 * mean:.0f} %" for name, mean in zip(series, means.tolist(), strict=True) if mean)
    return svg(_FLOOR + _FOOT, f"{said}, steps {steps[0]:,} to {steps[-1]:,}, in all: {told or 'none'}.", parts)


def kind(name: str) -> str:
    """The style of a class of tokens: the hue by sign and side, pale with a frame where it is out of the range."""
    sign, side, where = name.lower().split("-")
    return f"{sign}-{side}" + (" out" if where == "out" else "")


def line_legend(names: Sequence[str]) -> str:
    """Return the names of a drawing's lines, each beside a piece of it."""
    return _legend(
        [(name, f'<line class="run l{place}" x1="0" y1="6" x2="32" y2="6"/>') for place, name in enumerate(names)]
    )


def class_legend(names: Sequence[str]) -> str:
    """Return the names of classes, each beside a box of its style."""
    return _legend([(name, f'<rect class="seg {kind(name)}" x="8" y="1" width="16" height="10"/>') for name in names])


def thinned(series: Series, most: int) -> Series:
    """At most `most` points: means of neighbours, at the mean of their steps; both ends stay as they are."""
    if len(series) <= most:
        return series
    inner = np.array_split(np.array(series[1:-1], dtype=np.float64), most - 2)
    return [series[0], *((round(own[0]), float(own[1])) for own in (piece.mean(axis=0) for piece in inner)), series[-1]]


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(
        f'<span><svg viewBox="0 0 32 12" aria-hidden="true">{drawn}</svg>{escaped(name)}</span>'
        for name, drawn in entries
    )
    return f'<div class="legend">{shown}</div>'


def _frame(low: float, top: float, first: int, last: int, *, share: bool = False) -> list[str]:
    """The lines at both ends and at zero, with their values, and the steps below."""
    parts = []
    for value in dict.fromkeys((low, 0.0, top)):
        y = _FLOOR - _HIGH * (value - low) / (top - low)
        told = f"{abs(100 * value):.0f} %" if share else _short(value)
        parts.append(f'<line class="axis" x1="{_LEFT}" y1="{number(y)}" x2="{WIDTH - 4}" y2="{number(y)}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 4}" y="{number(y + 4)}">{told}</text>')
    foot = _FLOOR + 15
    parts.append(f'<text x="{_LEFT}" y="{foot}">step {first:,}</text>')
    if last > first:
        parts.append(f'<text class="end" x="{WIDTH - 4}" y="{foot}">{last:,}</text>')
    return parts


def _short(value: float) -> str:
    """As much of a number as there is room for beside a drawing: six characters or seven."""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
