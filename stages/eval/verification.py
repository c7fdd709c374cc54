"""Keep rules of verify-code against the truth: what each keeps, how much of that is right, how much of the right it is.

Every rule decides anew from the stored solution x test matrix, so that one verdict table compares all of them.

Shapes: V verdicts, L of known truth, N tasks with such, R rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from stages.core.errors import DataError
from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer
from stages.eval.fields import Unfit, bool_field, number_field, text_field
from stages.eval.measured import Figure, Measured, Name
from stages.programs.keep import parse_rule
from stages.programs.matrix import OUTCOMES, Bools, Floats, Matrix
from stages.programs.stand import TaskResults, stand
from stages.programs.standings import Standings

FRACTIONS: Final = tuple(f"frac:{tenths / 10:.1f}" for tenths in range(10, 1, -1))
RULES: Final = (
    "all",
    *FRACTIONS,
    *("wfrac:0.8", "wfrac:0.6", "wfrac:0.4", "wfrac:0.2"),
    *("rel:1.0", "rel:0.8", "consensus", "consensus:0.8"),
    *("calibrated:precision=0.9", "calibrated:precision=0.7", "calibrated:precision=0.5"),
)
OWN: Final = "kept"
"""The group of the decisions that stand in the rows."""

GAIN: Final = "precision_minus_frac"

_FIGURES: Final = ("precision", "recall", "kept", "tasks", GAIN)


class Verdict(NamedTuple):
    """A row: its task, the names and outcomes of its tests; None for what is not known of the program."""

    answers: tuple[Answer, ...]
    task: str
    tests: tuple[str, ...]
    outcomes: bytes
    weighted_rate: float | None
    truth: bool | None
    kept: bool | None


def read(row: Row, file: str) -> Verdict:
    """A row of the verdicts table: `problem_id`, `test_results`, and `truth`, `kept`, `weighted_rate` where known."""
    results = row.get("test_results")
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise Unfit("bad_type", "test_results", "field 'test_results' must be a list of {test_id, outcome}.")
    strange = {str(one.get("outcome")) for one in results} - set(OUTCOMES)
    if strange or not all(isinstance(one.get("test_id"), str) for one in results):
        what = f"outcome {min(strange)!r}" if strange else "a test without a name"
        raise Unfit(
            "bad_value", "test_results", f"field 'test_results' has {what}; outcomes are {', '.join(OUTCOMES)}."
        )
    return Verdict(
        answers=(),
        task=text_field(row, "problem_id"),
        tests=_one_copy(tuple(one["test_id"] for one in results)),
        outcomes=bytes(_PLACES[one["outcome"]] for one in results),
        weighted_rate=number_field(row, "weighted_rate") if row.get("weighted_rate") is not None else None,
        truth=bool_field(row, "truth") if row.get("truth") is not None else None,
        kept=bool_field(row, "kept") if row.get("kept") is not None else None,
    )


def measure(items: Sequence[Verdict], seed: int = 0) -> Measured:
    """Figures of every rule, a group each: first of the rows' own decisions, where all rows have one.

    Over programs of known truth: `precision`, `recall`, the share `kept`; the share of `tasks` with a right program of
    which one is kept; and the precision minus that of the global fractions of passed tests at the same recall, which
    lies between two of them by keeping a share at random. Tasks are drawn, decisions stay. Rules see all programs: one
    of unknown truth still counts as a neighbour. A rule that refuses has no figures.
    """
    dropped = {place: "unknown_truth" for place, item in enumerate(items) if item.truth is None}
    if len(dropped) == len(items):
        nothing = np.zeros(0, dtype=np.int64)
        return Measured(names=(), compute=lambda rows: np.zeros(0), clusters=nothing, strata=nothing, dropped=dropped)
    standings = standings_of(items)
    decided = decisions(standings, seed)
    if all(item.kept is not None for item in items):
        decided = {OWN: np.array([item.kept for item in items], dtype=np.bool_), **decided}
    known = ~np.isnan(standings.truth)
    sums = _sums(decided, standings, known)
    return Measured(
        names=_names(decided, sums),
        compute=lambda rows: _figures(sums, rows)[sums.shown],
        clusters=np.arange(len(sums.programs)),
        strata=np.zeros(len(sums.programs), dtype=np.int64),
        dropped=dropped,
    )


def standings_of(items: Sequence[Verdict]) -> Standings:
    """How the programs stand; a test that a program's row does not name was not run on it."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(item.task, []).append(place)
    standings = stand([_task(items, rows) for rows in places.values()])
    stored = np.array([np.nan if item.weighted_rate is None else item.weighted_rate for item in items])
    return replace(standings, weighted_rate=np.where(np.isnan(stored), standings.weighted_rate, stored))


def decisions(standings: Standings, seed: int) -> dict[str, Bools | None]:
    """Which programs each rule keeps (V,); None where it refuses."""
    decided: dict[str, Bools | None] = {}
    for name in RULES:
        try:
            decided[name] = parse_rule(name, seed=seed).decide(standings).kept
        except DataError:
            decided[name] = None
    return decided


def missing(items: Sequence[Verdict]) -> str | None:
    """A sentence about programs of unknown truth; None where all are known."""
    unknown = sum(item.truth is None for item in items)
    if not unknown:
        return None
    return f"{unknown:,} of {len(items):,} programs have no truth: rules see them, no figure rests on them."


