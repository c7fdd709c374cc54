"""The nearest pool rows of each core row: a part of the pool at a time, stored part by part, merged at the end."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from stages.core.job import PartOutput, Transform
from stages.core.manifest import hidden
from stages.core.progress import Progress
from stages.core.rows import SourceRow
from stages.core.shards import write_part
from stages.select_cotp.arrays import F32, I64, Block, Candidates, Codes, Series, taken_codes, taken_series
from stages.select_cotp.config import PruneName, SelectCotpConfig
from stages.select_cotp.dtw import EntropyKernel, radius_of
from stages.select_cotp.ground import Ground, engine_of
from stages.select_cotp.heaps import Heaps
from stages.select_cotp.ngrams import name_distances
from stages.select_cotp.pattern_dtw import PatternKernel
from stages.select_cotp.pool import read_block, read_stored
from stages.select_cotp.search import Search
from stages.select_cotp.speed import Forecast, forecast

FOUND: Final = "found"
"""Folder, within that of the candidates, of the candidates of each part."""

_SCHEMA: Final = pa.schema(
    [
        pa.field("objective", pa.int32()),
        pa.field("core", pa.int32()),
        pa.field("position", pa.int64()),
        pa.field("tie", pa.uint64()),
        pa.field("distance", pa.float64()),
        pa.field("d_pattern", pa.float32()),
        pa.field("d_entropy", pa.float32()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds candidates on `threads` threads. `parts` are those of the chains that make each part of the pool."""

    config: SelectCotpConfig
    ground: Ground
    chains: Path
    parts: Sequence[range]
    threads: int

    def hunt(self, nearest: I64) -> "Hunt":
        """A search for the `nearest` (C,) rows of each core row; those with 0 are left out."""
        return Hunt(self, nearest)

    def again(self, nearest: I64, progress: Progress) -> list[Candidates]:
        """Look through the whole pool once more, for other numbers of candidates; a set for each objective."""
        hunt = self.hunt(nearest)
        progress.start("widening", len(self.parts), unit="parts")
        for part in range(len(self.parts)):
            hunt.add(part)
            progress.advance()
        progress.finish()
        return hunt.found()


class Kernels:
    """The kernels of some core rows. Patterns are compared by their names, which change from block to block."""

    def __init__(
        self, config: SelectCotpConfig, names: list[str], patterns: Codes | None, weights: F32, series: Series | None
    ) -> None:
        """`names` are those that `patterns` stands for, `weights` go with its values; see `Core`."""
        self._config, self._names, self._core, self._weights = config, names, patterns, weights
        self._kernel: PatternKernel | None = None
        self.series = series
        self.entropy: EntropyKernel | None = None
        self.radius: int | None = None
        if series is not None:
            self.entropy = EntropyKernel(series, band=config.band, engine=config.kernel)
            self.radius = None if series.length is None else radius_of(config.band, series.length)

    @property
    def patterns(self) -> "Kernels | None":
        """What compares patterns; None where no distance does."""
        return None if self._core is None else self

    def learn(self, names: list[str]) -> None:
        """Take the names that the codes of the next block stand for."""
        if self._core is not None:
            table = name_distances(self._names, names, self._config.name_distance)
            engine, most = engine_of(self._config), _layout_mb(self._config)
            self._kernel = PatternKernel(self._core, self._weights, table, engine=engine, memory_mb=most)

    def block(self, pool: Codes) -> F32:
        """See PatternKernel."""
        assert self._kernel is not None
        return self._kernel.block(pool)


