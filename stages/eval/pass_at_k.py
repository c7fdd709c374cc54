"""pass@k: how often one of k samples is right.

Shapes: N problems.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DataError
from stages.eval.attempts import Attempts, counts
from stages.eval.measured import Measured, grouped_means


def pass_at_k(num: NDArray[np.int64], right: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """The chance that k samples of each problem, drawn without replacement, include a right one (N,).

    1 - C(n - c, k) / C(n, k) with n = num samples (N,), c = right ones among them (N,): the unbiased estimate of pass@k
    (Chen et al., arXiv 2107.03374), computed as a product. Assumes k <= n for every problem.
    """
    assert num.shape == right.shape
    assert ((right >= 0) & (right <= num)).all()
    assert (num >= k).all()
    none = np.ones(len(num))
    for drawn in range(k):
        none *= (num - right - drawn) / (num - drawn)  # once 0, it stays so
    return 1 - none


def measure(items: Sequence[Attempts], ks: Sequence[int] = ()) -> Measured:
    """The mean of pass@k over problems for each k of `ks`; where that is empty, of `sizes`.

    Raises:
        DataError: a problem has fewer samples than the largest k.
    """
    num, right = counts(items)
    check_ks(num, ks)
    return grouped_means({f"pass@{k}": pass_at_k(num, right, k) for k in ks or sizes(int(num.min()))})


def check_ks(num: NDArray[np.int64], ks: Sequence[int]) -> None:
    """Raise DataError where a problem has fewer samples, `num` (N,), than the largest k."""
    fewest = int(num.min())
    if ks and max(ks) > fewest:
        short = int((num < max(ks)).sum())
        raise DataError(
            f"--k names {max(ks)}, but {short:,} of the {len(num):,} problems have fewer samples, the fewest {fewest}; "
            f"name no k above {fewest}, or leave those problems out."
        )


def sizes(n: int) -> list[int]:
    """Powers of two and of ten up to n, and n."""
    powers = {base**power for base in (2, 10) for power in range(n.bit_length())}
    return sorted({k for k in powers if k < n} | {n})