def doubts(figures: Sequence[Figure]) -> list[str]:
    """Sentences about rules that refused, and about rows that hold only what one rule kept."""
    shown = {figure.group for figure in figures}
    refused = [rule for rule in RULES if rule not in shown]
    found = []
    if refused:
        why = "too few programs of known truth, or no threshold is precise enough"
        found.append(f"{', '.join(refused)} cannot decide about these rows ({why}) and have no figures.")
    if any(figure.group == OWN and figure.metric == "kept" and figure.value == 1 for figure in figures):
        found.append(
            "Every row is a kept one, so that no recall means anything; measure verdicts made with --output all."
        )
    return found


class _Sums(NamedTuple):
    """Sums over the labelled programs of each task, from which figures of drawn tasks follow.

    `kept` and `kept_right` (N, R); `programs` and `right` (N,). For the curve of all fractions the labelled programs
    from the highest pass rate to the lowest, those without tests last: `task_of` and `right_of` each (L,), and `ends`,
    the places of the last program of every rate. `shown` (R, M): which figures are given, of which rules.
    """

    kept: Floats
    kept_right: Floats
    programs: Floats
    right: Floats
    task_of: Rows
    right_of: Bools
    ends: Rows
    shown: Bools


def _sums(decided: Mapping[str, Bools | None], standings: Standings, known: Bools) -> _Sums:
    truth, (_, task) = standings.truth[known] > 0, np.unique(standings.task[known], return_inverse=True)
    nothing = np.zeros(len(standings), dtype=np.bool_)
    kept = np.stack([(nothing if column is None else column)[known] for column in decided.values()], axis=1)

    def by_task(values: Bools) -> Floats:
        return np.stack([np.bincount(task, weights=column) for column in values.T], axis=1)

    rate = np.nan_to_num(standings.pass_rate[known], nan=-1.0)
    falling = np.argsort(-rate, kind="stable")
    shown = np.array([[column is not None] * len(_FIGURES) for column in decided.values()])
    shown[[name == "all" or name in FRACTIONS for name in decided], _FIGURES.index(GAIN)] = False
    return _Sums(
        kept=by_task(kept),
        kept_right=by_task(kept & truth[:, None]),
        programs=np.bincount(task).astype(np.float64),
        right=np.bincount(task, weights=truth).astype(np.float64),
        task_of=task[falling],
        right_of=truth[falling],
        ends=np.flatnonzero(np.append(np.diff(rate[falling]) != 0, True)),
        shown=shown,
    )


def _figures(sums: _Sums, rows: Rows) -> Floats:
    """All figures (R, M) of drawn tasks."""
    times = np.bincount(rows, minlength=len(sums.programs)).astype(np.float64)
    kept, kept_right = times @ sums.kept, times @ sums.kept_right
    with np.errstate(invalid="ignore"):
        precision = kept_right / kept
        return np.stack(
            [
                precision,
                kept_right / (times @ sums.right),
                kept / (times @ sums.programs),
                times @ (sums.kept_right > 0) / (times @ (sums.right > 0)),
                precision - kept_right / _kept_by_fractions(sums, times, kept_right),
            ],
            axis=1,
        )


def _kept_by_fractions(sums: _Sums, times: Floats, wanted: Floats) -> Floats:
    """How many programs the global fractions keep where as many right ones are among them as `wanted` (R,).

    Between two fractions a share of the programs between them is kept at random, as in `precision_at` of
    stages/programs/compare_rules.py.
    """
    weights = times[sums.task_of]
    right = np.append(0, np.cumsum(weights * sums.right_of)[sums.ends])
    kept = np.append(0, np.cumsum(weights)[sums.ends])
    fewest = np.append(True, np.diff(right) > 0)
    return np.asarray(np.interp(wanted, right[fewest], kept[fewest]))


def _names(decided: Mapping[str, Bools | None], sums: _Sums) -> tuple[Name, ...]:
    programs, right, tasks = int(sums.programs.sum()), int(sums.right.sum()), int((sums.right > 0).sum())
    names = []
    for (rule, _), kept, shown in zip(decided.items(), sums.kept.sum(axis=0), sums.shown, strict=True):
        counts = (int(kept), right, programs, tasks, programs)
        names += [Name(rule, figure, n) for figure, n, one in zip(_FIGURES, counts, shown, strict=True) if one]
    return tuple(names)


def _task(items: Sequence[Verdict], rows: Sequence[int]) -> TaskResults:
    tests = {name: place for place, name in enumerate(dict.fromkeys(n for row in rows for n in items[row].tests))}
    cells = np.full((len(rows), len(tests)), _PLACES["not_run"], dtype=np.uint8)
    for place, row in enumerate(rows):
        cells[place, [tests[name] for name in items[row].tests]] = list(items[row].outcomes)
    truth = [np.nan if items[row].truth is None else float(items[row].truth or 0) for row in rows]
    return TaskResults(
        rows=np.array(rows, dtype=np.int64),
        matrix=Matrix.of([line.tobytes() for line in cells]),
        judge=np.full(len(rows), np.nan),
        truth=np.array(truth),
    )


_PLACES: Final = {outcome: place for place, outcome in enumerate(OUTCOMES)}


@lru_cache(maxsize=1024)
def _one_copy(names: tuple[str, ...]) -> tuple[str, ...]:
    """Equal names of tests as one object: the solutions of a task share theirs."""
    return names
