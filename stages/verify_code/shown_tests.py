"""What tests are worth, as a report shows it: mutants killed, few tests that say what all say, tests to look at.

Reads `.rlbff/tests/` and `.rlbff/strength/`, batch by batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stages.core.charts import histogram, lines
from stages.core.manifest import hidden
from stages.core.sections import Block, Drawing, Grid
from stages.core.shards import list_parts
from stages.core.shown import MISSING, cell, count, decimal, is_number, percent
from stages.core.stored import mapping, stored_rows
from stages.verify_code.survey import BINS, tenth

MOST_SUSPECTS: Final = 12
MOST_WEAK: Final = 8

_TEST: Final = (
    "problem_id",
    "test_id",
    "origin",
    "validity",
    "estimated",
    "flaky",
    "kill_rate",
    "correlation",
    "alike",
)
_TASK: Final = ("problem_id", "reference_status", "mutation_score", "mutants", "equivalent", "survivors")
_HALF: Final = 0.5


@dataclass(kw_only=True)
class _Tests:
    """Counts over all tests; `suspects` are the first of each kind."""

    kills: list[int] = field(default_factory=lambda: [0] * BINS)
    kinds: dict[str, int] = field(default_factory=dict)
    suspects: list[tuple[str, str, str, str, str]] = field(default_factory=list)


def strength(root: Path, facts: Mapping[str, Any], trouble: list[str]) -> list[Block]:
    """All that is known of the tests."""
    tests = _read_tests(root, trouble)
    return [*_summary(mapping(facts.get("tests"))), *_kills(tests), *_suspects(tests), *_weak(root, trouble)]


def _read_tests(root: Path, trouble: list[str]) -> _Tests:
    found = _Tests()
    for batch in stored_rows(list_parts(hidden(root, "tests")), _TEST, trouble):
        for row in batch:
            if is_number(row.get("kill_rate")):
                found.kills[tenth(row["kill_rate"])] += 1
            why = _suspicion(row)
            if why is None:
                continue
            found.kinds[why] = found.kinds.get(why, 0) + 1
            if found.kinds[why] <= MOST_SUSPECTS // 4:
                told = (cell(row.get("problem_id"), 40), cell(row.get("test_id"), 40), cell(row.get("origin"), 30))
                found.suspects.append((*told, why, decimal(row.get("kill_rate"), 2)))
    return found


def _suspicion(row: Mapping[str, Any]) -> str | None:
    """Why a test deserves a look; the gravest reason."""
    validity, correlation = (_known(row.get(name)) for name in ("validity", "correlation"))
    if row.get("flaky"):
        return "two runs of the reference disagree"
    if validity is not None and validity < _HALF:
        return "seems wrong: solutions that agree fail it" if row.get("estimated") else "the reference fails it"
    if correlation is not None and correlation < 0:
        return "programs that pass it pass fewer of the others"
    if row.get("kill_rate") == 0:
        return "it notices no mutant of the reference"
    return None


def _summary(tests: Mapping[str, Any]) -> list[Block]:
    """The figures of all tests together, and how the mutation score grows with their number."""
    rows = [
        ("tests", count(tests.get("tests"))),
        ("with different outcomes", count(tests.get("distinct_tests"))),
        ("valid: the reference passes", count(tests.get("valid_tests"))),
        ("right programs that pass all of a problem's", percent(tests.get("true_positive_rate"))),
        ("wrong programs that do not", percent(tests.get("true_negative_rate"))),
        ("mutation score, mean over problems", decimal(tests.get("mutation_score"))),
        ("problems measured with mutants", count(tests.get("tasks_measured"))),
        ("tests that say what all valid ones say", count(tests.get("minimal_tests"))),
    ]
    known = [row for row in rows if row[1] != MISSING]
    return [*([Grid(title="Tests", head=("", ""), rows=known)] if known else []), *_growth(tests)]


def _growth(tests: Mapping[str, Any]) -> list[Block]:
    series = {
        name: sorted((float(k), float(v)) for k, v in mapping(curve).items() if k.isdecimal() and is_number(v))
        for name, curve in (
            ("in their order", mapping(tests.get("score_by_tests")).get("in_order")),
            ("strongest first", mapping(tests.get("score_by_tests")).get("best_first")),
        )
    }
    series = {name: own for name, own in series.items() if len(own) > 1}
    if not series:
        return []
    ends = "; ".join(
        f"{name} {decimal(own[0][1], 2)} with {own[0][0]:g}, {decimal(own[-1][1], 2)} with {own[-1][0]:g}"
        for name, own in series.items()
    )
    said = f"Mutation score by how many tests of a problem are run: {ends}."
    markup = lines(said, series, x="tests of a problem", y="mutation score", y_range=(0.0, 1.0), dots=True)
    return [Drawing(title="How many tests it takes", markup=markup, said=said)]


def _kills(tests: _Tests) -> list[Block]:
    measured = sum(tests.kills)
    if not measured:
        return []
    said = (
        f"Share of the reference's mutants that a test kills: {tests.kills[-1]:,} of {measured:,} tests kill nine "
        f"tenths or more, {tests.kills[0]:,} less than a tenth."
    )
    edges = [place / BINS for place in range(BINS + 1)]
    markup = histogram(said, {"tests": tests.kills}, edges, x="share of mutants killed")
    return [Drawing(title="Mutants killed by single tests", markup=markup, said=said)]


def _suspects(tests: _Tests) -> list[Block]:
    if not tests.suspects:
        return []
    told = ", ".join(f"{number:,} times: {why}" for why, number in tests.kinds.items())
    head = ("problem", "test", "origin", "why", "mutants killed")
    note = f"In all {told}." + (" Some of each are shown." if sum(tests.kinds.values()) > len(tests.suspects) else "")
    return [Grid(title="Tests to look at", head=head, rows=tests.suspects, note=note)]


def _weak(root: Path, trouble: list[str]) -> list[Block]:
    """The problems whose tests let most mutants through, each with a change that none of the tests notices."""
    weakest: list[dict[str, Any]] = []
    for batch in stored_rows(list_parts(hidden(root, "strength")), _TASK, trouble):
        scored = [row for row in batch if is_number(row.get("mutation_score")) and row["mutation_score"] < 1]
        weakest = sorted([*weakest, *scored], key=lambda row: float(row["mutation_score"]))[:MOST_WEAK]
    if not weakest:
        return []
    rows = [
        (
            cell(row.get("problem_id"), 50),
            decimal(row["mutation_score"], 2),
            count(row.get("mutants")),
            f"{len(row.get('survivors') or ()):,}",
            cell(next(iter(row.get("survivors") or ()), MISSING), 120),
        )
        for row in weakest
    ]
    head = ("problem", "mutation score", "mutants", "survive", "such as")
    note = "A mutant is the reference with one change; one that survives fails no test."
    return [Grid(title="Weakest tests", head=head, rows=rows, note=note)]


def _known(value: Any) -> float | None:  # noqa: ANN401 - whatever the shard holds
    return float(value) if is_number(value) else None
