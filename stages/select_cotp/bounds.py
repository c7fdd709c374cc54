"""Which pairs can still be among the nearest, before and after their entropy distance is known.

Lower bounds of the entropy distance that hold in float32 as the kernels round it, so that a pair is left out only if
its distance, as it would be computed, is above the worst that its heap holds. Everything is compiled and drops the GIL.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit

from stages.select_cotp.arrays import F32, F64, I32, I64, Series

Real: TypeAlias = float | np.float32

# A float32 sum of costs >= 0 never falls below the rounded sum of two of them, whatever its length; what is left is the
# rounding of the division.
_ENDS_HOLD: Final = 1 - 1e-5
# Half a unit in the last place, for each addition along the path and in the bound, twice over.
_ROUNDING: Final = 2.4e-7


class Ends(NamedTuple):
    """First value, last value and length of several entropy chains, all (rows,)."""

    first: F32
    last: F32
    length: I64


class Envelope(NamedTuple):
    """Smallest and largest value of each core chain within the band around each place, both (C, L); (0, 0) for none."""

    low: F32
    high: F32


NO_MATRIX: Final = np.empty((0, 0), np.float32)
NO_ENVELOPE: Final = Envelope(NO_MATRIX, NO_MATRIX)


class Offers(NamedTuple):
    """Room for pairs that may enter a heap, all (room,); `row` counts within the block."""

    core: I32
    row: I64
    distance: F64
    d_pattern: F32
    d_entropy: F32


class Left(NamedTuple):
    """What bounds leave of some core rows: of the k-th of `core`, the pool rows `rows[starts[k]:starts[k + 1]]`.

    None of them enters a heap if its entropy distance is above `most[k]`.
    """

    core: range
    rows: I64
    starts: list[int]
    most: list[float]


def ends(chains: Series) -> Ends:
    """What the bound by the ends needs of each chain."""
    return Ends(chains.values[chains.starts[:-1]], chains.values[chains.starts[1:] - 1], np.diff(chains.starts))


def envelope(core: Series, radius: int | None) -> Envelope:
    """The envelope of LB_Keogh (Keogh and Ratanamahatana 2005) of core chains of one length L; no radius: no band."""
    length = core.length
    assert length is not None
    values = core.values.reshape(-1, length)
    return Envelope(*_envelope(values, length if radius is None else radius))


def left_by_bounds(
    factors: F64, worst: F64, d_pattern: F32, shortfall: F64, core: Series, pool: Series, around: Envelope, room: int
) -> Iterator[Left]:
    """The pairs whose entropy distance matters, for some core rows after the others; arguments as in `survivors`.

    At most `room` pairs come at a time, or those of one core row; the next ones overwrite them.
    """
    num_core = len(core)
    core_ends, pool_ends = ends(core), ends(pool)
    rows, starts = np.empty(max(room, len(pool)), np.int64), np.empty(num_core + 1, np.int64)
    most = np.empty(num_core)
    done = 0
    while done < num_core:
        first = done
        done = survivors(
            factors, worst, d_pattern, shortfall, core_ends, pool_ends, around, pool.values, first, rows, starts, most
        )
        # rounded up, so that nothing is lost where a kernel compares in float32
        limits = np.nextafter(most[first:done].astype(np.float32), np.float32(np.inf))
        yield Left(range(first, done), rows, starts[first : done + 1].tolist(), limits.tolist())


@njit(nogil=True, cache=True)
def distance(
    of_pattern: float, of_entropy: float, of_shortfall: float, pattern: Real, entropy: Real, shortfall: float
) -> float:
    """The distance of a pair in float64; a term with factor 0 is not looked at.

    Every use of it, with a distance or a lower bound of it, adds in the same order: rounding keeps what is smaller
    smaller, so a bound never exceeds the distance it bounds.
    """
    total = 0.0
    if of_pattern > 0:
        total += of_pattern * float(pattern)
    if of_entropy > 0:
        total += of_entropy * float(entropy)
    if of_shortfall > 0:
        total += of_shortfall * shortfall
    return total


@njit(nogil=True, cache=True)
def offer(
    factors: F64, worst: F64, d_pattern: F32, d_entropy: F32, shortfall: F64, core: int, out: Offers
) -> tuple[int, int]:
    """Collect the pairs not above `worst` (C,), from core row `core` on, as long as `out` has room for a whole row.

    `factors` (3,) are those of one `Objective`; `d_pattern` and `d_entropy` are (C, P), or (0, 0) where the objective
    does not use them: these parts are NaN in `out`. Returns how many pairs there are
    and the first core row that is not done.
    """
    num_core, num_pool = len(worst), len(shortfall)
    p = e = np.float32(np.nan)
    count = 0
    while core < num_core and count + num_pool <= len(out.core):
        for r in range(num_pool):
            if factors[0] > 0:
                p = d_pattern[core, r]
            if factors[1] > 0:
                e = d_entropy[core, r]
            d = distance(factors[0], factors[1], factors[2], p, e, shortfall[r])
            if d <= worst[core]:
                out.core[count], out.row[count], out.distance[count] = core, r, d
                out.d_pattern[count], out.d_entropy[count] = p, e
                count += 1
        core += 1
    return count, core


@njit(nogil=True, cache=True)
def survivors(
    factors: F64,
    worst: F64,
    d_pattern: F32,
    shortfall: F64,
    core_ends: Ends,
    pool_ends: Ends,
    around: Envelope,
    pool: F32,
    core: int,
    rows: I64,
    starts: I64,
    most: F64,
) -> int:
    """Find the pairs whose entropy distance matters, from core row `core` on, while `rows` has room for a whole row.

    `factors` (O, 3) and `worst` (O, C) are of the objectives with an entropy term. Those of core row c are
    `rows[starts[c]:starts[c + 1]]`; none of them enters a heap if its entropy distance is above `most[c]`. With an
    envelope, `pool` holds the chains one behind the other and what the ends leave is also held against LB_Keogh.
    Returns the first core row that is not done.
    """
    num_core, num_pool = worst.shape[1], len(shortfall)
    p = np.float32(0)
    count = 0
    while core < num_core and count + num_pool <= len(rows):
        starts[core] = count
        most[core] = -np.inf
        worsts = np.ascontiguousarray(worst[:, core])
        for r in range(num_pool):
            if len(d_pattern):
                p = d_pattern[core, r]
            low = _by_ends(core_ends, core, pool_ends, r)
            slack = _slack(factors, worsts, p, low, shortfall[r])
            if slack >= 0 and len(around.low):
                low = max(low, _by_envelope(around.low[core], around.high[core], pool, r))
                slack = _slack(factors, worsts, p, low, shortfall[r])
            if slack >= 0:
                most[core] = max(most[core], slack)
                rows[count] = r
                count += 1
        core += 1
        starts[core] = count
    return core


@njit(nogil=True, cache=True)
def _slack(factors: F64, worst: F64, pattern: Real, low: float, shortfall: float) -> float:
    """The largest entropy distance with which a pair may enter any heap, rounded up; -1 if it enters none."""
    most = -1.0
    for o in range(len(factors)):
        of_entropy = factors[o, 1]
        if distance(factors[o, 0], of_entropy, factors[o, 2], pattern, low, shortfall) <= worst[o]:
            rest = worst[o] - distance(factors[o, 0], 0.0, factors[o, 2], pattern, 0.0, shortfall)
            # the difference may have lost digits, by far fewer than this
            most = max(most, (rest + 1e-9 * abs(worst[o])) / of_entropy * (1 + 1e-6))
    return most


@njit(nogil=True, cache=True)
def _by_ends(core: Ends, c: int, pool: Ends, r: int) -> float:
    """A path passes its first and its last cell, which are one only if both chains have one value."""
    longer = max(core.length[c], pool.length[r])
    total = np.float64(abs(core.first[c] - pool.first[r]))
    if longer > 1:
        total += abs(core.last[c] - pool.last[r])
    return float(total / longer * _ENDS_HOLD)


# a bound with room for rounding: its terms, all finite, may be added in any order, so in vectors
@njit(nogil=True, cache=True, fastmath={"reassoc", "nnan", "nsz"})
def _by_envelope(low: F32, high: F32, pool: F32, r: int) -> float:
    """LB_Keogh: a path passes each place of the pool's chain, at no less than its way to the envelope."""
    length = len(low)
    chain = pool[r * length : (r + 1) * length]
    total = np.float32(0)
    for j in range(length):
        above, below = chain[j] - high[j], low[j] - chain[j]
        out = above if above > below else below
        total += out if out > np.float32(0) else np.float32(0)
    return float(total) / length * (1 - _ROUNDING * (2 * length + 16))


@njit(nogil=True, cache=True)
def _envelope(values: F32, radius: int) -> tuple[F32, F32]:
    low, high = np.empty_like(values), np.empty_like(values)
    length = values.shape[1]
    for c in range(len(values)):
        for j in range(length):
            near = values[c, max(0, j - radius) : min(length, j + radius + 1)]
            low[c, j], high[c, j] = near.min(), near.max()
    return low, high
