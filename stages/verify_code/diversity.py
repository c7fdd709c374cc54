"""Which of a task's kept programs stay, so that they differ: equal ones once, then the farthest from those chosen.

"Verification Limits Code LLM Training" (arXiv 2509.20837) keeps several diverse correct programs a problem; how is not
published, this way is ours. Shapes: N programs of one task.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.core.minhash import distances
from stages.programs.matrix import Floats, Ints


class Diversity(NamedTuple):
    """How diverse programs are: how many, how many clusters of equal ones, and the mean of 1 - similarity over pairs.

    The mean is None for fewer than two programs.
    """

    programs: int
    clusters: int
    mean_distance: float | None


def clusters(digests: Sequence[str | None]) -> Ints:
    """The number of each program's cluster (N,), from 0 in order of appearance; -1 where there is no digest."""
    numbers: dict[str, int] = {}
    return np.array(
        [-1 if one is None else numbers.setdefault(one, len(numbers)) for one in digests],
        dtype=np.int64,
    )


def farthest_first(signatures: Sequence[bytes], cluster: Ints, scores: Floats, n: int, *, seed: int = 0) -> list[int]:
    """At most n places among the programs, in the order in which they are chosen.

    First the program with the highest score, of equal ones the first; then again and again the one whose least distance
    from all chosen is largest, which is a 2-approximation of the most dispersed choice (Gonzalez, 1985). Of equally far
    ones the higher score wins, then a draw. Each cluster gives one program, its best.

    Args:
        signatures: MinHash signatures (N,), all of one seed.
        cluster: numbers of clusters (N,), none -1.
        scores: higher is better (N,); a NaN counts as lowest.
        n: most programs to choose.
        seed: of the draws.
    """
    assert len(signatures) == len(cluster) == len(scores)
    assert n >= 1
    assert (cluster >= 0).all()
    score = np.where(np.isnan(scores), -np.inf, scores)
    # the best of each cluster, of equal ones the first
    order = np.lexsort((np.arange(len(score)), -score))
    _, firsts = np.unique(cluster[order], return_index=True)
    ahead = np.sort(order[firsts])
    if not len(ahead):
        return []
    apart = distances([signatures[place] for place in ahead])
    drawn = np.random.default_rng(seed).permutation(len(ahead))
    chosen = [int(np.argmax(score[ahead]))]
    least = apart[chosen[0]].copy()
    while len(chosen) < min(n, len(ahead)):
        least[chosen] = -1
        following = int(np.lexsort((drawn, -score[ahead], -least))[0])
        chosen.append(following)
        least = np.minimum(least, apart[following])
    return [int(ahead[place]) for place in chosen]


def measure(signatures: Sequence[bytes], cluster: Ints) -> Diversity:
    """How diverse programs are, given signatures (N,) and numbers of clusters (N,)."""
    assert len(signatures) == len(cluster)
    num = len(signatures)
    mean = float(distances(signatures)[np.triu_indices(num, 1)].mean()) if num > 1 else None
    return Diversity(num, len(set(cluster.tolist())), mean)
