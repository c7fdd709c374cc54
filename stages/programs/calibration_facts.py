"""What a calibration reports: thresholds, the bounds that they reach, and how the rule did on tasks it had not seen."""

from collections.abc import Iterator

import numpy as np

from stages.programs.compare_rules import Interval, Line, keep_table
from stages.programs.cross_fit import FOLDS, Fit, Problem
from stages.programs.matrix import Bools
from stages.programs.scores import ScoreName
from stages.programs.simple_rules import TABLE
from stages.programs.standings import Standings

_OURS = "calibrated"


def facts_of(score: ScoreName, problem: Problem, whole: Fit, kept: Bools, standings: Standings) -> dict[str, object]:
    """Facts that can be written as JSON.

    `bins`: the thresholds fitted on all labelled programs, with their lower bounds; null where none reaches the target.
    `held_out`: precision and recall of the labelled programs, each decided by thresholds of other tasks. `table`: the
    same for it and the rules without labels, on the same programs.
    """
    known = problem.known
    decided = {_OURS: kept} | {rule.name: rule.decide(standings).kept for rule in TABLE}
    labelled = {rule: column[known] for rule, column in decided.items()}
    lines = keep_table(labelled, problem.truth[known], problem.task[known], seed=problem.seed, draws=problem.draws)
    return {
        "score": score,
        "target": problem.target,
        "programs": int(known.sum()),
        "tasks": len(np.unique(problem.task[known])),
        "folds": FOLDS,
        "draws": problem.draws,
        "bins": list(_bins(problem, whole, standings)),
        "held_out": _line(lines[0]),
        "table": [_line(line) for line in lines],
    }


def _bins(problem: Problem, whole: Fit, standings: Standings) -> Iterator[dict[str, object]]:
    for number, (found, best) in enumerate(whole.searches):
        rows = problem.known & (problem.bins == number)
        strength = standings.strength[rows]
        measured = not np.isnan(strength).any()
        yield {
            "bin": number + 1,
            "strength": [float(strength.min()), float(strength.max())] if measured else None,
            "tasks": len(np.unique(problem.task[rows])),
            "programs": int(rows.sum()),
            "right": int(problem.truth[rows].sum()),
            "best_bound": best,
            "threshold": None if found is None else found.value,
            "bound": None if found is None else found.bound,
            "precision": None if found is None else found.precision,
            "recall": None if found is None else found.recall,
            "kept": None if found is None else found.kept,
        }


def _line(line: Line) -> dict[str, object]:
    return {
        "rule": line.rule,
        "kept": line.kept,
        "precision": _plain(line.precision),
        "recall": _plain(line.recall),
        "tasks": line.tasks,
    }


def _plain(interval: Interval) -> list[float | None]:
    return [None if np.isnan(value) else value for value in interval]
