"""Best-of-k and pass@k by trying every choice of k samples."""

from collections.abc import Sequence
from itertools import combinations


def best_of_k(correct: Sequence[bool], scores: Sequence[float], k: int) -> float:
    """The share of choices whose highest score, the earlier on a tie, is right."""
    choices = list(combinations(range(len(correct)), k))
    return sum(correct[max(choice, key=lambda place: (scores[place], -place))] for choice in choices) / len(choices)


def pass_at_k(correct: Sequence[bool], k: int) -> float:
    """The share of choices with a right sample among them."""
    choices = list(combinations(correct, k))
    return sum(any(choice) for choice in choices) / len(choices)
