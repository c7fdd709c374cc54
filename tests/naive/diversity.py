"""Farthest-first traversal with lists, one distance at a time."""

from collections.abc import Sequence

from stages.core.minhash import similarity


def farthest_first(signatures: Sequence[bytes], cluster: Sequence[int], scores: Sequence[float], n: int) -> list[int]:
    """Places in order of choice; of equally far and equally good ones the first, so inputs should have no such."""
    ahead = [place for place in range(len(scores)) if _is_best(place, cluster, scores)]
    chosen: list[int] = []
    while ahead and len(chosen) < n:
        far = [min((1 - similarity(signatures[one], signatures[c]) for c in chosen), default=0) for one in ahead]
        best = max(range(len(ahead)), key=lambda at: (far[at], scores[ahead[at]], -ahead[at]))
        chosen.append(ahead.pop(best))
    return chosen


def _is_best(place: int, cluster: Sequence[int], scores: Sequence[float]) -> bool:
    others = [one for one in range(len(scores)) if cluster[one] == cluster[place] and one != place]
    return all(scores[one] < scores[place] or (scores[one] == scores[place] and one > place) for one in others)
