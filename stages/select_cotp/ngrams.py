"""How unlike two pattern names are: the share of character n-grams they have in common, for all pairs of two lists.

It compares characters only; names come normalised, and which names mean the same is not known here.

Shapes: A names of the core set, B other names, K grams. A gram's second occurrence in a name is a gram of its own, and
so on; multisets are sets of these.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numba import njit

from stages.select_cotp.arrays import F32, I64

MeasureName = Literal["dice", "jaccard", "exact"]


def name_distances(core_names: Sequence[str], names: Sequence[str], measure: MeasureName = "dice") -> F32:
    """The distance of every core name to every other name, (A, B) in [0, 1]; equal names are at exactly 0.

    dice: 1 - 2 |x & y| / (|x| + |y|), jaccard: 1 - |x & y| / |x | y|, x and y the multisets of the n-grams of Unicode
    code points of two names, averaged over n = 1 and n = 2; where a name is shorter than n, that term is 0 for equal
    names and 1 for others. exact: 0 for equal names and 1 for others. The paper names n-grams of these sizes; the
    formulas are ours. Symmetric to the last bit.
    """
    if measure == "exact":
        place = {name: number for number, name in enumerate({*core_names, *names})}
        ours, others = (np.array([place[name] for name in some], dtype=np.int64) for some in (core_names, names))
        return np.not_equal.outer(ours, others).astype(np.float32)
    distances = np.empty((len(core_names), len(names)), dtype=np.float32)
    if distances.size:
        everyone = [*core_names, *names]
        _fill(_index(everyone, 1, len(core_names)), _index(everyone, 2, len(core_names)), measure == "dice", distances)
    return distances


class _Grams(NamedTuple):
    """The n-grams of all names, and where each occurs.

    Name a of the core set has the grams `grams[starts[a]:starts[a + 1]]`; gram k is in the other names
    `owners[firsts[k]:firsts[k + 1]]`, which rise; other name b has `sizes[b]` grams.
    """

    grams: I64
    starts: I64
    owners: I64
    firsts: I64
    sizes: I64


def _index(names: Sequence[str], n: int, num_core: int) -> _Grams:
    """The grams of length n (1 or 2); the first `num_core` names are the core set."""
    points = np.frombuffer("".join(names).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    lengths = np.array([len(name) for name in names], dtype=np.int64)
    owners = np.repeat(np.arange(len(names)), lengths)
    if n == 2:
        inside = owners[1:] == owners[:-1]
        points, owners = ((points[:-1] << 32) | points[1:])[inside], owners[1:][inside]
    codes = _numbered(points)
    before = _occurrence(owners, codes)
    grams = _numbered(codes * (before.max(initial=0) + 1) + before)
    sizes = np.maximum(lengths - n + 1, 0)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    split = starts[num_core]
    others = np.argsort(grams[split:], kind="stable")
    counts = np.bincount(grams[split:], minlength=int(grams.max(initial=-1)) + 1)
    return _Grams(
        grams[:split],
        starts[: num_core + 1],
        owners[split:][others] - num_core,
        np.concatenate([[0], np.cumsum(counts)]),
        sizes[num_core:],
    )


def _numbered(values: I64) -> I64:
    """A number from 0 for each distinct value."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _occurrence(owners: I64, codes: I64) -> I64:
    """How often the gram at each place came before in the same name."""
    keys = owners * (codes.max(initial=0) + 1) + codes
    order = np.argsort(keys, kind="stable")
    places = np.arange(len(order))
    is_new = np.diff(keys[order], prepend=-1) != 0
    before = np.empty(len(order), dtype=np.int64)
    before[order] = places - np.maximum.accumulate(np.where(is_new, places, 0))
    return before


@njit(nogil=True, cache=True)
def _fill(ones: _Grams, twos: _Grams, dice: bool, distances: F32) -> None:
    num_others = distances.shape[1]
    common, common_pairs = np.empty(num_others, np.int64), np.empty(num_others, np.int64)
    for a in range(distances.shape[0]):
        size = _count_common(ones, a, common)
        size_pairs = _count_common(twos, a, common_pairs)
        for b in range(num_others):
            first = _unlike(common[b], size, ones.sizes[b], dice, 0.0)
            # names with no pair of characters are equal where their single ones are
            second = _unlike(common_pairs[b], size_pairs, twos.sizes[b], dice, first)
            distances[a, b] = np.float32((first + second) / 2)


@njit(nogil=True, cache=True)
def _count_common(index: _Grams, a: int, common: I64) -> int:
    """Sets `common[b]` to the number of grams that names a and b share; returns the number of grams of a."""
    common[:] = 0
    for place in range(index.starts[a], index.starts[a + 1]):
        gram = index.grams[place]
        for k in range(index.firsts[gram], index.firsts[gram + 1]):
            common[index.owners[k]] += 1
    return int(index.starts[a + 1] - index.starts[a])


@njit(nogil=True, cache=True)
def _unlike(common: int, size: int, other: int, dice: bool, distance_if_none: float) -> float:
    """1 - the share of common grams; 1 where only one name has none; where both, 0 or 1 as `distance_if_none` is 0."""
    if size == 0 or other == 0:
        return 1.0 if size != other or distance_if_none > 0 else 0.0
    return 1 - 2 * common / (size + other) if dice else 1 - common / (size + other - common)
