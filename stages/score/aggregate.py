"""One score of several: what a response is worth when it is judged by more than one principle.

Log-odds are combined, not probabilities, and calibrated ones where there are any: raw log-odds of principles with
different base rates are not comparable.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from stages.rewards.model import Judgement

Rule = Literal["mean", "min", "weighted"]


class Combined(NamedTuple):
    """The combined log-odds, and their probability where they rest on calibrated ones."""

    score: float
    p_yes: float | None


def combine(judgements: Sequence[Judgement], weights: Sequence[float], rule: Rule) -> Combined:
    """Combine the judgements of one response, at least one; `weights` are used by "weighted" alone.

    mean: average. min: a soft "and", as good as the worst principle. weighted: sum of w s / sum of w.
    """
    assert len(judgements) == len(weights) > 0
    probabilities = [judgement.p_yes for judgement in judgements]
    calibrated = [logit(p) for p in probabilities if p is not None]
    if len(calibrated) < len(judgements):
        return Combined(_RULES[rule]([judgement.score for judgement in judgements], weights), None)
    score = _RULES[rule](calibrated, weights)
    return Combined(score, sigmoid(score))


def logit(p: float) -> float:
    """The log-odds of a probability, kept off 0 and 1 by the smallest steps that a double takes there."""
    kept = min(max(p, _LEAST), 1 - _LEAST_BELOW_ONE)
    return math.log(kept) - math.log1p(-kept)


def sigmoid(log_odds: float) -> float:
    """The probability of log-odds of any size."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


_LEAST: Final = 5e-324
_LEAST_BELOW_ONE: Final = 2.0**-53


def _mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(scores) / len(scores)


def _smallest(scores: Sequence[float], weights: Sequence[float]) -> float:
    return min(scores)


def _weighted(scores: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(w * s for w, s in zip(weights, scores, strict=True)) / math.fsum(weights)


_RULES: Final[Mapping[Rule, Callable[[Sequence[float], Sequence[float]], float]]] = {
    "mean": _mean,
    "min": _smallest,
    "weighted": _weighted,
}
