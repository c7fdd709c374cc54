"""Programs as a report shows them: the matrices of the most telling problems, examples, rates, and what it cost.

What is counted is in survey.py.
"""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from stages.core.charts import heat, histogram
from stages.core.manifest import hidden
from stages.core.sections import Block, Drawing, Grid, Mark, Passage
from stages.core.shards import list_parts
from stages.core.shown import MISSING, cell, decimal, excerpt, is_number
from stages.core.stored import stored_rows
from stages.verify_code.stored_programs import Program
from stages.verify_code.survey import BINS, CASES, Survey

MOST_MATRICES: Final = 3
MOST_PROGRAMS: Final = 20
MOST_TESTS: Final = 40
MOST_READ: Final = 200
"""Of more programs of a problem the first are looked at."""

_SHADES: Final = {"pass": 1.0, "fail": 0.0, "not_run": np.nan, "flaky": np.nan}
_STOPPED: Final = 0.4
_SIGNS_TOLD: Final = "Tests: + passed, - a wrong answer, ! an error, a crash or a limit, . not run or flaky."
_FAILED_SHOWN: Final = 4
_COSTS: Final = ("cpu_ms", "wall_ms", "max_rss_kb")
_QUANTILES: Final = (0.5, 0.9, 0.99)


def rates(survey: Survey) -> list[Block]:
    """How large a share of the tests programs pass, kept and not, and what stands behind each tenth."""
    if not survey.bins:
        return []
    kept, others = ([survey.bins[side, place] for place in range(BINS)] for side in (True, False))
    decided = survey.undecided < survey.programs
    full = survey.all_passed[True] + survey.all_passed[False]
    said = f"Share of tests that programs pass: {full:,} of {sum(survey.bins.values()):,} pass all of them."
    if decided:
        partly = survey.kept_tested - survey.all_passed[True]
        said += f" Of these {survey.all_passed[True]:,} are kept, of the others {partly:,}."
    edges = [place / BINS for place in range(BINS + 1)]
    counts = {"kept": kept, "not kept": others} if decided else {"programs": others}
    rows = [(f"{10 * place} to {10 * place + 10} %", f"{kept[place]:,}", f"{others[place]:,}") for place in range(BINS)]
    rows.append(("all tests", f"{survey.all_passed[True]:,}", f"{survey.all_passed[False]:,}"))
    grid = Grid(title="Numbers", head=("tests passed", "kept", "not kept"), rows=rows, folded=True)
    markup = histogram(said, counts, edges, x="share of tests passed")
    return [Drawing(title="Share of tests passed", markup=markup, said=said, numbers=grid)]


def consensus(survey: Survey) -> list[Block]:
    """The programs' consensus scores, kept and not."""
    kept, others = ([survey.agreement[side, place] for place in range(BINS)] for side in (True, False))
    if not survey.agreement or (not any(others) and survey.kept < survey.programs):  # known of kept programs only
        return []
    said = (
        f"Consensus: {kept[-1] + others[-1]:,} of {sum(kept) + sum(others):,} programs have nine tenths of their "
        "problem's best score or more."
    )
    note = "Programs that pass the same tests as many others score high; 1 is the best of a problem."
    markup = histogram(
        said, {"kept": kept, "not kept": others}, [p / BINS for p in range(BINS + 1)], x="consensus score"
    )
    return [Drawing(title="How far programs agree", markup=markup, said=said, note=note)]


def matrices(found: Iterable[Program], problems: Sequence[str]) -> list[Block]:
    """What became of each test under each program, for some problems."""
    by_problem: dict[str, list[Program]] = {name: [] for name in problems}
    for one in found:
        if one.problem in by_problem:
            by_problem[one.problem].append(one)
    return [_matrix(name, own) for name, own in by_problem.items() if any(one.results for one in own)]


def examples(found: Iterable[Program], survey: Survey) -> list[Block]:
    """A program of each kind that a person would want to see."""
    by_name = {(one.problem, one.id): one for one in found}
    shown = [(case, by_name.get(survey.examples.get(case, ("", "")))) for case in CASES]
    return [_passage(case, one) for case, one in shown if one is not None]


def timings(root: Path, trouble: list[str]) -> list[Block]:
    """Quantiles of what programs cost."""
    columns: dict[str, list[float]] = {name: [] for name in _COSTS}
    paths = list_parts(hidden(root, "timings")) or list_parts(root)
    for batch in stored_rows(paths, _COSTS, trouble):
        for name, values in columns.items():
            values.extend(float(row[name]) for row in batch if is_number(row.get(name)))
    rows = []
    for name, unit, factor in (
        ("cpu_ms", "CPU, ms", 1.0),
        ("wall_ms", "clock, ms", 1.0),
        ("max_rss_kb", "memory, MiB", 1 / 1024),
    ):
        if values := columns[name]:
            low, high, highest = np.quantile(np.array(values) * factor, _QUANTILES).tolist()
            total = f"{sum(values) / 1000:,.1f} s" if name != "max_rss_kb" else MISSING
            rows.append((unit, *(decimal(v, 1) for v in (low, high, highest, max(values) * factor)), total))
    head = ("of a program", "median", "90 % below", "99 % below", "most", "in all")
    return [Grid(title="What it cost", head=head, rows=rows)] if rows else []


