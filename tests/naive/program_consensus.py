"""Dual execution agreement from its definition, slow: every solution against every other, cells as characters."""

import math
from collections.abc import Sequence


def told(cell: str) -> str:
    """What a cell counts as: a failure of any kind is one."""
    return cell if cell in "1?" else "0"


def same(one: str, other: str) -> bool:
    return [told(cell) for cell in one] == [told(cell) for cell in other]


def groups(rows: Sequence[str]) -> list[int]:
    """Number of the first solution like this one, renumbered without gaps."""
    firsts = [next(i for i, other in enumerate(rows) if same(row, other)) for row in rows]
    order = sorted(set(firsts))
    return [order.index(first) for first in firsts]


def shares(rows: Sequence[str], weights: Sequence[float], exponent: float, merged: bool) -> list[float]:
    """The score of each solution, over the best."""
    columns = ["".join(row[t] for row in rows) for t in range(len(weights))]
    scores = []
    for row in rows:
        size = sum(same(row, other) for other in rows)
        total = 0.0
        for t, weight in enumerate(weights):
            alike = sum(same(columns[t], other) for other in columns)
            if row[t] == "1":
                total += weight / alike if merged else weight
        scores.append(total * math.pow(size, exponent))
    best = max(scores, default=0.0)
    return [score / best if best > 0 else 0.0 for score in scores]
