"""What arms select that know no distance: rows drawn at random, and drawn like the rows of another arm.

Draws go by a hash of each row's tie and the seed, so that they depend on neither the order nor the number of rows
beside it. A gain over `random` that is not one over `random_matched` comes from length, correctness or the like.
"""

import numpy as np

from stages.select_cotp.arms import length_tenth
from stages.select_cotp.arrays import I64, Chosen, PoolFacts
from stages.select_cotp.splitmix import splitmix64


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
    start = np.random.SeedSequence(seed % 2**64).generate_state(1, np.uint64)[0]
    return np.lexsort((facts.position, facts.tie, splitmix64(facts.tie ^ start)))


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
