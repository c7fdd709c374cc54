"""maj@k: how often the most frequent answer of k samples is right, over all choices of k; ties in expectation.

What counts as the same answer is the business of final_answer.py.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SLACK: Final = 1e-12


def majority_at_k(replies: Sequence[str | None], right: Sequence[bool], k: int) -> float:
    """The expected accuracy of the majority vote of k samples, drawn without replacement from all n of a problem.

    Exact over the C(n, k) choices (self-consistency, Wang et al., arXiv 2203.11171, whose vote is over all samples).
    Equal `replies` vote together; of equally frequent ones each wins with the same chance. A sample without an answer
    (None) takes a place but casts no vote; where none votes, the vote is wrong. Where samples of one answer are both
    right and wrong, the answer counts as the share that is right.
    """
    assert len(replies) == len(right)
    assert 1 <= k <= len(replies)
    votes: dict[str, list[bool]] = {}
    for reply, one in zip(replies, right, strict=True):
        if reply is not None:
            votes.setdefault(reply, []).append(one)
    sizes = tuple(sorted(map(len, votes.values()), reverse=True))
    silent = len(replies) - sum(sizes)
    chance = {size: _chance_to_win(size, _without(sizes, size), silent, k) for size in set(sizes)}
    return min(1.0, sum(chance[len(group)] * sum(group) / len(group) for group in votes.values() if any(group)))


@lru_cache(maxsize=65536)
def _chance_to_win(size: int, others: tuple[int, ...], silent: int, k: int) -> float:
    """The chance that the answer of `size` samples wins the vote of k, half where one other is as frequent, and so on.

    Draws without replacement are independent binomials given that k are drawn in all; with p = k / n that condition is
    never improbable, so that nothing underflows however large n is. F[u, s]: s drawn among the others, u of them tied.
    """
    n = size + sum(others) + silent
    drawn = {count: _binomial(count, k / n) for count in {size, silent, *others}}
    total = 0.0
    for most in range(1, min(size, k) + 1):
        rest = k - most
        ways = np.zeros((min(len(others), rest // most) + 1, rest + 1))
        ways[0, : silent + 1] = drawn[silent][: rest + 1]
        for count in others:
            ways = _with_class(ways, drawn[count], most)
        total += drawn[size][most] * float((ways[:, rest] / np.arange(1, len(ways) + 1)).sum())
    return total / float(_binomial(n, k / n)[k])


def _with_class(ways: NDArray[np.float64], drawn: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """`ways` after a further answer, of which fewer than `most` are drawn, or as many, which is a tie."""
    width = ways.shape[1]
    after = np.zeros_like(ways)
    for few in range(min(most, len(drawn), width)):
        after[:, few:] += ways[:, : width - few] * drawn[few]
    if most < len(drawn) and most < width and len(ways) > 1:
        after[1:, most:] += ways[:-1, : width - most] * drawn[most]
    return after


@lru_cache(maxsize=4096)
def _binomial(n: int, p: float) -> NDArray[np.float64]:
    """The chances of 0 to n successes of n tries (n + 1,)."""
    if p > 1 - _SLACK:
        return np.asarray(np.eye(n + 1)[n])
    counts = np.arange(1, n + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(n + 1 - counts) - np.log(counts) + np.log(p) - np.log1p(-p))])
    return np.asarray(np.exp(logs + n * np.log1p(-p)))


def _without(sizes: tuple[int, ...], size: int) -> tuple[int, ...]:
    place = sizes.index(size)
    return sizes[:place] + sizes[place + 1 :]
