"""What arms select that know no distance: rows drawn at random, and drawn like the rows of another arm.

Draws go by a hash of each row's tie and the seed, so that they depend on neither the order nor the number of rows
beside it. A gain over `random` that is not one over `random_matched` comes from length, correctness or the like.
"""

from typing import Final

import numpy as np

from stages.select_cotp.arms import length_tenth
from stages.select_cotp.arrays import I64, U64, Chosen, PoolFacts

_STEP: Final = 0x9E3779B97F4A7C15


def random_rows(facts: PoolFacts, seed: int, *, total: int | None = None, tokens: int | None = None) -> Chosen:
    """`total` rows drawn at random, or as many as come nearest to `tokens`; the whole pool if it has no more."""
    assert (total is None) != (tokens is None)
    order = _drawn(facts, seed)
    if tokens is not None:
        sums = np.concatenate([[0], np.cumsum(facts.tokens[order])])
        total = int(np.argmin(np.abs(sums - tokens)))
    return _chosen(facts, order[:total])


def random_matched(facts: PoolFacts, selected: I64, seed: int, *, length_alone: bool = False) -> Chosen:
    """Rows drawn at random, as many as `selected` has of each tenth of length x correctness x strata.

    With `length_alone` of each tenth of length, so that what is left of a gain in right answers can be seen.

    Tenths are of the pool's lengths in tokens. Selected rows may be drawn again, hence there are always enough.

    Args:
        facts: of all rows that may be selected.
        selected: positions of the other arm's rows, each once, all in `facts`.
        seed: of the draws.
    """
    at = np.searchsorted(facts.position, selected)
    assert bool((facts.position[np.minimum(at, len(facts) - 1)] == selected).all())
    _, stratum = np.unique(facts.strata, return_inverse=True)
    cell = length_tenth(facts.tokens)
    if not length_alone:
        cell = (stratum * 3 + facts.correct + 1) * 10 + cell
    wanted = np.bincount(cell[at], minlength=int(cell.max(initial=-1)) + 1)
    order = _drawn(facts, seed)
    by_cell = order[np.argsort(cell[order], kind="stable")]
    sizes = np.bincount(cell, minlength=len(wanted))
    place_in_cell = np.arange(len(facts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keep = np.zeros(len(facts), dtype=np.bool_)
    keep[by_cell[place_in_cell < wanted[cell[by_cell]]]] = True
    return _chosen(facts, order[keep[order]])


def _drawn(facts: PoolFacts, seed: int) -> I64:
    """All rows in an order drawn at random."""
    return np.lexsort((facts.position, facts.tie, _mixed(facts.tie, seed)))


def _mixed(tie: U64, seed: int) -> U64:
    """splitmix64 of the tie, started elsewhere for each seed."""
    start = np.random.SeedSequence(seed % 2**64).generate_state(1, np.uint64)[0]
    x = (tie ^ start) + np.uint64(_STEP)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)), dtype=np.uint64)


def _chosen(facts: PoolFacts, rows: I64) -> Chosen:
    """Rows in the order drawn, which is their rank."""
    num = len(rows)
    unknown = np.full(num, np.nan)
    return Chosen(
        core=np.full(num, -1, dtype=np.int32),
        position=facts.position[rows],
        rank=np.arange(1, num + 1, dtype=np.int32),
        distance=unknown,
        d_pattern=unknown.astype(np.float32),
        d_entropy=unknown.astype(np.float32),
    )
