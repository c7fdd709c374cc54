"""What select-cotp selects, from rows alone: every distance by plain loops, the assignment by a dense Hungarian.

For small pools with columns `patterns` and `entropy`, and without ties between sums.
"""

import statistics
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.naive import dtw, ngrams, weights

Rows = list[dict[str, Any]]


def distances(
    core: Rows,
    pool: Rows,
    bins: int,
    *,
    idf: str = "smooth",
    weighted: bool = True,
    measure: str = "dice",
    radius: int | None = None,
) -> tuple[Any, Any]:
    """Pattern and entropy distances, both (C, N)."""
    weight = weights.importance([row["patterns"] for row in core], [row["question_id"] for row in core], idf)
    if not weighted:
        weight = [[1.0] * len(own) for own in weight]
    pattern = [
        [_pattern(a["patterns"], w, b["patterns"], measure) for b in pool] for a, w in zip(core, weight, strict=True)
    ]
    entropy = [[dtw.dtw(_binned(a, bins), _binned(b, bins), radius=radius) for b in pool] for a in core]
    return np.array(pattern), np.array(entropy)


def selected(core: Rows, pool: Rows, per_core: int, share: float, scales: tuple[float, float], bins: int) -> Any:
    """{pool id: core id} of the assignment of least total distance, and that total."""
    pattern, entropy = distances(core, pool, bins)
    table = share * pattern / scales[0] + (1 - share) * entropy / scales[1]
    rows, columns = linear_sum_assignment(np.repeat(table, per_core, axis=0))
    pairs = {pool[j]["id"]: core[i // per_core]["id"] for i, j in zip(rows, columns, strict=True)}
    return pairs, sum(table[i // per_core, j] for i, j in zip(rows, columns, strict=True))


def medians(core: Rows, pool: Rows, bins: int) -> tuple[float, float]:
    """The scales, where all pairs are sampled."""
    pattern, entropy = distances(core, pool, bins)
    return statistics.median(pattern.ravel()), statistics.median(entropy.ravel())


def _pattern(core: list[str], weight: list[float], pool: list[str], measure: str) -> float:
    best = {(-1, -1): 0.0}
    for i, a in enumerate(core):
        for j, b in enumerate(pool):
            before = min(best.get(cell, np.inf) for cell in ((i - 1, j), (i, j - 1), (i - 1, j - 1)))
            best[i, j] = before + weight[i] * ngrams.distance(a, b, measure)
    return best[len(core) - 1, len(pool) - 1] / sum(weight)


def _binned(row: dict[str, Any], bins: int) -> list[float]:
    values = [float(np.float16(value)) for value in row["entropy"]]
    found = []
    for k in range(bins):
        low = k * len(values) // bins
        high = max(low + 1, (k + 1) * len(values) // bins)
        found.append(statistics.fmean(values[low:high]))
    return found