def _layout_mb(config: SelectCotpConfig) -> int:
    """What a thread may lay out of pattern costs, in MiB: a quarter of --memory-mb in all; distances have the rest."""
    threads = config.run.workers or len(os.sched_getaffinity(0))
    return min(256, max(4, config.memory_mb // (4 * threads)))


class Hunt:
    """One search under way: kernels for the core rows that are looked for, and what was found so far."""

    def __init__(self, finder: Finder, nearest: I64) -> None:
        self._finder, self._nearest = finder, nearest
        config, ground = finder.config, finder.ground
        self._rows = np.flatnonzero(nearest > 0)
        core = ground.core
        patterns, weights = taken_codes(core.patterns, core.weights, self._rows)
        self._kernels = Kernels(config, core.names, patterns, weights, taken_series(core.entropy, self._rows))
        self._prune: PruneName = config.prune if config.kernel == "simd" else "none"
        self.search = Search(
            patterns=self._kernels.patterns,
            entropy=self._kernels.entropy,
            core=self._kernels.series,
            num_core=len(self._rows),
            objectives=ground.objectives,
            nearest=nearest[self._rows],
            threads=finder.threads,
            memory_bytes=config.memory_mb * 2**20 * 3 // 4,
            prune=self._prune,
            radius=self._kernels.radius,
        )

    def _block(self, part: int) -> Block:
        finder = self._finder
        block, names = read_block(finder.chains, finder.parts[part], finder.ground.pool, finder.ground.shortfall)
        if len(block):
            self._kernels.learn(names)
        return block

    def forecast(self, parts: Sequence[int], rows: int) -> Forecast | None:
        """How long `rows` rows will take that are like those of the middle one of `parts`; None where that is empty."""
        block = self._block(parts[len(parts) // 2])
        if not len(block):
            return None
        return forecast(
            patterns=self._kernels.patterns,
            entropy=self._kernels.entropy,
            core=self._kernels.series,
            num_core=len(self._rows),
            objectives=self._finder.ground.objectives,
            nearest=self._nearest[self._rows],
            threads=self._finder.threads,
            block=block,
            rows=rows,
            prune=self._prune,
            radius=self._kernels.radius,
        )

    def add(self, part: int) -> None:
        """Look through one part of the pool."""
        block = self._block(part)
        if len(block):
            self.search.add(block)

    def seed(self, found: Sequence[Candidates]) -> None:
        """Start from what was found in other parts."""
        self.search.seed(found)

    def found(self) -> list[Candidates]:
        """All that was found, a set for each objective; core rows are numbered as in the whole core set."""
        rows = self._rows.astype(np.int32)
        return [Candidates(rows[one.core], *one[1:]) for one in self.search.found()]


def finding(finder: Finder, hunt: Hunt, root: Path) -> Transform:
    """The finding of candidates in one part: those that are among the nearest of all that this process has seen.

    Others need not be stored: whatever is nearer than they are lies in a part that is stored, too.
    """

    def work_on(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        num = sum(1 for _ in rows)
        hunt.add(part)
        starts = finder.ground.pool.part_starts
        own = finder.parts[part]
        first, end = starts[own.start], starts[own.stop]
        kept = [_between(one, first, end) for one in hunt.found()]
        advance(num)
        files = [_write(root, part, kept)] if any(len(one) for one in kept) else []
        return PartOutput(rows=[], kept=num, dropped_rows=0, files=files)

    return work_on


def _between(found: Candidates, first: int, end: int) -> Candidates:
    return found.take((found.position >= first) & (found.position < end))


def _write(root: Path, part: int, found: Sequence[Candidates]) -> str:
    path = root / FOUND / f"part-{part:05d}.parquet"
    objective = np.repeat(np.arange(len(found), dtype=np.int32), [len(one) for one in found])
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    table = pa.Table.from_arrays([pa.array(values) for values in (objective, *columns)], schema=_SCHEMA)
    write_part(path, table, {"table": "candidates"}, hidden(root, "tmp"))
    return path.relative_to(root).as_posix()


def read_found(root: Path, parts: Sequence[int], ground: Ground, nearest: I64) -> list[Candidates]:
    """The nearest rows over some parts that are stored, a set for each objective."""
    heaps = [Heaps(len(ground.core), nearest) for _ in ground.objectives]
    for part in parts:
        path = root / FOUND / f"part-{part:05d}.parquet"
        if not path.exists():
            continue
        table = read_stored(path)
        numbers = [table[name].to_numpy() for name in _SCHEMA.names]
        for place, heap in enumerate(heaps):
            heap.merge(Candidates(*numbers[1:]).take(numbers[0] == place))
    return [heap.sorted() for heap in heaps]
