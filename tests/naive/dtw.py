"""Dynamic time warping cell by cell, in plain Python and float64."""

import math
from collections.abc import Sequence


def dtw(
    x: Sequence[float], y: Sequence[float], *, radius: int | None = None, cost: str = "absolute", divided: bool = True
) -> float:
    """The cheapest warping path through all cells with |i - j| <= radius, over the longer length where `divided`."""
    best: dict[tuple[int, int], float] = {(-1, -1): 0.0}
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            if radius is not None and abs(i - j) > radius:
                continue
            before = min(best.get(cell, math.inf) for cell in ((i - 1, j), (i, j - 1), (i - 1, j - 1)))
            best[i, j] = before + (abs(a - b) if cost == "absolute" else (a - b) ** 2)
    return best[len(x) - 1, len(y) - 1] / (max(len(x), len(y)) if divided else 1)


def num_cells(n: int, m: int, radius: int | None = None) -> int:
    return sum(1 for i in range(n) for j in range(m) if radius is None or abs(i - j) <= radius)
