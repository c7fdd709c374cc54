"""The self-test: runs the attack battery in a sandbox of this computer and says what came through.

What is looked for: programs that pass and should not, or should and do not, wrong outcomes, files read or written
outside, processes left behind, descriptors left open.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.sandbox.attack import Attack
from stages.sandbox.attacks_on_host import ON_THE_HOST
from stages.sandbox.attacks_on_verdict import ON_THE_VERDICT
from stages.sandbox.jobs import Program, SplitTests
from stages.sandbox.layers import Level
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Outcome, Verdict

ATTACKS = (*ON_THE_VERDICT, *ON_THE_HOST)

LIMITS = Limits(test_cpu=0.4, program_cpu=0.5, memory=256 << 20)
"""Tight, so that the battery takes seconds."""

_PAIRS = [(number, number + 1) for number in range(10)]
TESTS = SplitTests(cases=tuple(f"assert add({a}, {b}) == {a + b}" for a, b in _PAIRS))


class Row(NamedTuple):
    """What became of one program of the battery."""

    attack: Attack
    verdict: Verdict
    outcome: Outcome
    escaped: bool
    processes: int

    @property
    def problem(self) -> str:
        """What is wrong, empty if nothing is."""
        if self.attack.kind == "honest" and not self.verdict.all_passed:
            return "false reject"
        if self.attack.kind != "honest" and self.verdict.passed:
            return "false pass"
        if self.escaped:
            return "escape"
        if self.processes:
            return "process left"
        return "" if self.outcome in self.attack.outcomes else f"outcome {self.outcome}"


class Report(NamedTuple):
    """The whole battery. `descriptors_left`: how many more the caller has open than before."""

    level: Level
    rows: tuple[Row, ...]
    descriptors_left: int

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each thing that is wrong."""
        lines = [f"{row.attack.kind}: {row.attack.name}: {row.problem}" for row in self.rows if row.problem]
        return (*lines, *([f"{self.descriptors_left} descriptors left open"] if self.descriptors_left > 0 else []))

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text: class, programs, false passes, false rejects, escapes, processes left, other; with a total."""
        kinds = list(dict.fromkeys(row.attack.kind for row in self.rows))
        groups = [(kind, [row for row in self.rows if row.attack.kind == kind]) for kind in kinds]
        head = ("class", "programs", "false passes", "false rejects", "escapes", "processes left", "other")
        return [head, *(_counts(name, rows) for name, rows in [*groups, ("total", self.rows)])]


def self_test(
    level: Level = "standard",
    attacks: Sequence[Attack] = ATTACKS,
    advance: Callable[[int], None] = lambda programs: None,
) -> Report:
    """Run the battery; takes about half a minute of one core. Raises ConfigError where the level is not to be had.

    `advance` is told of programs finished.
    """
    before = _descriptors()
    with tempfile.TemporaryDirectory(prefix="rlbff-self-test-") as name, open_sandbox(level, LIMITS) as sandbox:
        place = Path(name)
        rows = tuple(_row(sandbox, attack, place, advance) for attack in attacks)
    return Report(level, rows, _descriptors() - before)


def _row(sandbox: Sandbox, attack: Attack, place: Path, advance: Callable[[int], None]) -> Row:
    (place / "secret.txt").write_text("secret", encoding="utf-8")
    (place / "victim.txt").write_text("victim", encoding="utf-8")
    source = attack.source.replace("PLACE", str(place))
    verdict = sandbox.verify(Program(source=source, entry_point="add"), TESTS)
    outcome = verdict.results[0].outcome
    left = sum(len(_children(pid)) for pid in sandbox.pids)
    changed = {path.name for path in place.iterdir()} != {"secret.txt", "victim.txt"}
    for path in place.iterdir():
        path.unlink()
    advance(1)
    return Row(attack, verdict, outcome, changed, left)


def _counts(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    problems = [row.problem for row in rows]
    named = ("false pass", "false reject", "escape", "process left")
    other = sum(bool(problem) and problem not in named for problem in problems)
    return (name, str(len(rows)), *(str(problems.count(problem)) for problem in named), str(other))


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
