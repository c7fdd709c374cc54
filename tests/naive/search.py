"""The nearest rows by sorting all pairs, and kernels that compute one pair after the other."""

import math
from collections.abc import Sequence

import numpy as np

from stages.select_cotp.arrays import F32, I64, Block, Candidates, Codes, Objective, Series


def nearest(d_pattern: F32, d_entropy: F32, block: Block, objective: Objective, most: Sequence[int]) -> Candidates:
    """The `most[c]` nearest rows of a whole pool for each core row c, from the matrices (C, N) of the parts."""
    rows = []
    for c in range(len(most)):
        pairs = []
        for r in range(len(block)):
            pattern = float(d_pattern[c, r]) if objective.of_pattern else math.nan
            entropy = float(d_entropy[c, r]) if objective.of_entropy else math.nan
            distance = 0.0
            for factor, part in (
                (objective.of_pattern, pattern),
                (objective.of_entropy, entropy),
                (objective.of_shortfall, float(block.shortfall[r])),
            ):
                distance += factor * part if factor else 0.0
            pairs.append((distance, int(block.tie[r]), int(block.position[r]), c, pattern, entropy))
        rows += sorted(pairs)[: most[c]]
    return Candidates(
        core=np.array([row[3] for row in rows], np.int32),
        position=np.array([row[2] for row in rows], np.int64),
        tie=np.array([row[1] for row in rows], np.uint64),
        distance=np.array([row[0] for row in rows], np.float64),
        d_pattern=np.array([row[4] for row in rows], np.float32),
        d_entropy=np.array([row[5] for row in rows], np.float32),
    )


class SlowEntropy:
    """DTW of entropy chains under the absolute cost in float32, cell by cell."""

    def __init__(self, core: Series, radius: int | None = None) -> None:
        self.core, self.radius, self.computed = core, radius, 0

    def block(self, pool: Series) -> F32:
        """(C, P)."""
        rows = np.arange(len(pool))
        return np.stack([self.pairs(c, pool, rows) for c in range(len(self.core))])

    def pairs(self, core: int, pool: Series, rows: I64, most: float = math.inf) -> F32:
        """(S,), infinite where above `most`."""
        self.computed += len(rows)
        found = np.array([warped(_chain(self.core, core), _chain(pool, int(r)), self.radius) for r in rows], np.float32)
        return np.where(found <= most, found, np.float32(np.inf))


class TablePatterns:
    """Pattern distances from a matrix (C, N), of a pool whose chains are the numbers of their own columns."""

    def __init__(self, distances: F32) -> None:
        self.distances = distances

    def block(self, pool: Codes) -> F32:
        """(C, P)."""
        return np.ascontiguousarray(self.distances[:, pool.values[pool.starts[:-1]]])


def warped(x: F32, y: F32, radius: int | None = None) -> np.float32:
    """The cost of the cheapest path divided by the longer length, every operation rounded to float32."""
    cost = np.full((len(x) + 1, len(y) + 1), np.inf, np.float32)
    cost[0, 0] = 0
    for i in range(len(x)):
        for j in range(len(y)):
            if radius is None or abs(i - j) <= radius:
                best = min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
                cost[i + 1, j + 1] = np.float32(abs(x[i] - y[j])) + best
    return np.float32(cost[-1, -1] / np.float32(max(len(x), len(y))))


def _chain(chains: Series, row: int) -> F32:
    return chains.values[chains.starts[row] : chains.starts[row + 1]]