def _matrix(problem: str, own: Sequence[Program]) -> Drawing:
    ranked = sorted(own, key=lambda one: -(one.rate or 0.0))[:MOST_PROGRAMS]
    names = list(dict.fromkeys(str(result.get("test_id")) for one in ranked for result in one.results))[:MOST_TESTS]
    cells = np.full((len(ranked), len(names)), np.nan)
    places = {name: place for place, name in enumerate(names)}
    for row, one in enumerate(ranked):
        for result in one.results:
            if (column := places.get(str(result.get("test_id")))) is not None:
                cells[row, column] = _SHADES.get(str(result.get("outcome")), _STOPPED)
    labels = [f"{row}. {_standing(one)}" for row, one in enumerate(ranked, start=1)]
    passing = sum(one.rate == 1 for one in own)
    said = (
        f"Programs by tests of the problem {cell(problem)}: {passing:,} of {len(own):,} programs pass all tests, "
        f"{sum(bool(one.kept) for one in own):,} are kept."
    )
    note = "Dark: passed. Pale: a wrong answer. Between: an error, a crash or a limit. Empty: not run, or flaky."
    if len(own) > len(ranked):
        note += f" The best {len(ranked)} of {'the first ' if len(own) >= MOST_READ else ''}{len(own)} are drawn."
    rows = [
        (
            label,
            cell(one.id, 50),
            one.status,
            f"{one.passed} of {one.total}",
            _signs(own_cells),
            decimal(one.consensus, 2),
            cell(one.reason),
        )
        for label, one, own_cells in zip(labels, ranked, cells.tolist(), strict=True)
    ]
    head = ("row", "id", "status", "passed", "tests", "consensus", "why")
    grid = Grid(title="Programs", head=head, rows=rows, note=_SIGNS_TOLD, folded=True)
    markup = heat(said, labels, _without_prefix(names), cells, low=0.0, high=1.0)
    return Drawing(title=f"Tests of {cell(problem, 60)}", markup=markup, said=said, note=note, numbers=grid)


def _without_prefix(names: Sequence[str]) -> list[str]:
    """The names of tests for the heads of narrow columns: without the class or file that all of them begin with."""
    own = [re.split(r"[.:/](?=[^.:/]+$)", name, maxsplit=1) for name in names]
    one_place = len({parts[0] for parts in own}) == 1 and all(len(parts) == 2 for parts in own)
    return [cell(parts[-1] if one_place else name, 16) for parts, name in zip(own, names, strict=True)]


def _signs(cells: Sequence[float]) -> str:
    """A row of the matrix as a sign a test, for those who do not see the drawing."""
    return " ".join("." if math.isnan(value) else "+" if value == 1 else "-" if value == 0 else "!" for value in cells)


def _standing(one: Program) -> str:
    kept = {True: "kept", False: "not kept", None: "undecided"}[one.kept]
    return kept if one.truth is None else f"{kept}, {'right' if one.truth else 'wrong'}"


def _passage(case: str, one: Program) -> Passage:
    results = [(str(result.get("test_id")), str(result.get("outcome")), result.get("detail")) for result in one.results]
    failed = [_failure(*result) for result in results if result[1] not in ("pass", "flaky")]
    pieces: list[tuple[str, Mark]] = [(excerpt(one.solution.strip("\n")) or "(no code)", ""), ("\n\n", "")]
    if failed:
        more = f"\nand {len(failed) - _FAILED_SHOWN:,} more" if len(failed) > _FAILED_SHOWN else ""
        pieces.append(("\n".join(failed[:_FAILED_SHOWN]) + more, "no"))
    else:
        pieces.append((f"passes all {one.total} tests that count", "yes"))
    known = "" if one.truth is None else f", in truth {'right' if one.truth else 'wrong'}"
    about = (
        f"{cell(one.id, 50)}, a solution to {cell(one.problem, 50)}: {one.passed} of {one.total} tests passed{known}."
    )
    reason = f" {cell(one.reason, 120)}" if one.reason else ""
    return Passage(title=case[0].upper() + case[1:], pieces=pieces, about=about + reason)


def _failure(test: str, outcome: str, detail: Any) -> str:  # noqa: ANN401 - whatever the shard holds
    why = cell(detail or "", 140)
    return f"test {cell(test, 40)}: {outcome}{f', {why}' if why else ''}"
