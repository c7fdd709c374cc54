"""A table of numbers as shaded cells, with a path drawn over it: the drawing of a matrix, as SVG text."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core.chart_frame import DARK_FROM, SHADES, label, short, width_of
from stages.core.svg import WIDTH, escaped, number, svg

MOST_CELLS: Final = 64
"""Rows and columns that are drawn; of larger matrices neighbours are averaged."""

_LETTER: Final = 6.6
_MOST_LABELS: Final = 26
"""Rows whose names are drawn; of more, every second, third and so on."""


def heat(
    said: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: NDArray[np.float64],
    *,
    low: float,
    high: float,
    path: Sequence[tuple[int, int]] = (),
    values_shown: bool = False,
) -> str:
    """Shade `values` (R, C) from `low` to `high`; nan is left empty. `path` joins (row, column) cells, as warpings do.

    Names may be fewer than rows or columns only where there are none at all. `values_shown` writes the numbers into
    the cells if there is room for all of them.
    """
    num_rows, num_columns = values.shape
    assert len(rows) in (0, num_rows)
    assert len(columns) in (0, num_columns)
    pooled = _pooled(_pooled(values, 0), 1)
    left = 8 + _LETTER * min(max(map(width_of, rows)), 24) if rows else 0.0
    wide = (WIDTH - left) / max(num_columns, 1)
    tall = (WIDTH - left) / max(num_rows, num_columns) if num_rows > 16 else min(max(wide, 18.0), 30.0)
    heads, top = _heads(columns, left, wide)
    cell = (wide * num_columns / max(pooled.shape[1], 1), tall * num_rows / max(len(pooled), 1))
    levels = np.clip(np.rint((pooled - low) / (high - low) * (SHADES - 1)), 0, SHADES - 1)
    parts = [*heads, *_cells(levels, left, top, *cell)]
    every = -(-num_rows // _MOST_LABELS)
    parts += [label(name, 0, top + (row + 0.5) * tall + 4, 24) for row, name in enumerate(rows) if row % every == 0]
    if values_shown and pooled.shape == values.shape:
        parts += _numbers(values, levels, left, top, wide, tall)
    if path:
        way = " ".join(f"{number(left + (c + 0.5) * wide)},{number(top + (r + 0.5) * tall)}" for r, c in path)
        parts += [f'<polyline class="{kind}" points="{way}"/>' for kind in ("way-under", "way")]
    foot = top + num_rows * tall
    return svg(foot + 30, said, [*parts, *_scale(foot + 10, low, high)])


def _pooled(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Means of neighbours along an axis until it has at most MOST_CELLS places; what is nan does not count."""
    num = values.shape[axis]
    if num <= MOST_CELLS:
        return values
    starts = np.arange(MOST_CELLS) * num // MOST_CELLS
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=axis)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=axis)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _cells(levels: NDArray[np.float64], left: float, top: float, wide: float, tall: float) -> list[str]:
    """One path for each shade, made of runs of neighbours in a row."""
    boxes: dict[int, list[str]] = {}
    for row, own in enumerate(levels):
        for shade, run in groupby(enumerate(own.tolist()), key=lambda cell: cell[1]):
            if shade == shade:
                (first, _), *others = run
                size = f"h{number(wide * (len(others) + 1))}v{number(tall)}h-{number(wide * (len(others) + 1))}z"
                boxes.setdefault(int(shade), []).append(
                    f"M{number(left + first * wide)} {number(top + row * tall)}{size}"
                )
    return [
        f'<path class="h{shade}" shape-rendering="crispEdges" d="{"".join(own)}"/>'
        for shade, own in sorted(boxes.items())
    ]


def _heads(columns: Sequence[str], left: float, wide: float) -> tuple[list[str], float]:
    """The names of the columns, upright where they do not fit side by side, and the room they take."""
    if not columns:
        return [], 2.0
    longest = max(map(width_of, columns))
    if longest * _LETTER <= wide - 4:
        return [label(name, left + (k + 0.5) * wide, 12, longest, "mid") for k, name in enumerate(columns)], 18.0
    every = max(1, -(-14 // int(max(wide, 1))))
    room = 10 + _LETTER * min(longest, 16)
    return [
        f'<g transform="translate({number(left + (k + 0.5) * wide + 4)} {number(room - 5)}) rotate(-90)">'
        f"{label(name, 0, 0, 16)}</g>"
        for k, name in enumerate(columns)
        if k % every == 0
    ], room


def _numbers(
    values: NDArray[np.float64], levels: NDArray[np.float64], left: float, top: float, wide: float, tall: float
) -> list[str]:
    """The values inside their cells, all or none."""
    told = [
        (row, column, short(value))
        for row, own in enumerate(values.tolist())
        for column, value in enumerate(own)
        if value == value
    ]
    if max((len(text) for *_, text in told), default=0) * _LETTER > wide:
        return []
    return [
        f'<text class="mid{" inverse" if levels[row, column] >= DARK_FROM else ""}" '
        f'x="{number(left + (column + 0.5) * wide)}" y="{number(top + (row + 0.5) * tall + 4)}">{escaped(text)}</text>'
        for row, column, text in told
    ]


def _scale(top: float, low: float, high: float) -> list[str]:
    """The shades in their order, between the two values that they stand for."""
    begin, step = WIDTH - 60 - SHADES * 14, 14
    boxes = [
        f'<rect class="h{shade}" x="{begin + shade * step}" y="{number(top)}" width="{step}" height="12"/>'
        for shade in range(SHADES)
    ]
    return [
        f'<text class="end" x="{begin - 6}" y="{number(top + 10)}">{short(low)}</text>',
        *boxes,
        f'<text x="{begin + SHADES * step + 6}" y="{number(top + 10)}">{short(high)}</text>',
    ]
