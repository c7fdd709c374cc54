"""Agreement coefficients from raw ratings, by loops over pairs of raters; exact fractions."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

Ratings = Sequence[Sequence[int]]
"""A unit a row: the categories its raters chose."""


def alpha(units: Ratings) -> Fraction | None:
    """Krippendorff's alpha from the coincidence matrix."""
    coincidences: defaultdict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for ratings in units:
        for i, left in enumerate(ratings):
            for j, right in enumerate(ratings):
                if i != j:
                    coincidences[left, right] += Fraction(1, len(ratings) - 1)
    total = sum(coincidences.values())
    margin: defaultdict[int, Fraction] = defaultdict(Fraction)
    for (left, _), value in coincidences.items():
        margin[left] += value
    observed = sum(value for (left, right), value in coincidences.items() if left != right)
    expected = sum(margin[c] * margin[k] for c in margin for k in margin if c != k)
    return None if expected == 0 else 1 - (total - 1) * observed / expected


def kappa(units: Ratings) -> Fraction | None:
    """Fleiss' kappa; with unequal numbers of raters the mean over units of agreement and of category shares."""
    paired = [ratings for ratings in units if len(ratings) > 1]
    if not paired:
        return None
    agreements = []
    for ratings in paired:
        pairs = [(a, b) for i, a in enumerate(ratings) for j, b in enumerate(ratings) if i != j]
        agreements.append(Fraction(sum(a == b for a, b in pairs), len(pairs)))
    categories = {category for ratings in paired for category in ratings}
    shares = [[Fraction(list(ratings).count(c), len(ratings)) for ratings in paired] for c in categories]
    chance = sum((sum(share, Fraction(0)) ** 2 / len(paired) ** 2 for share in shares), Fraction(0))
    return None if chance == 1 else (sum(agreements, Fraction(0)) / len(paired) - chance) / (1 - chance)
