"""Which solutions of a task behave alike, and how much their agreement with tests and with each other says for them.

Dual execution agreement: Chen et al., "CodeT: Code Generation with Generated Tests", arXiv 2207.10397, section 2.
Shapes: S solutions, T tests.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.programs.matrix import Floats, Ints, Matrix

_DIGITS = 12
"""Of a share that are told apart: equal scores such as 3 * sqrt(2) and 1 * sqrt(18) differ in their last bit."""


class Consensus(NamedTuple):
    """The agreement score of every solution.

    `share` (S,) in [0, 1]: of the task's best score; 0 where nothing passed. `group` (S,): how many solutions have the
    same verdict vector, itself among them. `lone`: whether every solution with the best score is a group of its own,
    so that nothing but the tests speaks for it; False where nothing passed.
    """

    share: Floats
    group: Ints
    lone: bool


def groups(matrix: Matrix) -> Ints:
    """Number the solutions' verdict vectors by first appearance, (S,).

    A flaky cell is neither a pass nor a failure but a third value: left out of the comparison, it would let one
    program that passes by chance join the groups of all others.
    """
    return classes(codes(matrix))


def consensus(
    matrix: Matrix, *, weights: Floats | None = None, exponent: float = 0.5, merged: bool = False
) -> Consensus:
    """Score = tests passed * size of the group ** exponent, as a share of the task's best.

    Source: arXiv 2207.10397, section 2.2, with exponent 0.5 as in its code. Ours: `weights` (T,), not negative, count
    in place of one a test; `merged` counts tests that treat all solutions alike as one. A flaky cell is no pass.
    """
    num_tests = matrix.passed.shape[1]
    assert weights is None or (weights.shape == (num_tests,) and (weights >= 0).all())
    found = groups(matrix)
    sizes = np.bincount(found, minlength=1)[found]
    worth = np.ones(num_tests) if weights is None else weights
    if merged:
        columns = classes(codes(matrix).T)
        worth = worth / np.bincount(columns, minlength=1)[columns]
    score = (matrix.passed @ worth) * sizes**exponent
    best = score.max(initial=0.0)
    share = np.round(score / best, _DIGITS) if best > 0 else np.zeros(len(score))
    return Consensus(share, sizes, bool(best > 0 and (sizes[share == 1] == 1).all()))


def codes(matrix: Matrix) -> NDArray[np.uint8]:
    """Cells as they are told apart, (S, T): 1 for a pass, 2 for a flaky one, 0 for the rest."""
    return matrix.passed + 2 * matrix.flaky.astype(np.uint8)


def classes(rows: NDArray[np.uint8]) -> Ints:
    """Number the rows of (R, C) by their content, in the order of first appearance, (R,)."""
    numbers: dict[bytes, int] = {}
    # Several times faster than np.unique at the tens of rows that a task has.
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows], dtype=np.int64)
