"""What new tests tell that the tests so far do not, as functions of arrays: mutants they kill, programs they part.

Shapes: S different programs of one task, T tests, P new tests, M mutants of the reference.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from stages.programs.consensus import consensus
from stages.programs.matrix import Bools, Ints, Matrix

LEAST_SHARE: Final = 0.6
"""Share of the weighted solutions that must pass a test that no reference vouches for. A default of ours."""


class Gain(NamedTuple):
    """A new test that is worth keeping: its number, and how many mutants and pairs it is the first to tell apart."""

    test: int
    kills: int
    separates: int


def alike(matrix: Matrix) -> Bools:
    """Which programs no test tells apart, (S, S), symmetric, a program not with itself.

    A test tells two programs apart if one passes it, the other does not, and both outcomes are known.
    """
    passes, fails = _known(matrix)
    return ~((passes @ fails.T + fails @ passes.T) > 0) & ~np.eye(len(passes), dtype=bool)


def choose(killed: Bools, matrix: Matrix, surviving: Bools, together: Bools, most: int) -> list[Gain]:
    """At most `most` of the new tests, greedily: always the one that kills most of the mutants that are left.

    Between equals, the one that parts most of the pairs that are left, then the first. `killed` (M, P), `matrix`
    (S, P), `surviving` (M,) mutants and `together` (S, S) pairs to begin with. A test that adds nothing is not chosen.
    """
    assert killed.shape == (len(surviving), matrix.passed.shape[1])
    assert together.shape == (len(matrix.passed),) * 2
    passes, fails = _known(matrix)
    surviving, together = surviving.copy(), together.copy()
    chosen: list[Gain] = []
    while len(chosen) < most:
        kills = (killed & surviving[:, None]).sum(axis=0)
        # each unordered pair once: the one that passes with the one that fails
        parted = (passes * (together.astype(np.float64) @ fails)).sum(axis=0).astype(np.int64)
        order = sorted(range(len(kills)), key=lambda test: (-kills[test], -parted[test], test))
        if not order or kills[order[0]] + parted[order[0]] == 0:
            break
        best = order[0]
        chosen.append(Gain(best, int(kills[best]), int(parted[best])))
        surviving &= ~killed[:, best]
        told = np.outer(passes[:, best], fails[:, best]) > 0
        together &= ~(told | told.T)
    return chosen


def agreed(passed: Bools, so_far: Matrix, counts: Ints) -> Bools:
    """New tests that the consensus validates, (P,): all of the best group pass, and LEAST_SHARE of the weight does.

    `passed` (S, P); `so_far` (S, T) are the tests that make the groups, `counts` (S,) says how many solutions each
    program stands for. A solution weighs its share of the best consensus score (arXiv 2207.10397, section 2.2). Where
    nothing has passed any test, there is no consensus and nothing is validated.
    """
    share = shares(so_far, counts)
    weight = share * counts
    if not weight.any():
        return np.zeros(passed.shape[1], dtype=bool)
    by_best: Bools = passed[share == 1].all(axis=0)
    # three of five must reach three fifths, whatever the last bit of their sum
    by_most: Bools = weight @ passed >= LEAST_SHARE * weight.sum() - 1e-9
    return by_best & by_most


def shares(matrix: Matrix, counts: Ints) -> "np.typing.NDArray[np.float64]":
    """Each program's share of the best consensus score, (S,), where it stands for `counts` (S,) equal solutions."""
    every = np.repeat(np.arange(len(counts)), counts)
    spread = Matrix(passed=matrix.passed[every], flaky=matrix.flaky[every], ran=matrix.ran[every])
    result = np.zeros(len(counts))
    result[every] = consensus(spread).share
    return result


def telling_pairs(together: Bools, matrix: Matrix, most: int) -> list[tuple[int, int]]:
    """At most `most` pairs that no test tells apart, each program in one: those that pass most tests first.

    Programs of which nothing is known, since they do not load, are left out while there are tests.
    """
    rate = matrix.passed.sum(axis=1)
    usable = matrix.known.any(axis=1) | (matrix.passed.shape[1] == 0)
    pairs = np.argwhere(np.triu(together) & usable[:, None] & usable[None, :])
    order = sorted(map(tuple, pairs.tolist()), key=lambda pair: (-int(rate[pair[0]]), pair))
    chosen: list[tuple[int, int]] = []
    used: set[int] = set()
    for first, second in order:
        if len(chosen) < most and not used & {first, second}:
            chosen.append((first, second))
            used |= {first, second}
    return chosen


def mutation_score(killed: Sequence[bool] | Bools, equivalent: Bools) -> float | None:
    """Share of the mutants that are killed, in [0, 1], without those taken for equivalent; None without any."""
    counted = ~equivalent | np.asarray(killed, dtype=bool)
    return float(np.asarray(killed)[counted].mean()) if counted.any() else None


def _known(matrix: Matrix) -> tuple["np.typing.NDArray[np.float64]", "np.typing.NDArray[np.float64]"]:
    """Passes and known failures as numbers, so that products count."""
    return matrix.passed.astype(np.float64), (matrix.known & ~matrix.passed).astype(np.float64)
