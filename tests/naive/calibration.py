"""Calibration figures by loops over rows and pairs."""

from collections.abc import Sequence
from itertools import pairwise


def ece(p: Sequence[float], labels: Sequence[bool], bins: int = 15) -> float:
    """Expected calibration error; rows of equal p share their mean label."""
    return bin_error(cut(p, labels, bins))


def cut(p: Sequence[float], labels: Sequence[bool], bins: int) -> list[list[tuple[float, float]]]:
    """The rows, as (p, label), of each equal-mass bin that has any."""
    shared = []
    for value in sorted(p):
        alike = [label for other, label in zip(p, labels, strict=True) if other == value]
        shared.append((value, sum(alike) / len(alike)))
    n = len(shared)
    parts = [shared[number * n // bins : (number + 1) * n // bins] for number in range(bins)]
    return [part for part in parts if part]


def bin_error(parts: list[list[tuple[float, float]]]) -> float:
    """The mean over rows of the bins' gaps."""
    total = sum(len(part) for part in parts)
    error = 0.0
    for part in parts:
        mean_p = sum(p for p, _ in part) / len(part)
        mean_label = sum(label for _, label in part) / len(part)
        error += len(part) / total * abs(mean_p - mean_label)
    return error


def sweep(p: Sequence[float], labels: Sequence[bool]) -> float:
    """Error with the most bins whose mean labels rise."""
    best = cut(p, labels, 1)
    for bins in range(2, min(len(p), 100) + 1):
        parts = cut(p, labels, bins)
        means = [sum(label for _, label in part) / len(part) for part in parts]
        if any(right < left - 1e-12 for left, right in pairwise(means)):
            break
        best = parts
    return bin_error(best)


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Every yes against every no."""
    yes = [score for score, label in zip(scores, labels, strict=True) if label]
    no = [score for score, label in zip(scores, labels, strict=True) if not label]
    points = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in yes for b in no)
    return points / (len(yes) * len(no))
