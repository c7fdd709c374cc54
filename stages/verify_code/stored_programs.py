"""The programs of a folder of verdicts as they are stored, for a report: all of them, kept or not, one after the other.

Where only kept programs were written, the others come from the runs; where nothing is decided yet, all do.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.core.manifest import hidden, planned_options
from stages.core.shards import list_parts
from stages.core.shown import is_number
from stages.core.stored import finished_parts, stored_json, stored_rows
from stages.programs.matrix import FLAKY, OUTCOMES
from stages.verify_code.columns import VECTOR

_FEW: Final = (
    *("id", "problem_id", "passed", "total", "consensus", "status", "kept", "truth"),
    *("flaky", "isolation", "layers", "trust"),
)
_TEXTS: Final = ("test_results", "solution", "keep_reason", "detail")
_NO_TESTS: Final = b""

NOT_RUN: Final = "not run"
"""In the place of level and trust of what never ran, such as an answer without code."""


class Program(NamedTuple):
    """A program and its verdict; None for what is not known. `results` and the texts only where they were asked for."""

    id: str
    problem: str
    passed: int
    total: int
    consensus: float | None
    status: str
    kept: bool | None
    truth: bool | None
    flaky: int
    level: str
    layers: tuple[str, ...]
    trust: str
    results: tuple[Mapping[str, Any], ...] = ()
    solution: str = ""
    reason: str = ""
    detail: str = ""

    @property
    def rate(self) -> float | None:
        """The share of passed tests; None without tests."""
        return self.passed / self.total if self.total else None


def programs(root: Path, trouble: list[str], *, texts: bool = False) -> Iterator[Program]:
    """All programs in the order of the input; `trouble` gets a sentence about what cannot be read."""
    columns = (*_FEW, *_TEXTS) if texts else _FEW
    verdicts = _rows(list_parts(root), columns, trouble)
    runs = _rows(list_parts(hidden(root, "runs")), (*columns, VECTOR), trouble)
    if planned_options(root).get("output") == "kept" and _whole(root):
        yield from _merged(runs, verdicts)
        return
    there = False
    for row in verdicts:
        there = True
        yield _program(row)
    if not there:
        yield from (_program(row) for row in runs)


def _whole(root: Path) -> bool:
    """Whether every part is finished, so that a program that is not among the verdicts was not kept."""
    parts = stored_json(hidden(root, "plan.json")).get("parts")
    return is_number(parts) and len(finished_parts(root)) == parts


def _merged(runs: Iterator[dict[str, Any]], verdicts: Iterator[dict[str, Any]]) -> Iterator[Program]:
    """Runs in their order, those that were kept with their verdicts, which stand in the same order."""
    kept = next(verdicts, None)
    for run in runs:
        if kept is not None and _name(run) == _name(kept):
            yield _program(kept)
            kept = next(verdicts, None)
        else:
            yield _program(run | {"kept": False})


def _name(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row.get("problem_id"), row.get("id")


def _rows(paths: list[Path], columns: tuple[str, ...], trouble: list[str]) -> Iterator[dict[str, Any]]:
    return (row for batch in stored_rows(paths, columns, trouble) for row in batch)


def _program(row: Mapping[str, Any]) -> Program:
    passed, total = row.get("passed"), row.get("total")
    if passed is None or total is None:  # a run, before anything is decided
        cells = row.get(VECTOR) or _NO_TESTS
        passed, total = cells.count(_PASS), len(cells) - cells.count(_FLAKY)
    results = row.get("test_results")
    return Program(
        id=str(row.get("id")),
        problem=str(row.get("problem_id")),
        passed=int(passed),
        total=int(total),
        consensus=row.get("consensus"),
        status=str(row.get("status")),
        kept=row.get("kept"),
        truth=row.get("truth"),
        flaky=row.get("flaky") or 0,
        level=str(row.get("isolation") or NOT_RUN),
        layers=tuple(map(str, row.get("layers") or ())),
        trust=str(row.get("trust") or NOT_RUN),
        results=tuple(results) if isinstance(results, list) else (),
        solution=str(row.get("solution") or ""),
        reason=str(row.get("keep_reason") or ""),
        detail=str(row.get("detail") or ""),
    )


_PASS: Final = OUTCOMES.index("pass")
_FLAKY: Final = OUTCOMES.index(FLAKY)
