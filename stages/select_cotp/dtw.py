"""How unlike are two entropy chains? Dynamic time warping of every core chain against blocks of the pool.

Steps (1,0), (0,1), (1,1) of weight one; the cost of a cell is |x - y| [our reading of CoTP, arXiv 2509.21124]; the sum
is divided by the chains' length, the longer one where they differ. Here inputs are checked and an engine is chosen.
"""

import math
from typing import Final, Literal

import numpy as np

from stages.select_cotp.arrays import F32, I64, Series
from stages.select_cotp.by_tslearn import tslearn_block
from stages.select_cotp.dtw_scalar import scalar_kernel
from stages.select_cotp.dtw_tile import Kernel, tile_kernel
from stages.select_cotp.lanes import host_balances, host_lanes

Cost = Literal["absolute", "squared"]
Engine = Literal["simd", "scalar", "tslearn"]

# 0.29 * 100 is 28.999999999999996 and means 29.
_SLACK: Final = 1e-9


def radius_of(band: float | None, length: int) -> int | None:
    """Cells with |i - j| > floor(band * length) are outside; 25 for 10 % of 256 bins. None where no cell is."""
    radius = length if band is None else math.floor(band * length + _SLACK)
    return radius if radius < length - 1 else None


def cells_of_pair(n: int, m: int, radius: int | None = None) -> int:
    """Cells of the recurrence for chains of n and m values: n * m, or those inside a band where n = m."""
    if radius is None:
        return n * m
    assert n == m, "a band needs chains of one length"
    return n * (2 * radius + 1) - radius * (radius + 1)


class EntropyKernel:
    """The distances of `core` (C chains) to chains of the pool; float32, the same bits from simd and scalar.

    `band` is a share of the chains' length and needs one length for all of core and pool. `lanes` are (W, R): pool
    chains at a time and core rows at a time, by default what suits the processor; they change no bit. The first call
    with a kind of arguments compiles for a second or so, later processes read numba's cache. Methods release the GIL.
    """

    def __init__(
        self,
        core: Series,
        *,
        band: float | None = None,
        cost: Cost = "absolute",
        engine: Engine = "simd",
        lanes: tuple[int, int] | None = None,
    ) -> None:
        _check(core, np.diff(core.starts))
        assert len(core), "the core set is empty"
        assert np.isfinite(core.values).all(), "an entropy of the core set is not finite"
        assert band is None or (0 <= band <= 1 and core.length is not None), "a band needs chains of one length"
        self._core = core
        self._length = core.length if band is not None else None
        self._radius = None if core.length is None else radius_of(band, core.length)
        self._cost: Cost = cost
        self._engine = engine
        self._lanes = lanes or host_lanes()

    def block(self, pool: Series) -> F32:
        """Distances (C, P) of all core chains to all P chains."""
        return self._distances(self._core, pool, np.arange(len(pool)), math.inf)

    def pairs(self, core: int, pool: Series, rows: I64, most: float = math.inf) -> F32:
        """Distances (S,) of core chain number `core` to the S chains `rows` of the pool, as in `block`.

        A distance above `most` comes back as infinity, and sooner.
        """
        assert 0 <= core < len(self._core), f"no core row {core}"
        one = Series(self._core.values, self._core.starts[core : core + 2])
        distances: F32 = self._distances(one, pool, rows, most)[0]
        return distances

    def cells(self, pool: Series) -> int:
        """Cells of the recurrence that `block` goes through, those inside the band only."""
        if self._radius is not None:
            return len(self._core) * len(pool) * cells_of_pair(self._length or 0, self._length or 0, self._radius)
        return int(np.diff(self._core.starts).sum()) * int(np.diff(pool.starts).sum())

    def _distances(self, core: Series, pool: Series, rows: I64, most: float) -> F32:
        out = np.empty((len(core), len(rows)), np.float32)
        if not out.size:
            return out
        assert rows.min() >= 0, "a row before the pool's first"
        assert rows.max() < len(pool), "a row behind the pool's last"
        lengths = pool.starts[rows + 1] - pool.starts[rows]
        _check(pool, lengths)
        assert self._length is None or (lengths == self._length).all(), "a band needs chains of one length"
        if self._engine == "tslearn":
            return _at_most(tslearn_block(core, _chosen(pool, rows), radius=self._radius, cost=self._cost), most)
        # chains of like length share a tile, so that few cells are computed for nobody
        order = np.argsort(lengths, kind="stable")
        radius = int(np.diff(core.starts).max() + lengths.max()) if self._radius is None else self._radius
        kernel = self._kernel(bounded=most < math.inf)
        finite = kernel(core.values, core.starts, pool.values, pool.starts, rows, order, radius, _below(most), out)
        assert finite, "an entropy of the pool is not finite"
        return out

    def _kernel(self, *, bounded: bool) -> Kernel:
        absolute = self._cost == "absolute"
        if self._engine == "scalar":
            return scalar_kernel(absolute=absolute)
        return tile_kernel(
            *self._lanes,
            absolute=absolute,
            banded=self._radius is not None,
            bounded=bounded,
            balanced=host_balances(),
        )


def _check(series: Series, lengths: I64) -> None:
    assert series.values.dtype == np.float32, f"values are {series.values.dtype}, not float32"
    assert series.values.flags.c_contiguous, "values are not contiguous"
    assert (lengths > 0).all(), "a chain is empty"


def _below(most: float) -> np.float32:
    """The largest float32 that is not above `most`."""
    nearest = np.float32(most)
    return nearest if nearest <= most else np.nextafter(nearest, np.float32(-np.inf))


def _at_most(distances: F32, most: float) -> F32:
    return np.where(distances <= most, distances, np.float32(np.inf))


def _chosen(pool: Series, rows: I64) -> Series:
    chains = [pool.values[pool.starts[row] : pool.starts[row + 1]] for row in rows]
    return Series(np.concatenate(chains), np.cumsum([0, *map(len, chains)]))
