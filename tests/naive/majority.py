"""The obviously right twin of majority.py: all choices of k samples, each voted on."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations


def majority_at_k(replies: Sequence[str | None], right: Sequence[bool], k: int) -> float:
    """The mean over all choices of k of the chance that the winner of the vote is right."""
    share = {
        reply: Fraction(sum(one for other, one in zip(replies, right, strict=True) if other == reply), count)
        for reply, count in Counter(replies).items()
    }
    choices = list(combinations(range(len(replies)), k))
    total = Fraction(0)
    for chosen in choices:
        votes = Counter(replies[place] for place in chosen if replies[place] is not None)
        winners = [reply for reply, count in votes.items() if count == max(votes.values())]
        if winners:
            total += sum((share[reply] for reply in winners), Fraction(0)) / len(winners)
    return float(total / len(choices))
