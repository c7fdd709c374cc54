"""Which pool rows are nearest to each core row, over all of a pool that comes block by block.

Cuts blocks into chunks that fit the memory, computes their distances on several threads, leaves out of the entropy
kernel what cannot be near enough, and keeps the nearest in heaps. No matrix of the whole pool exists, and neither
threads, chunks nor pruning change a byte of what is found. Kernels compute distances, `heaps` orders pairs.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, Protocol, TypedDict

import numpy as np

from stages.core.errors import ConfigError
from stages.select_cotp.arrays import F32, F64, I64, Block, Candidates, Codes, Objective, Series
from stages.select_cotp.bounds import NO_ENVELOPE, NO_MATRIX, Envelope, Offers, envelope, left_by_bounds, offer
from stages.select_cotp.choice import Choice
from stages.select_cotp.dtw import cells_of_pair
from stages.select_cotp.heaps import BYTES_OF_ENTRY, Heaps

PruneName = Literal["auto", "none", "patterns", "keogh"]

_ROOM: Final = 1 << 16
_BYTES_OF_THREAD: Final = 4 << 20
_PAIRS_OF_CHUNK: Final = 1 << 18
_LEAST_ROWS, _FIRST_ROWS, _FEW_ROWS, _MANY_ROWS, _MOST_ROWS = 32, 64, 256, 1024, 8192


class Facts(TypedDict):
    """How a search went. Under `auto` the clock has a say in it, so it belongs to no output that is compared.

    `prune`: none, patterns, or keogh, the way that was cheapest last. Of `pairs`, all that there are, `entropy_pairs`
    went through the entropy kernel, a share of `entropy_share`, and cost `entropy_cells` cells.
    """

    prune: str
    pairs: int
    entropy_pairs: int
    entropy_share: float
    entropy_cells: int


class PatternKernelLike(Protocol):
    """Normalised pattern distances of C core rows to P pool rows; called by several threads at once."""

    def block(self, pool: Codes) -> F32:
        """(C, P)."""


class EntropyKernelLike(Protocol):
    """Normalised entropy distances under the absolute cost; called by several threads at once."""

    def block(self, pool: Series) -> F32:
        """(C, P)."""

    def pairs(self, core: int, pool: Series, rows: I64, most: float = ...) -> F32:
        """(S,) of one core row to some pool rows: the same bits as in `block`, or infinity if above `most`."""


class Search:
    """The nearest pool rows of `num_core` core rows under each objective.

    `core` are the entropy chains behind `entropy`, and `radius` its band: what is pruned by bounds rests on them.
    `nearest` is K, one for all core rows or one for each; a core row with K = 0 is left out, which saves nothing but
    its place in pruned search: to widen the lists of a few core rows, make kernels and a Search of these rows alone.
    `memory_bytes` bounds the heaps and the distances under way, not the block that the caller holds. `prune`: `none`
    computes all entropy distances, `patterns` those that pattern distance and chain ends leave open, `keogh` what
    LB_Keogh leaves of these (chains of one length), `auto` measures what is cheapest. `ConfigError` if the memory does
    not do.
    """

    def __init__(
        self,
        *,
        patterns: PatternKernelLike | None,
        entropy: EntropyKernelLike | None,
        core: Series | None,
        num_core: int,
        objectives: Sequence[Objective],
        nearest: int | I64,
        threads: int,
        memory_bytes: int,
        prune: PruneName = "auto",
        radius: int | None = None,
    ) -> None:
        assert objectives
        assert threads > 0
        self._factors = np.array([[o.of_pattern, o.of_entropy, o.of_shortfall] for o in objectives], np.float64)
        self._patterns = patterns if any(o.of_pattern for o in objectives) else None
        self._entropy = entropy if any(o.of_entropy for o in objectives) else None
        assert self._patterns is not None or not any(o.of_pattern for o in objectives)
        assert self._entropy is not None or not any(o.of_entropy for o in objectives)
        self._core = core if self._entropy is not None else None
        self._radius, self._num_core, self._threads = radius, num_core, threads
        entries = int(np.broadcast_to(nearest, num_core).sum()) * len(objectives)
        self._rows_that_fit = _rows_that_fit(num_core, entries, threads, memory_bytes)
        self._heaps = [Heaps(num_core, nearest) for _ in objectives]
        self._around: Envelope | None = None
        self._choice = Choice(ways_of(prune, self._core), steady=("none",))
        self._ramp = _FIRST_ROWS if self._choice.ways != ("none",) else _MOST_ROWS
        self._lock = threading.Lock()
        self._rows = self._pairs = self._cells = 0

    def seed(self, found: Sequence[Candidates]) -> None:
        """Start from what other parts of the pool gave, one entry for each objective."""
        for heaps, one in zip(self._heaps, found, strict=True):
            heaps.merge(one)
        if all(np.isfinite(heaps.store.worst).all() for heaps in self._heaps):
            self._ramp = _MOST_ROWS

    def add(self, block: Block) -> None:
        """Search a block. The rows of all blocks and seeds must differ; blocks may come in any order."""
        chunks = list(self._chunks(len(block)))
        if self._threads == 1 or len(chunks) == 1:
            for chunk in chunks:
                self._search(block, *chunk)
            return
        executor = ThreadPoolExecutor(self._threads)
        try:
            for done in [executor.submit(self._search, block, *chunk) for chunk in chunks]:
                done.result()
        finally:
            executor.shutdown(cancel_futures=True)

    def found(self) -> list[Candidates]:
        """The nearest rows so far, one entry for each objective."""
        return [heaps.sorted() for heaps in self._heaps]

    @property
    def facts(self) -> Facts:
        """How the search went so far."""
        pairs = self._rows * self._num_core
        share = self._pairs / pairs if pairs else 0.0
        return {
            "prune": self._choice.best,
            "pairs": pairs,
            "entropy_pairs": self._pairs,
            "entropy_share": share,
            "entropy_cells": self._cells,
        }

    def _chunks(self, rows: int) -> Iterator[tuple[int, int, bool]]:
        """(first, end, warm) of each chunk: small ones at first, so that few pairs go without a bound."""
        wanted = min(chunk_rows(rows, self._num_core, self._threads), self._rows_that_fit)
        first = 0
        while first < rows:
            end = min(rows, first + min(wanted, self._ramp))
            yield first, end, self._ramp >= wanted
            first, self._ramp = end, min(2 * self._ramp, _MOST_ROWS)

    def _search(self, block: Block, first: int, end: int, warm: bool) -> None:
        """Offer all pairs of a chunk to the heaps; runs on several threads at once."""
        block = cut(block, first, end)
        d_pattern = d_entropy = NO_MATRIX
        if self._patterns is not None:
            assert block.patterns is not None
            d_pattern = self._patterns.block(block.patterns)
        if self._entropy is not None:
            with self._lock:
                way = self._choice.next() if warm else self._choice.ways[0]
            start = time.thread_time()
            d_entropy, pairs, cells = self._entropy_distances(way, block, d_pattern)
            with self._lock:
                if warm:
                    self._choice.note(way, (time.thread_time() - start) / len(block))
                self._pairs += pairs
                self._cells += cells
        for factors, heaps in zip(self._factors, self._heaps, strict=True):
            self._keep(factors, heaps, block, d_pattern, d_entropy)
        with self._lock:
            self._rows += len(block)

    def _entropy_distances(self, way: str, block: Block, d_pattern: F32) -> tuple[F32, int, int]:
        """(C, P), infinite where a pair is out of question for every objective; pairs and cells computed."""
        pool, core = block.entropy, self._core
        assert self._entropy is not None
        assert pool is not None
        assert core is not None
        if way == "none":
            pairs = self._num_core * len(pool)
            return self._entropy.block(pool), pairs, self._cells_in(pairs, len(core.values) * len(pool.values))
        used = self._factors[:, 1] > 0
        worst = np.stack([heaps.worst() for heaps, uses in zip(self._heaps, used, strict=True) if uses])
        around = self._envelope() if way == "keogh" and core.length == pool.length else NO_ENVELOPE
        result = np.full((self._num_core, len(pool)), np.inf, np.float32)
        pairs = cells = 0
        bounds = (self._factors[used], worst, d_pattern, block.shortfall)
        for left in left_by_bounds(*bounds, core, pool, around, _ROOM):
            for k, c in enumerate(left.core):
                rows = left.rows[left.starts[k] : left.starts[k + 1]]
                if len(rows):
                    result[c, rows] = self._entropy.pairs(c, pool, rows, left.most[k])
            pairs += left.starts[-1]
            core_lengths = np.repeat(np.diff(core.starts)[left.core], np.diff(left.starts))
            pool_lengths = np.diff(pool.starts)[left.rows[: left.starts[-1]]]
            cells += self._cells_in(left.starts[-1], int(core_lengths @ pool_lengths))
        return result, pairs, cells

    def _envelope(self) -> Envelope:
        with self._lock:
            if self._around is None:
                assert self._core is not None
                self._around = envelope(self._core, self._radius)
            return self._around

    def _cells_in(self, pairs: int, without_band: int) -> int:
        if self._radius is None or self._core is None:
            return without_band
        length = self._core.length or 0
        return pairs * cells_of_pair(length, length, self._radius)

    def _keep(self, factors: F64, heaps: Heaps, block: Block, d_pattern: F32, d_entropy: F32) -> None:
        room = max(_ROOM, len(block))
        out = Offers(
            np.empty(room, np.int32),
            np.empty(room, np.int64),
            np.empty(room, np.float64),
            np.empty(room, np.float32),
            np.empty(room, np.float32),
        )
        done = 0
        while done < self._num_core:
            count, done = offer(factors, heaps.store.worst, d_pattern, d_entropy, block.shortfall, done, out)
            row = out.row[:count]
            tie, position = block.tie[row], block.position[row]
            with self._lock:
                heaps.push(
                    out.core[:count], out.distance[:count], tie, position, out.d_pattern[:count], out.d_entropy[:count]
                )


def ways_of(prune: PruneName, core: Series | None) -> tuple[PruneName, ...]:
    """The ways among which a search chooses; `core` are the entropy chains of the core, None if they do not matter."""
    if core is None:
        return ("none",)
    if prune != "auto":
        return (prune,)
    return ("patterns", "none") if core.length is None else ("patterns", "none", "keogh")


def chunk_rows(rows: int, num_core: int, threads: int) -> int:
    """Rows that go through the kernels at once, where memory allows.

    Few enough that each thread gets some chunks of a block; so many that what is left of a core row fills vectors.
    """
    even = max(_FEW_ROWS, -(-rows // (16 * threads)))
    return min(_MOST_ROWS, even, max(_PAIRS_OF_CHUNK // num_core, _MANY_ROWS))


def _rows_that_fit(num_core: int, entries: int, threads: int, memory_bytes: int) -> int:
    """The most rows of a chunk; `ConfigError` if not even a few fit."""
    fixed = entries * BYTES_OF_ENTRY + threads * _BYTES_OF_THREAD
    each = threads * num_core * 2 * 4
    rows = (memory_bytes - fixed) // each
    if rows < _LEAST_ROWS:
        least = -(-(fixed + _LEAST_ROWS * each) // 2**20)
        raise ConfigError(
            f"--memory-mb {memory_bytes >> 20} does not hold the {entries} nearest rows of {num_core} core rows and "
            f"the distances of {threads} threads; give at least {least}, fewer --candidates, or fewer threads."
        )
    return rows


def cut(block: Block, first: int, end: int) -> Block:
    """Rows of a block, without a copy of their chains."""
    rows = slice(first, end)
    patterns, entropy = block.patterns, block.entropy
    if patterns is not None:
        starts = patterns.starts[first : end + 1]
        patterns = Codes(patterns.values[starts[0] : starts[-1]], starts - starts[0])
    if entropy is not None:
        starts = entropy.starts[first : end + 1]
        entropy = Series(entropy.values[starts[0] : starts[-1]], starts - starts[0])
    return Block(block.position[rows], block.tie[rows], patterns, entropy, block.shortfall[rows])
