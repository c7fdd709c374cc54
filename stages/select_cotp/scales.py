"""What makes pattern and entropy distances comparable: the median of each over a sample of pairs.

Which pairs are sampled depends on hashes of the ids and the seed alone, so all shards of a run draw the same ones.
Without scales lambda means nothing, for one distance is a share and the other is in nats; the paper states none.
"""

from typing import Final

import numpy as np

from stages.select_cotp.arrays import F32, I64, U64
from stages.select_cotp.splitmix import splitmix64

_MOST_CORE_ROWS: Final = 64


def sample(tie_core: U64, tie_pool: U64, seed: int, pairs: int = 4096) -> tuple[I64, I64]:
    """Rows of the core and of the whole pool, each against each, that make at least `pairs` pairs where there are such.

    `tie_core` (C,) and `tie_pool` (N,) are hashes of ids; the rows are those with the smallest hash of hash and seed,
    in that order, at most 64 of the core.
    """
    assert len(tie_core)
    core = _smallest(tie_core, seed, _MOST_CORE_ROWS)
    return core, _smallest(tie_pool, seed, -(-pairs // len(core)))


def scale(values: F32, name: str) -> tuple[float, str | None]:
    """The median of the sampled distances; 0 -> their mean; that 0 too -> 1 and a warning, which names the distance."""
    assert values.size
    exact = values.astype(np.float64).ravel()
    found = float(np.median(exact)) or float(exact.mean())
    if found > 0:
        return found, None
    return 1.0, f"All sampled {name} distances are 0; the {name} term is not scaled and will hardly tell rows apart."


def _smallest(tie: U64, seed: int, rows: int) -> I64:
    """The rows with the smallest mixed hash, which differs where hashes do; of equal ones the earlier."""
    mixed = splitmix64(tie ^ splitmix64(np.array([seed % 2**64], np.uint64)))
    near = (
        np.flatnonzero(mixed <= np.partition(mixed, rows - 1)[rows - 1]) if rows < len(mixed) else np.arange(len(mixed))
    )
    return near[np.argsort(mixed[near], kind="stable")][:rows]
