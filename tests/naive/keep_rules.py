"""Keep rules a program at a time, in fractions; three-valued logic with None; precision along a curve by walking it."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

Row = dict[str, Any]


def kept(text: str, rows: Sequence[Row]) -> list[bool]:
    """Rules with one threshold; rows have task, passed, total, and consensus as a fraction."""
    name, _, share = text.partition(":")
    least = Fraction(share or "1")
    return [name == "all" or (row["total"] > 0 and _reaches(name, row, rows, least)) for row in rows]


def _reaches(name: str, row: Row, rows: Sequence[Row], least: Fraction) -> bool:
    if name == "frac":
        return Fraction(row["passed"], row["total"]) >= least
    if row["passed"] == 0:
        return False
    if name == "rel":
        best = max(other["passed"] for other in rows if other["task"] == row["task"])
        return bool(row["passed"] >= least * best)
    return bool(row["consensus"] >= least)


Tree = tuple[Any, ...]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def true(tree: Tree, row: dict[str, float | None]) -> bool | None:
    """SQL's truth of a tree: (sign, column, number), ("null", column), ("not", x), ("and" or "or", x, y)."""
    match tree:
        case ("not", inner):
            value = true(inner, row)
            return None if value is None else not value
        case ("and", left, right):
            values = (true(left, row), true(right, row))
            return False if False in values else None if None in values else True
        case ("or", left, right):
            values = (true(left, row), true(right, row))
            return True if True in values else None if None in values else False
        case ("null", column):
            return row[column] is None
        case (sign, column, number):
            found = row[column]
            return None if found is None else _COMPARE[sign](found, number)
    raise AssertionError(tree)


def written(tree: Tree) -> str:
    """The tree as text, with all parentheses."""
    match tree:
        case ("not", inner):
            return f"not ({written(inner)})"
        case ("and" | "or" as word, left, right):
            return f"({written(left)}) {word} ({written(right)})"
        case ("null", column):
            return f"{column} is null"
    return f"{tree[1]}{tree[0]}{tree[2]}"


def precision_at(scores: Sequence[float], truth: Sequence[bool], recall: Fraction) -> Fraction:
    """Walk down the thresholds; on the way to the next that gains right ones, keep the share of it that is needed."""
    needed = recall * sum(truth)
    right, size, step = 0, 0, 0
    for threshold in sorted(set(scores), reverse=True):
        here = [good for score, good in zip(scores, truth, strict=True) if score == threshold]
        step += len(here)
        if right + sum(here) >= needed:
            return needed / (size + step * (needed - right) / sum(here))
        if sum(here):
            right, size, step = right + sum(here), size + step, 0
    raise AssertionError("the recall is above 1")


def lower_bound(
    scores: Sequence[float], truth: Sequence[bool], task: Sequence[int], threshold: float, *, seed: int, draws: int
) -> float:
    """The smaller of the bootstrap's and Wilson's lower end for what a threshold keeps, a program at a time."""
    rows = list(zip(scores, truth, task, strict=True))
    by_task = [[row for row in rows if row[2] == number] for number in sorted(set(task))]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        picked = rng.integers(0, len(by_task), len(by_task))
        hits = [good for place in picked for score, good, _ in by_task[place] if score >= threshold]
        if hits:
            drawn.append(sum(hits) / len(hits))
    hits = [good for score, good, _ in rows if score >= threshold]
    n, share = len(hits), sum(hits) / len(hits)
    effect = 1.0
    if 0 < share < 1:
        residuals = [sum(good - share for score, good, _ in own if score >= threshold) for own in by_task]
        variance = sum(value**2 for value in residuals) / n**2 * len(by_task) / (len(by_task) - 1)
        effect = max(1.0, variance / (share * (1 - share) / n))
    return min(float(np.quantile(drawn, 0.025)), _wilson(share, n / effect))


def _wilson(share: float, n: float) -> float:
    """The smaller root p of (share - p)^2 = z^2 p (1 - p) / n, by bisection."""
    low, high = 0.0, share
    for _ in range(200):
        middle = (low + high) / 2
        outside = (share - middle) ** 2 > 1.959963984540054**2 * middle * (1 - middle) / n
        low, high = (middle, high) if outside else (low, middle)
    return low
