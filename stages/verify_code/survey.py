"""What all programs of a folder come to, counted in one pass, and which of them are worth a look.

Memory is bounded: counts, a few numbers for each of the first MOST_PROBLEMS problems, and names of examples.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from stages.verify_code.stored_programs import Program

MOST_PROBLEMS: Final = 50_000
BINS: Final = 10
"""Of the share of passed tests; all tests passed lies in the last."""

_FLAKY_NAMED: Final = 8
_CROWD: Final = 12
"""A problem with more programs than this is no more telling for it."""

_RAN: Final = ("done", "tester_error")
"""Ends of programs that would have had tests to pass."""

Case = str
"""A kind of example: KEPT_FAILING and so on."""

KEPT_WRONG: Final = "kept, but wrong"
LOST_RIGHT: Final = "right, but not kept"
KEPT_FAILING: Final = "kept, though it fails tests"
LOST_PASSING: Final = "not kept, though it passes all tests"
CASES: Final = (KEPT_WRONG, LOST_RIGHT, KEPT_FAILING, LOST_PASSING)


@dataclass(kw_only=True)
class Problem:
    """Sums over the programs of one problem that have tests: how many, and of their rates."""

    programs: int = 0
    sum: float = 0.0
    squares: float = 0.0
    kept: int = 0

    def mixed(self) -> float:
        """How much its programs differ in what they pass: the deviation of their rates, more where there are more."""
        mean = self.sum / self.programs if self.programs else 0.0
        spread = self.squares / self.programs - mean * mean if self.programs else 0.0
        return math.sqrt(max(spread, 0.0)) * min(self.programs, _CROWD)


@dataclass(kw_only=True)
class Survey:
    """Counts over all programs.

    `bins`: programs by (kept, place of the share of passed tests); `all_passed` those that pass everything, by kept.
    `truth`: programs by (truth, kept, whether they pass all tests), where the truth is known. `layers`: by level and
    layers. `agreement`: by (kept, tenth of the consensus score).
    """

    programs: int = 0
    untested: int = 0
    undecided: int = 0
    bins: Counter[tuple[bool, int]] = field(default_factory=Counter)
    all_passed: Counter[bool] = field(default_factory=Counter)
    truth: Counter[tuple[bool, bool, bool]] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    layers: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    trust: Counter[str] = field(default_factory=Counter)
    agreement: Counter[tuple[bool, int]] = field(default_factory=Counter)
    kept: int = 0
    flaky: int = 0
    flaky_named: list[tuple[str, str, int]] = field(default_factory=list)
    problems: dict[str, Problem] = field(default_factory=dict)
    further_problems: bool = False
    examples: dict[Case, tuple[str, str]] = field(default_factory=dict)

    @property
    def kept_tested(self) -> int:
        """Kept programs that have tests."""
        return sum(number for (kept, _), number in self.bins.items() if kept)

    def telling(self, most: int) -> list[str]:
        """The problems whose programs differ most in what they pass, the first of equals first."""
        mixed = [name for name, one in self.problems.items() if one.mixed() > 0]
        return sorted(mixed, key=lambda name: -self.problems[name].mixed())[:most]


def survey(programs: Iterable[Program]) -> Survey:
    """Count all programs."""
    found = Survey()
    for one in programs:
        found.programs += 1
        found.statuses[one.status] += 1
        found.layers[one.level, one.layers] += 1
        found.trust[one.trust] += 1
        found.undecided += one.kept is None
        found.kept += bool(one.kept)
        if one.flaky:
            found.flaky += 1
            if len(found.flaky_named) < _FLAKY_NAMED:
                found.flaky_named.append((one.id, one.problem, one.flaky))
        _count_rates(found, one)
        if (case := _case(one)) is not None:
            found.examples.setdefault(case, (one.problem, one.id))
    return found


def tenth(value: float) -> int:
    """The place of a share among BINS equal pieces of 0 to 1; what is just below an edge for rounding lies above it."""
    return min(max(int(value * BINS + 1e-6), 0), BINS - 1)


def _count_rates(found: Survey, one: Program) -> None:
    kept, rate = bool(one.kept), one.rate
    if one.consensus is not None:
        found.agreement[kept, tenth(one.consensus)] += 1
    if one.truth is not None:
        found.truth[one.truth, kept, rate == 1] += 1
    if rate is None:
        found.untested += one.status in _RAN
        return
    found.bins[kept, tenth(rate)] += 1
    found.all_passed[kept] += rate == 1
    if one.problem not in found.problems and len(found.problems) >= MOST_PROBLEMS:
        found.further_problems = True
        return
    problem = found.problems.setdefault(one.problem, Problem())
    problem.programs += 1
    problem.sum += rate
    problem.squares += rate * rate
    problem.kept += kept


def _case(one: Program) -> Case | None:
    """What kind of example a program is; what contradicts the truth goes first."""
    if one.kept is None or one.rate is None:
        return None
    if one.truth is not None and one.truth != one.kept:
        return KEPT_WRONG if one.kept else LOST_RIGHT
    if one.kept and one.rate < 1:
        return KEPT_FAILING
    return LOST_PASSING if not one.kept and one.rate == 1 else None
