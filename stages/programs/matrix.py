"""The solution x test matrix of one task.

Shapes: S solutions, T tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLAKY: Final = "flaky"
"""The outcome of a test that passed in one run of a program and not in another; else outcomes are the sandbox's."""

_CODES: Final = ("pass", "fail", "error", "timeout", "memory", "crash", "not_plain", "output_limit", "protocol_error")
_NOT_RUN: Final = "not_run"
OUTCOMES: Final = (*_CODES, _NOT_RUN, FLAKY)
"""All outcomes of a cell; a stored vector of outcomes has one byte a test, the place in this tuple."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """What became of every test of a task under every solution, all (S, T).

    `passed`: whether the cell is a pass. `flaky`: whether runs disagreed, so that the cell counts for nothing. `ran`:
    whether the test was run at all; one that was not is no pass, but says nothing about the test.
    """

    passed: Bools
    flaky: Bools
    ran: Bools

    def __post_init__(self) -> None:
        assert self.passed.ndim == 2
        assert self.passed.shape == self.flaky.shape == self.ran.shape
        assert not (self.passed & (self.flaky | ~self.ran)).any()

    @property
    def counted(self) -> Bools:
        """Cells that count in rates, (S, T): all but flaky ones."""
        return ~self.flaky

    @property
    def known(self) -> Bools:
        """Cells that say something about the test, (S, T): neither flaky nor left out."""
        return self.ran & ~self.flaky

    @classmethod
    def of(cls, vectors: Sequence[bytes]) -> Self:
        """The matrix of stored vectors, one a solution, all of one length."""
        assert len({len(vector) for vector in vectors}) <= 1
        width = len(vectors[0]) if vectors else 0
        cells = np.frombuffer(b"".join(vectors), dtype=np.uint8).reshape(len(vectors), width)
        return cls(
            passed=cells == OUTCOMES.index("pass"),
            flaky=cells == OUTCOMES.index(FLAKY),
            ran=cells != OUTCOMES.index(_NOT_RUN),
        )


def vector(outcomes: Sequence[str]) -> bytes:
    """Outcomes as they are stored, one byte a test."""
    return bytes(OUTCOMES.index(outcome) for outcome in outcomes)
