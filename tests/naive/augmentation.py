"""Slow twins of stages/verify_code/gain.py: cell by cell, pair by pair."""

import itertools
import math
from collections import Counter

from stages.programs.matrix import Matrix


def told_apart(matrix: Matrix, first: int, second: int) -> bool:
    """Whether a test has two known outcomes that differ."""
    return any(
        matrix.ran[first, test]
        and matrix.ran[second, test]
        and not matrix.flaky[first, test]
        and not matrix.flaky[second, test]
        and matrix.passed[first, test] != matrix.passed[second, test]
        for test in range(matrix.passed.shape[1])
    )


def one_test(matrix: Matrix, test: int) -> Matrix:
    return Matrix(passed=matrix.passed[:, [test]], flaky=matrix.flaky[:, [test]], ran=matrix.ran[:, [test]])


def choose(
    killed: list[list[bool]], matrix: Matrix, surviving: set[int], together: set[tuple[int, int]], most: int
) -> list[tuple[int, int, int]]:
    """(test, kills, separates) of the tests that are worth keeping; `together` holds pairs (i, j) with i < j."""
    chosen: list[tuple[int, int, int]] = []
    surviving, together = set(surviving), set(together)
    while len(chosen) < most:
        best, best_worth = None, (0, 0)
        for test in range(matrix.passed.shape[1]):
            kills = sum(killed[mutant][test] for mutant in surviving)
            parted = sum(told_apart(one_test(matrix, test), *pair) for pair in together)
            if (kills, parted) > best_worth:
                best, best_worth = test, (kills, parted)
        if best is None:
            break
        chosen.append((best, *best_worth))
        surviving = {mutant for mutant in surviving if not killed[mutant][best]}
        together = {pair for pair in together if not told_apart(one_test(matrix, best), *pair)}
    return chosen


def pairs_together(matrix: Matrix) -> set[tuple[int, int]]:
    return {pair for pair in itertools.combinations(range(len(matrix.passed)), 2) if not told_apart(matrix, *pair)}


def agreed(passed: list[list[bool]], so_far: Matrix, counts: list[int]) -> list[bool]:
    """Every solution written out as often as it occurs; score = passed * sqrt(size of its group)."""
    every = [program for program, count in enumerate(counts) for _ in range(count)]
    vectors = [tuple((so_far.passed[p] + 2 * so_far.flaky[p]).tolist()) for p in every]
    sizes = Counter(vectors)
    scores = [so_far.passed[p].sum() * math.sqrt(sizes[vector]) for p, vector in zip(every, vectors, strict=True)]
    best = max(scores, default=0.0)
    result = []
    for test in range(len(passed[0]) if passed else 0):
        of_best = [passed[p][test] for p, score in zip(every, scores, strict=True) if math.isclose(score, best)]
        for_it = sum(score for p, score in zip(every, scores, strict=True) if passed[p][test])
        result.append(best > 0 and all(of_best) and for_it >= 0.6 * sum(scores) - 1e-9)
    return result
