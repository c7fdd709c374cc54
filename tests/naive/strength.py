"""Strength of tests from its definitions, slow: cells as characters, `statistics`, loops over pairs."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from statistics import correlation, mean

from tests.naive import program_consensus


def number_of_tests(rows: Sequence[str]) -> int:
    return len(rows[0]) if rows else 0


def validity(rows: Sequence[str]) -> list[float]:
    """Share of the consensus scores, of solutions for which the test is known, that passes."""
    tests = number_of_tests(rows)
    shares = program_consensus.shares(rows, [1.0] * tests, 0.5, merged=False)
    found = []
    for t in range(tests):
        whole = sum(share for share, row in zip(shares, rows, strict=True) if row[t] in "01")
        passing = sum(share for share, row in zip(shares, rows, strict=True) if row[t] == "1")
        found.append(passing / whole if whole else 0.0)
    return found


def related(rows: Sequence[str]) -> list[float]:
    """Point-biserial correlation of each test with the rate over the others, NaN where it is not defined."""
    found = []
    for t in range(number_of_tests(rows)):
        points = []
        for row in rows:
            others = [cell for place, cell in enumerate(row) if place != t and cell in "01"]
            if row[t] in "01" and others:
                points.append((int(row[t]), Fraction(others.count("1"), len(others))))
        items, rates = [x for x, _ in points], [y for _, y in points]
        varies = len(set(items)) > 1 and len(set(rates)) > 1
        found.append(correlation(items, [float(rate) for rate in rates]) if varies else math.nan)
    return found


def apart(one: str, other: str, t: int) -> bool:
    return {one[t], other[t]} == {"0", "1"}


def separation(rows: Sequence[str]) -> list[float]:
    """Of the pairs that differ anywhere, those that differ here."""
    tests = range(number_of_tests(rows))
    pairs = [(a, b) for a, b in combinations(rows, 2) if any(apart(a, b, t) for t in tests)]
    return [mean(apart(a, b, t) for a, b in pairs) if pairs else math.nan for t in tests]


def alike(rows: Sequence[str], kills: Sequence[str]) -> list[int]:
    """How many tests have the same outcomes, over solutions and mutants."""
    columns = [[program_consensus.told(row[t]) for row in [*rows, *kills]] for t in range(number_of_tests(rows))]
    return [columns.count(column) for column in columns]


def weights(valid: Sequence[float], worth: Sequence[float], same: Sequence[int]) -> list[float]:
    """Validity times worth, shared in a class, over their sum; all the same if all would be nothing."""
    each = [v * w / n for v, w, n in zip(valid, worth, same, strict=True)]
    return [one / sum(each) if sum(each) else 1 / len(each) for one in each]


def covers(rows: Sequence[str], kills: Sequence[str], tests: Sequence[int]) -> set[tuple[str, int, int]]:
    """All that some tests say: mutants killed, and pairs told apart."""
    killed = {("kill", m, m) for m, t in product(range(len(kills)), tests) if kills[m][t] == "1"}
    return killed | {
        ("pair", i, j) for (i, a), (j, b) in combinations(enumerate(rows), 2) if any(apart(a, b, t) for t in tests)
    }
