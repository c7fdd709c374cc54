"""How long a search will take on this machine: a forecast from its own kernels on some rows of its own pool.

Measures CPU time, some tenths of a second of each part after it is compiled, and predicts from the distances of a
sample how many pairs pruning will leave to the entropy kernel once the heaps are as tight as the whole pool makes them.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from stages.select_cotp.arrays import F32, F64, I64, Block, Objective, Series
from stages.select_cotp.bounds import NO_ENVELOPE, NO_MATRIX, Envelope, ends, envelope, survivors
from stages.select_cotp.choice import num_trials
from stages.select_cotp.search import EntropyKernelLike, PatternKernelLike, PruneName, Search, chunk_rows, cut, ways_of

_ENOUGH_SECONDS: Final = 0.2
_ROWS: Final = 8192
_PATTERN_PAIRS: Final = 1 << 22
_SAMPLE_ROWS, _SAMPLE_CORE_ROWS = 1024, 24
# Lanes of one and a half tiles: half a tile is wasted, as it is on average.
_FEW_PAIRS: Final = 48


class Forecast(NamedTuple):
    """`seconds` on the wall if the processors are free, `cpu_seconds` over all threads.

    `prune` is the way that will be cheapest, `entropy_share` the share of pairs that goes through the entropy kernel.
    """

    seconds: float
    cpu_seconds: float
    prune: str
    entropy_share: float


class _Way(NamedTuple):
    """CPU seconds for a pool row, and the share of its pairs that goes through the entropy kernel."""

    seconds: float
    share: float


class _Pool(NamedTuple):
    """A pool of `rows` rows, of which each core row keeps `nearest`; `threads` chunks of `chunk` rows at once."""

    rows: int
    nearest: float
    chunk: int
    threads: int


def forecast(
    *,
    patterns: PatternKernelLike | None,
    entropy: EntropyKernelLike | None,
    core: Series | None,
    num_core: int,
    objectives: Sequence[Objective],
    nearest: int | I64,
    threads: int,
    block: Block,
    rows: int,
    prune: PruneName = "auto",
    radius: int | None = None,
) -> Forecast:
    """The time that `Search` with these arguments takes for `rows` pool rows, without reading them.

    `block` are some of them, from all over the pool, best some thousands. The search may be slower by what little
    memory allows.
    """
    block = cut(block, 0, min(len(block), _ROWS, max(_FEW_PAIRS, _PATTERN_PAIRS // num_core)))
    used = entropy if any(o.of_entropy > 0 for o in objectives) else None
    search = Search(
        patterns=patterns,
        entropy=None if used is None else _Instant(num_core),
        core=core,
        num_core=num_core,
        objectives=objectives,
        nearest=1,
        threads=1,
        memory_bytes=1 << 62,
        prune="none",
    )
    base = _seconds_per_row(search.add, block)
    if used is None or core is None:
        return _forecast(_Way(base, 0.0), rows, threads, "none")
    sample = _Sample(patterns, used, core, num_core, objectives, cut(block, 0, _SAMPLE_ROWS))
    pool = _Pool(rows, float(np.mean(nearest)), chunk_rows(min(rows, 1 << 16), num_core, threads), threads)
    ways: dict[PruneName, _Way] = {}
    for name in ways_of(prune, core):
        if name == "none":
            ways[name] = _Way(base + _seconds_per_row(lambda part: used.block(_series(part)), block), 1.0)
        else:
            ways[name] = sample.way(base, envelope(sample.core, radius) if name == "keogh" else NO_ENVELOPE, pool)
    best = min(ways, key=lambda name: ways[name].seconds)
    return _forecast(_with_trials(ways, best, pool), rows, threads, best)


class _Instant:
    """Stands for an entropy kernel that takes no time: each block is farther than the one before."""

    def __init__(self, num_core: int) -> None:
        self._num_core, self._distance = num_core, 0

    def block(self, pool: Series) -> F32:
        """(C, P)."""
        self._distance += 1
        return np.full((self._num_core, len(pool)), self._distance, np.float32)

    def pairs(self, core: int, pool: Series, rows: I64, most: float = math.inf) -> F32:
        """(S,)."""
        return np.full(len(rows), self._distance, np.float32)


class _Sample:
    """Distances of some core rows to some pool rows, which tell how far bounds reach, and the time of a pair."""

    def __init__(
        self,
        patterns: PatternKernelLike | None,
        entropy: EntropyKernelLike,
        core: Series,
        num_core: int,
        objectives: Sequence[Objective],
        block: Block,
    ) -> None:
        self._num_core, self._block, self._pool = num_core, block, _series(block)
        chosen = np.unique(np.linspace(0, num_core - 1, min(num_core, _SAMPLE_CORE_ROWS)).astype(np.int64))
        values = [core.values[core.starts[c] : core.starts[c + 1]] for c in chosen]
        self.core = Series(np.concatenate(values), np.cumsum([0, *map(len, values)]))
        uses = [o for o in objectives if o.of_entropy > 0]
        self._factors = np.array([[o.of_pattern, o.of_entropy, o.of_shortfall] for o in uses], np.float64)
        self._d_pattern = NO_MATRIX
        if patterns is not None and block.patterns is not None:
            self._d_pattern = patterns.block(block.patterns)[chosen]
        every = np.arange(len(block))
        few = every[:: max(1, len(every) // _FEW_PAIRS)][:_FEW_PAIRS].copy()
        _, short = _measured(lambda c: entropy.pairs(c, self._pool, few, 1e30), chosen)
        self._d_entropy, long = _measured(lambda c: entropy.pairs(c, self._pool, every, 1e30), chosen)
        self._pair = long / len(every)
        self._call = max(0.0, short - len(few) * self._pair)

    def way(self, base: float, around: Envelope, pool: _Pool) -> _Way:
        """What a row costs with these bounds, over a whole pool."""
        ranks = np.unique(np.geomspace(1, len(self._block), 12).astype(np.int64))
        looks = [self._look(rank, around) for rank in ranks]
        shares = np.array([look.share for look in looks])
        share = _mean_share(shares, ranks / len(self._block), pool)
        # a core row that nothing is left of is not called for
        call = self._call * min(1.0, share * pool.chunk) / pool.chunk
        return _Way(base + self._num_core * (looks[0].seconds + self._pair * share + call), share)

    def _look(self, rank: int, around: Envelope) -> _Way:
        """What the bounds leave and cost for a pair, if the heaps' worst are the distances of this rank."""
        worst = np.stack([self._worst(factors, int(rank)) for factors in self._factors])
        num_core, num_pool = len(self.core), len(self._block)
        rows, starts = np.empty(num_core * num_pool, np.int64), np.empty(num_core + 1, np.int64)
        most, shortfall = np.empty(num_core), self._block.shortfall
        arguments = (worst, self._d_pattern, shortfall, ends(self.core), ends(self._pool), around, self._pool.values)
        survivors(self._factors, *arguments, 0, rows, starts, most)
        start = time.thread_time()
        survivors(self._factors, *arguments, 0, rows, starts, most)
        pairs = num_core * num_pool
        return _Way((time.thread_time() - start) / pairs, int(starts[num_core]) / pairs)

    def _worst(self, factors: F64, rank: int) -> F64:
        """(C,) the distance of a rank under one objective."""
        distances = factors[1] * self._d_entropy + factors[2] * self._block.shortfall
        if factors[0] > 0:
            distances = distances + factors[0] * self._d_pattern
        worst: F64 = np.partition(distances, rank - 1, axis=1)[:, rank - 1]
        return worst


