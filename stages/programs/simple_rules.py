"""Keep rules that look at one number of each program and one threshold.

A program without tests has no rate, and only `all` keeps it. Shapes: N programs.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from stages.programs.matrix import Bools
from stages.programs.rule import Decision, Rule, at_least, best_of_task, compared, show
from stages.programs.standings import Floats, Standings


@dataclass(frozen=True)
class KeepAll:
    """Every program, with or without tests."""

    name: str
    columns: frozenset[str] = frozenset()

    def decide(self, standings: Standings) -> Decision:
        """Keep every program."""
        return Decision(np.ones(len(standings), dtype=np.bool_), [self.name] * len(standings), {})


@dataclass(frozen=True)
class Fraction:
    """`frac:tau`, `wfrac:tau`: the same share of the tests for all tasks."""

    name: str
    rate: Literal["pass_rate", "weighted_rate"]
    least: float
    columns: frozenset[str] = frozenset()

    def decide(self, standings: Standings) -> Decision:
        """Keep programs that pass the share."""
        return _reached(self.name, getattr(standings, self.rate), self.least)


@dataclass(frozen=True)
class Relative:
    """`rel:rho`: a share of the most tests that a program of the task passes, and at least one."""

    name: str
    least: float
    columns: frozenset[str] = frozenset()

    def decide(self, standings: Standings) -> Decision:
        """Keep programs that come close enough to the best of their task."""
        passed = standings.passed.astype(np.float64)
        best = best_of_task(passed, standings.task)
        share = np.divide(passed, best, out=np.full(len(standings), np.nan), where=best > 0)
        kept = at_least(share, self.least) & (standings.passed > 0)
        reasons = [
            f"{self.name}: {show(count)} of the best {show(most)}, {compared(value, self.least, kept=one)}"
            if count
            else _nothing(self.name, total)
            for count, most, value, one, total in zip(passed, best, share, kept, standings.total, strict=True)
        ]
        return Decision(kept, reasons, {})


@dataclass(frozen=True)
class Consensus:
    """`consensus:gamma`: a share of the best dual execution agreement of the task (CodeT), and a test that passes."""

    name: str
    least: float
    columns: frozenset[str] = frozenset()

    def decide(self, standings: Standings) -> Decision:
        """Keep programs of groups that agree well enough."""
        kept = at_least(standings.consensus, self.least) & (standings.passed > 0)
        reasons = [
            f"{self.name}: {compared(value, self.least, kept=one)}" if count else _nothing(self.name, total)
            for value, one, count, total in zip(
                standings.consensus, kept, standings.passed, standings.total, strict=True
            )
        ]
        return Decision(kept, reasons, {})


def _reached(name: str, values: Floats, least: float) -> Decision:
    kept: Bools = at_least(values, least)
    reasons = [
        _nothing(name, 0) if np.isnan(value) else f"{name}: {compared(value, least, kept=one)}"
        for value, one in zip(values, kept, strict=True)
    ]
    return Decision(kept, reasons, {})


def _nothing(name: str, total: int) -> str:
    return f"{name}: no test passed" if total else f"{name}: no tests"


_SHARES: Final = (1.0, 0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2)

TABLE: Final[tuple[Rule, ...]] = (
    *(Fraction(f"frac:{share}", "pass_rate", share) for share in _SHARES),
    *(Relative(f"rel:{share}", share) for share in (1.0, 0.8)),
    Consensus("consensus", 1.0),
    Consensus("consensus:0.8", 0.8),
)
"""The rules without labels that stand beside a calibrated one."""
