"""Entropy of one tabular softmax, its change by a step on the logits, and the classes of tokens, by loops."""

import math
from collections.abc import Sequence


def softmax(logits: Sequence[float]) -> list[float]:
    most = max(logits)
    weights = [math.exp(z - most) for z in logits]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def entropy(p: Sequence[float]) -> float:
    return -math.fsum(x * math.log(x) for x in p if x > 0)


def step_change(logits: Sequence[float], step: Sequence[float]) -> float:
    """The true change of entropy when `step` is added to the logits."""
    after = [z + d for z, d in zip(logits, step, strict=True)]
    return entropy(softmax(after)) - entropy(softmax(logits))


def token_step(logits: Sequence[float], tokens: Sequence[int], coefficients: Sequence[float]) -> list[float]:
    """What sampled tokens add to the logits: the sum of c (e_a - p)."""
    p = softmax(logits)
    step = [-sum(coefficients) * x for x in p]
    for token, c in zip(tokens, coefficients, strict=True):
        step[token] += c
    return step


def covariance(p: Sequence[float], advantage: Sequence[float]) -> float:
    """Cov under p of ln p(a) and p(a) A(a)."""
    mean_log = math.fsum(x * math.log(x) for x in p)
    mean_push = math.fsum(x * x * a for x, a in zip(p, advantage, strict=True))
    both = math.fsum(x * math.log(x) * x * a for x, a in zip(p, advantage, strict=True))
    return both - mean_log * mean_push


def classes(rows: Sequence[tuple[float, float, float, float, float, bool]]) -> dict[str, list[int]]:
    """Numbers of the tokens of each class; a row is p, H, sum p^2, sum p^2 ln p, advantage, whether it is inside."""
    found: dict[str, list[int]] = {}
    for number, (p, h, squares, logs, advantage, inside) in enumerate(rows):
        if advantage == 0:
            name = "zero"
        else:
            low = p * (math.log(p) + h) < logs + h * squares
            name = f"{'PA' if advantage > 0 else 'NA'}-{'LP' if low else 'HP'}-{'in' if inside else 'out'}"
        found.setdefault(name, []).append(number)
    return found
