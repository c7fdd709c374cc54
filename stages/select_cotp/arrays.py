"""The arrays that kernels, search, assignment and arms pass to each other. They hold no text and no paths.

Shapes: C core rows, P rows of a block of the pool, N rows of the whole pool, E edges (candidate pairs), L bins.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Bools = NDArray[np.bool_]


class Codes(NamedTuple):
    """Pattern chains of several rows, one behind the other: row i has the names `values[starts[i]:starts[i + 1]]`.

    `values` (total,) int32 are places in a list of names, `starts` (rows + 1,) int64 begin with 0. No chain is empty.
    """

    values: I32
    starts: I64

    def __len__(self) -> int:
        return len(self.starts) - 1


class Series(NamedTuple):
    """Entropy chains of several rows in nats, one behind the other as in `Codes`; finite, none empty.

    `values` (total,) float32. Where all chains have one length L, `values.reshape(-1, L)` is the matrix.
    """

    values: F32
    starts: I64

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def length(self) -> int | None:
        """The one length of all chains; None where they differ."""
        lengths = np.diff(self.starts)
        return int(lengths[0]) if len(lengths) and bool((lengths == lengths[0]).all()) else None


class Block(NamedTuple):
    """Some rows of the pool.

    `position` (P,): their numbers in the whole pool, in input order. `tie` (P,): a hash of each id, which breaks ties.
    `shortfall` (P,): 1 - utility, in [0, 1]; zeros without a utility. A chain that no objective uses is None.
    """

    position: I64
    tie: U64
    patterns: Codes | None
    entropy: Series | None
    shortfall: F64

    def __len__(self) -> int:
        return len(self.position)


class Objective(NamedTuple):
    """A distance D = of_pattern * d_pattern + of_entropy * d_entropy + of_shortfall * shortfall; all factors >= 0.

    Scales and lambda are in the factors. A term whose factor is 0 is not looked at.
    """

    name: str
    of_pattern: float
    of_entropy: float
    of_shortfall: float = 0.0


class Candidates(NamedTuple):
    """Nearest pool rows of each core row under one objective, sorted by (core, distance, tie, position); all (E,).

    `distance` is float64, computed from the float32 parts; a part that was not computed is NaN.
    """

    core: I32
    position: I64
    tie: U64
    distance: F64
    d_pattern: F32
    d_entropy: F32

    def __len__(self) -> int:
        return len(self.core)

    def take(self, places: Bools | I64) -> "Candidates":
        """Some of the pairs, by their places or as a mask."""
        return Candidates(
            self.core[places],
            self.position[places],
            self.tie[places],
            self.distance[places],
            self.d_pattern[places],
            self.d_entropy[places],
        )


class Chosen(NamedTuple):
    """Selected rows of one arm, each pool row once, sorted by (core, rank); all (S,).

    `core` is -1 and `distance` NaN for arms that know no core row; `rank` counts from 1 within a core row.
    """

    core: I32
    position: I64
    rank: I32
    distance: F64
    d_pattern: F32
    d_entropy: F32

    def __len__(self) -> int:
        return len(self.position)


class PoolFacts(NamedTuple):
    """What is known of every row of the pool that may be selected; all (N,), in the order of `position`.

    `position` rises strictly. `tokens` and `chars` are lengths of the completion, `correct` is 1, 0, or -1 where it is
    not known, `question` and `strata` are numbers of what rows share: the question, and the values of `--match-by`.
    """

    position: I64
    tie: U64
    tokens: I64
    chars: I64
    correct: NDArray[np.int8]
    question: I64
    strata: I64
    shortfall: F64

    def __len__(self) -> int:
        return len(self.position)


def taken_codes(codes: Codes | None, weights: F32 | None, rows: I64) -> tuple[Codes | None, F32]:
    """The chains of some rows, with their weights."""
    if codes is None or weights is None:
        return None, np.zeros(0, dtype=np.float32)
    places, starts = _places(codes.starts, rows)
    return Codes(codes.values[places], starts), weights[places]


def taken_series(series: Series | None, rows: I64) -> Series | None:
    """The entropy chains of some rows."""
    if series is None:
        return None
    places, starts = _places(series.starts, rows)
    return Series(series.values[places], starts)


def _places(starts: I64, rows: I64) -> tuple[I64, I64]:
    lengths = np.diff(starts)[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.arange(ends[-1]) - np.repeat(ends[:-1], lengths) + np.repeat(starts[rows], lengths), ends


def tie_of(id_: str) -> int:
    """The 64-bit hash of a row's id by which ties are broken: the first 8 bytes of its blake2b, big-endian."""
    return int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=8).digest(), "big")