def _mean_share(shares: F64, depths: F64, pool: _Pool) -> float:
    """The share of pairs that pass over a whole pool, from the shares at some depths, which rise to 1.

    When n rows have come, bounds are held against heaps that are `nearest / n` deep, but for the rows that are under
    way at once: half of all while chunks still double. Deeper than the sample goes, the share falls on as a power of
    the depth.
    """
    if pool.rows <= pool.nearest:
        return 1.0
    logs, seen = np.log(np.maximum(shares, depths)), np.geomspace(max(pool.nearest, 1.0), pool.rows, 64)
    depth = np.log(np.minimum(1.0, pool.nearest / np.maximum(seen / 2, seen - pool.chunk * pool.threads)))
    near = min(3, len(logs) - 1)
    slope = (logs[near] - logs[0]) / max(1e-9, math.log(depths[near] / depths[0]))
    at = np.exp(np.interp(depth, np.log(depths), logs) + slope * np.minimum(0.0, depth - math.log(depths[0])))
    return float((seen[0] + np.sum(np.diff(seen) * (at[1:] + at[:-1]) / 2)) / pool.rows)


def _with_trials(ways: dict[PruneName, _Way], best: PruneName, pool: _Pool) -> _Way:
    """The best way, and what goes to trials of the others."""
    chunks, own = max(1, pool.rows // pool.chunk), ways[best]
    tried = [(way, num_trials(chunks, steady=name == "none") / chunks) for name, way in ways.items() if name != best]
    return _Way(*(own[k] + sum(share * (way[k] - own[k]) for way, share in tried) for k in range(2)))


def _forecast(way: _Way, rows: int, threads: int, name: str) -> Forecast:
    seconds = way.seconds * rows
    return Forecast(seconds / min(threads, len(os.sched_getaffinity(0))), seconds, name, way.share)


def _seconds_per_row(work: Callable[[Block], object], block: Block) -> float:
    """CPU seconds for a row, on as many rows as take long enough to be measured."""
    rows = min(len(block), _FEW_PAIRS)
    work(cut(block, 0, rows))
    while True:
        start = time.thread_time()
        work(cut(block, 0, rows))
        spent = time.thread_time() - start
        if spent >= _ENOUGH_SECONDS / 2 or rows == len(block):
            return spent / rows
        rows = min(len(block), rows * min(16, 1 + int(_ENOUGH_SECONDS / max(spent, 1e-6))))


def _measured(work: Callable[[int], F32], core: I64) -> tuple[F32, float]:
    """What the work gives for all these core rows, and CPU seconds for one of them."""
    work(int(core[0]))
    start = time.thread_time()
    found = np.stack([work(int(c)) for c in core])
    return found, (time.thread_time() - start) / len(core)


def _series(block: Block) -> Series:
    assert block.entropy is not None
    return block.entropy
