"""Weighted DTW of two pattern chains with the whole matrix, in float64."""

import numpy as np
from numpy.typing import NDArray

from stages.select_cotp.arrays import Codes


def costs(codes: list[int], weights: list[float], names: list[int], table: NDArray[np.float32]) -> NDArray[np.float64]:
    """C[i, j] = w_i * distance of the names i and j."""
    return np.array([[float(w) * float(table[x, y]) for y in names] for x, w in zip(codes, weights, strict=True)])


def warped(cost: NDArray[np.float64]) -> float:
    """The cheapest sum of cells from the first to the last."""
    n, m = cost.shape
    table = np.full((n + 1, m + 1), np.inf)
    table[0, 0] = 0
    for i in range(n):
        for j in range(m):
            table[i + 1, j + 1] = cost[i, j] + min(table[i, j + 1], table[i + 1, j], table[i, j])
    return float(table[n, m])


def block(core: Codes, weights: NDArray[np.float32], table: NDArray[np.float32], pool: Codes) -> NDArray[np.float64]:
    """All normalised distances."""
    rows = []
    for c in range(len(core)):
        place = slice(core.starts[c], core.starts[c + 1])
        codes, weight = core.values[place].tolist(), weights[place].tolist()
        chains = [pool.values[pool.starts[p] : pool.starts[p + 1]].tolist() for p in range(len(pool))]
        rows.append([warped(costs(codes, weight, names, table)) / sum(weight) for names in chains])
    return np.array(rows)
