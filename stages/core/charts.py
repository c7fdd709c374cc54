"""Drawings for the sections of a folder: lines, bars, histograms, shaded tables and counts that shrink, as SVG text.

Each takes `said`, its alternative text, and plain numbers; names are escaped. Values that are not finite are left out.
How they look is in chart_frame.py.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core import chart_frame
from stages.core.chart_frame import label, legend, place_of, short, span_of, ticks_of, width_of
from stages.core.chart_heat import heat as heat
from stages.core.svg import WIDTH, escaped, number, svg

STYLE: Final = chart_frame.STYLE

MOST_POINTS: Final = 240
"""Points of a line; of longer series neighbours are averaged."""

Points = Sequence[tuple[float, float]]

_LEFT, _RIGHT, _TOP, _HIGH = 46, 12, 22, 160
_WIDE: Final = WIDTH - _LEFT - _RIGHT
_FLOOR: Final = _TOP + _HIGH
_FOOT: Final = 34
_LETTER: Final = 6.6
"""Units that a letter of 12 takes on average, with some to spare."""

_SHAPES: Final = ("m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", "m-3 -3h6v6h-6z", "m0 -4l4 4l-4 4l-4 -4z", "m0 -4l4 7h-8z")


def lines(
    said: str,
    series: Mapping[str, Points],
    *,
    x: str,
    y: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    diagonal: bool = False,
    dots: bool = False,
    bands: Mapping[str, Sequence[tuple[float, float, float]]] | None = None,
) -> str:
    """Series of (x, y) as lines at one scale; `bands` are (x, low, high) around the series of their names.

    `x` and `y` name the axes, with their units. `dots` marks the points, `diagonal` draws x = y. Without ranges the
    axes are as long as the data, and begin at zero where the data come near it.
    """
    thinned = {name: _thinned([p for p in own if math.isfinite(sum(p))]) for name, own in series.items()}
    around = {name: [p for p in own if math.isfinite(sum(p))] for name, own in (bands or {}).items()}
    assert set(around) <= set(thinned), "a band belongs to a series"
    every = [p for own in thinned.values() for p in own]
    edges = [(at, edge) for own in around.values() for at, *both in own for edge in both]
    frame = _Frame(
        x_range or span_of([p[0] for p in every] or [0, 1]),
        y_range or span_of([p[1] for p in (*every, *edges)] or [0, 1]),
    )
    parts = frame.axes(x, y)
    if diagonal:
        parts.append(frame.diagonal())
    for place, (name, own) in enumerate(thinned.items()):
        parts += frame.line(place_of(place), name, own, around.get(name, []), dots)
    keys = [(name, _key(place_of(place), dots)) for place, name in enumerate(thinned)]
    return legend(keys) + svg(_FLOOR + _FOOT, said, parts)


def histogram(said: str, counts: Mapping[str, Sequence[float]], edges: Sequence[float], *, x: str) -> str:
    """How much lies between each two of the `edges`: the first series filled, the others as outlines.

    Each series has one number fewer than there are edges; shares and counts are both drawn as they are. The last
    piece may be open: an infinite edge is drawn as far away as the one before it.
    """
    assert counts
    assert all(len(own) == len(edges) - 1 for own in counts.values())
    at = [float(edge) for edge in edges]
    if math.isinf(at[-1]):
        at[-1] = 2 * at[-2] - at[-3]
    top = max((value for own in counts.values() for value in own if math.isfinite(value)), default=0) or 1.0
    frame = _Frame((at[0], at[-1]), (0.0, top))
    parts = frame.axes(x, "")
    keys = []
    for num, (name, own) in enumerate(counts.items()):
        # The first outline is black, as that of the bars' own colour would be lost on them.
        kind = "bar" if num == 0 else f"run l{0 if num == 1 else place_of(num)}"
        steps = "".join(f"V{number(frame.y(_real(v)))}H{number(frame.x(at[k + 1]))}" for k, v in enumerate(own))
        outline = f"M{number(frame.x(at[0]))} {_FLOOR}{steps}V{_FLOOR}"
        parts.append(f'<path class="{kind}" d="{outline}"><title>{escaped(name)}</title></path>')
        keys.append((name, f'<path class="{kind}" d="M1 11V1H31V11"/>'))
    return legend(keys) + svg(_FLOOR + _FOOT, said, parts)


def reliability_diagram(
    said: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    bands: Mapping[str, Sequence[tuple[float, float, float]]],
) -> str:
    """Shares of yes over mean probabilities, both from 0 to 1, with the diagonal on which the two are equal."""
    words = {"x": "mean probability of yes", "y": "share whose label is yes"}
    whole = (0.0, 1.0)
    return lines(said, series, **words, x_range=whole, y_range=whole, diagonal=True, dots=True, bands=bands)


def bars(
    said: str,
    values: Mapping[str, float],
    *,
    unit: str = "",
    intervals: Mapping[str, tuple[float, float]] | None = None,
    zero: float = 0.0,
) -> str:
    """Horizontal bars from `zero`, names left and numbers right; what lies below zero has another colour and a frame.

    `intervals` are (low, high) of some of the values and are drawn as whiskers.
    """
    whiskers = {k: own for k, own in (intervals or {}).items() if math.isfinite(sum(own))}
    told = {name: f"{short(value)}{f' {unit}' if unit else ''}" for name, value in values.items()}
    ends = [zero, *(v for v in values.values() if math.isfinite(v)), *(v for own in whiskers.values() for v in own)]
    low, high = min(ends), max(ends)
    left, right = _columns(list(values), list(told.values()))
    unit_wide = (WIDTH - left - right) / ((high - low) or 1.0)
    base = left + (zero - low) * unit_wide
    parts = []
    for row, (name, value) in enumerate(values.items()):
        top = row * _PITCH
        parts.append(label(name, 0, top + 16, int((left - 8) / _LETTER)))
        if math.isfinite(value) and value != zero:
            from_x, to_x = sorted((base, left + (value - low) * unit_wide))
            parts.append(_box("bar" if value > zero else "below", from_x, top + 4, to_x - from_x, name, told[name]))
        if name in whiskers:
            a, b = (number(left + (edge - low) * unit_wide) for edge in whiskers[name])
            parts.append(f'<path class="whisker" d="M{a} {top + 8}v8m0-4H{b}m0-4v8"/>')
        parts.append(f'<text class="end" x="{WIDTH}" y="{top + 16}">{escaped(told[name])}</text>')
    foot = max(len(values), 1) * _PITCH
    parts.append(f'<line class="zero" x1="{number(base)}" y1="0" x2="{number(base)}" y2="{foot}"/>')
    return svg(foot, said, parts)


def waterfall(said: str, steps: Sequence[tuple[str, float]]) -> str:
    """Counts that shrink from step to step: a bar of what is left, with a pale rest of what went since the last."""
    told = [
        short(left) + (f" (\N{MINUS SIGN}{short(before - left)})" if before > left else "")
        for (_, left), (_, before) in zip(steps, (*steps[:1], *steps[:-1]), strict=True)
    ]
    left, right = _columns([name for name, _ in steps], told)
    wide = (WIDTH - left - right) / (max((count for _, count in steps), default=0) or 1.0)
    parts = []
    before = 0.0
    for row, (name, count) in enumerate(steps):
        top = row * _PITCH
        parts.append(label(name, 0, top + 16, int((left - 8) / _LETTER)))
        if before > count:
            parts.append(_box("gone", left + count * wide, top + 4, (before - count) * wide, name, "went"))
        parts.append(_box("bar", left, top + 4, count * wide, name, short(count)))
        parts.append(f'<text class="end" x="{WIDTH}" y="{top + 16}">{escaped(told[row])}</text>')
        before = count
    return svg(max(len(steps), 1) * _PITCH, said, parts)


class _Frame:
    """Where values lie in a drawing of two axes, and the pieces of it."""

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.across, self.up = x_range, y_range

    def x(self, value: float) -> float:
        low, high = self.across
        return _LEFT + _WIDE * (min(max(value, low), high) - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.up
        return _FLOOR - _HIGH * (min(max(value, low), high) - low) / (high - low)

    def axes(self, x: str, y: str) -> list[str]:
        """Lines at round numbers of y, marks at those of x, and the names of both."""
        parts = [label(y, 0, 12, 60, "faint")] if y else []
        for value in ticks_of(*self.up):
            at = number(self.y(value))
            kind = "zero" if value == 0 else "axis"
            parts.append(f'<line class="{kind}" x1="{_LEFT}" y1="{at}" x2="{WIDTH - _RIGHT}" y2="{at}"/>')
            parts.append(f'<text class="end" x="{_LEFT - 5}" y="{number(self.y(value) + 4)}">{short(value)}</text>')
        for value in ticks_of(*self.across):
            at = number(self.x(value))
            parts.append(f'<line class="zero" x1="{at}" y1="{_FLOOR}" x2="{at}" y2="{_FLOOR + 4}"/>')
            parts.append(f'<text class="mid" x="{at}" y="{_FLOOR + 16}">{short(value)}</text>')
        return [*parts, label(x, _LEFT + _WIDE / 2, _FLOOR + 31, 52, "mid faint")]

    def diagonal(self) -> str:
        """The line x = y, as far as both axes go."""
        low, high = max(self.across[0], self.up[0]), min(self.across[1], self.up[1])
        a, b = ((number(self.x(v)), number(self.y(v))) for v in (low, high))
        return f'<line class="ideal" x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}"/>' if low < high else ""

    def line(
        self, place: int, name: str, own: Points, band: Sequence[tuple[float, float, float]], dots: bool
    ) -> list[str]:
        """One series with its band and its dots."""
        parts = []
        if len(band) > 1:
            around = [(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]
            parts.append(f'<polygon class="band f{place}" points="{self._path(around)}"/>')
        title = f"<title>{escaped(name)}</title>"
        if len(own) > 1:
            parts.append(f'<polyline class="run l{place}" points="{self._path(own)}">{title}</polyline>')
        if own and (dots or len(own) == 1):
            marks = "".join(f"M{number(self.x(x))} {number(self.y(y))}{_SHAPES[place % 4]}" for x, y in own)
            parts.append(f'<path class="dot f{place}" d="{marks}">{title}</path>')
        return parts

    def _path(self, points: Points) -> str:
        return " ".join(f"{number(self.x(x))},{number(self.y(y))}" for x, y in points)


_PITCH: Final = 24


def _columns(names: Sequence[str], numbers: Sequence[str]) -> tuple[float, float]:
    """The room for names at the left and numbers at the right of bars."""
    left = 10 + _LETTER * min(max(map(width_of, names), default=0), 26)
    return left, 10 + _LETTER * max(map(width_of, numbers), default=0)


def _box(kind: str, x: float, y: float, wide: float, name: str, told: str) -> str:
    size = f'x="{number(x)}" y="{number(y)}" width="{number(wide)}" height="16"'
    return f'<rect class="{kind}" {size}><title>{escaped(name)}: {escaped(told)}</title></rect>'


def _key(place: int, dots: bool) -> str:
    mark = f'<path class="dot f{place}" d="M16 6{_SHAPES[place % 4]}"/>' if dots else ""
    return f'<line class="run l{place}" x1="0" y1="6" x2="32" y2="6"/>{mark}'


def _real(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _thinned(points: Points) -> Points:
    """At most MOST_POINTS points: means of neighbours; both ends stay as they are."""
    if len(points) <= MOST_POINTS:
        return points
    inner: list[NDArray[np.float64]] = np.array_split(np.array(points[1:-1], dtype=np.float64), MOST_POINTS - 2)
    means = [piece.mean(axis=0) for piece in inner]
    return [points[0], *((float(at), float(value)) for at, value in means), points[-1]]
