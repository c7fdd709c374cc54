"""McNemar's exact p-value in fractions."""

from fractions import Fraction
from math import comb


def mcnemar(only_first: int, only_second: int) -> Fraction:
    """Twice the smaller tail of fair coin tosses, at most 1."""
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(Fraction(1), Fraction(2 * tail, 2**n))
