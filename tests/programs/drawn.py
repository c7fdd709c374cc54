"""Matrices of tests: drawn by hand, a row of characters a solution, or at random."""

import numpy as np

from stages.programs.matrix import Bools, Matrix, vector
from stages.programs.strength import Mutants

_OUTCOMES = {"1": "pass", "0": "fail", "e": "error", "?": "flaky", "-": "not_run"}


def drawn(*rows: str) -> Matrix:
    """1 pass, 0 fail, e error, ? flaky, - not run."""
    return Matrix.of([vector([_OUTCOMES[cell] for cell in row]) for row in rows])


def rows_at_random(rng: np.random.Generator, num_solutions: int, num_tests: int, odd: str = "?-") -> list[str]:
    """Solutions of different ability, tests of different difficulty, many of them alike, and a few odd cells."""
    ability, ease = rng.random((num_solutions, 1)).round(1), rng.random((1, num_tests)).round(1)
    cells = np.where(ability + ease > 1, "1", "0")
    noise = rng.random(cells.shape)
    for number, cell in enumerate(odd):
        cells[(noise > 0.05 * number) & (noise < 0.05 * (number + 1))] = cell
    return ["".join(row) for row in cells]


def bools(*rows: str) -> Bools:
    """Rows of 1 and 0."""
    return np.array([[cell == "1" for cell in row] for row in rows])


def mutants(*rows: str, equivalent: str = "") -> Mutants:
    """A row a mutant, 1 where the test kills it; `equivalent`: a character a mutant."""
    flags = [cell == "1" for cell in equivalent or "0" * len(rows)]
    return Mutants(killed=bools(*rows), equivalent=np.array(flags))
