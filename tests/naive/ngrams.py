"""The distance of two names with multisets, a pair at a time."""

from collections import Counter


def distance(first: str, second: str, measure: str) -> float:
    """dice, jaccard or exact."""
    if measure == "exact":
        return float(first != second)
    return sum(_term(first, second, size, measure) for size in (1, 2)) / 2


def _term(first: str, second: str, size: int, measure: str) -> float:
    if min(len(first), len(second)) < size:
        return float(first != second)
    ours, theirs = _grams(first, size), _grams(second, size)
    common = (ours & theirs).total()
    if measure == "dice":
        return 1 - 2 * common / (ours.total() + theirs.total())
    return 1 - common / (ours | theirs).total()


def _grams(name: str, size: int) -> "Counter[str]":
    return Counter(name[place : place + size] for place in range(len(name) - size + 1))
