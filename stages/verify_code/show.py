"""What a run says to a person: what each keep rule would keep, how strong the tests are, the figures at the end."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from stages.core.progress import Progress
from stages.programs.keep import parse_rule
from stages.programs.matrix import Bools
from stages.programs.standings import Standings
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.decide import Decided

RULES: Final = (
    "all",
    "frac:1.0",
    "frac:0.8",
    "frac:0.6",
    "frac:0.4",
    "rel:1.0",
    "rel:0.8",
    "consensus",
    "consensus:0.8",
)
"""The rules that a run is shown under besides its own."""

_FINE: Final = ("done", "no_reference", "no_suite")


def decided_facts(decided: Decided, config: VerifyCodeConfig) -> dict[str, object]:
    """What is stored of the decision for the end of the run and for later looks; can be written as JSON."""
    standings = decided.standings
    rows = []
    for name in RULES:
        kept = parse_rule(name, seed=config.run.seed).decide(standings).kept & ~decided.doubtful
        rows.append({"rule": name, **_figures(kept, standings)})
    own = {"rule": _own_name(config), **_figures(decided.kept, standings)}
    return {**decided.facts, "kept": own, "rules": rows, "tasks": int(standings.task.max(initial=-1)) + 1}


def _own_name(config: VerifyCodeConfig) -> str:
    if config.arm is not None:
        return f"arm {config.arm}"
    return config.keep if config.keep_distinct is None else f"{config.keep}, {config.keep_distinct} a task"


def _figures(kept: Bools, standings: Standings) -> dict[str, object]:
    """How many programs a rule keeps, of how many tasks, and against the truth where that is known."""
    known = ~np.isnan(standings.truth)
    right = standings.truth == 1
    return {
        "programs": int(kept.sum()),
        "tasks": len(np.unique(standings.task[kept])),
        "precision": _share(kept & right, kept & known),
        "recall": _share(kept & right, right),
        "labelled": int(known.sum()),
    }


def _share(some: Bools, of: Bools) -> float | None:
    return float(some.sum() / of.sum()) if of.any() else None


def show(facts: Mapping[str, Any], progress: Progress) -> None:
    """The table of keep rules, the rule of this run first."""
    rows = [facts["kept"], *(row for row in facts["rules"] if row["rule"] != facts["kept"]["rule"])]
    labelled = facts["kept"]["labelled"]
    head = ["rule", "programs kept", "tasks"] + (["precision", "recall"] if labelled else [])
    lines = [
        [row["rule"], f"{row['programs']:,}", f"{row['tasks']:,}"]
        + ([_percent(row["precision"]), _percent(row["recall"])] if labelled else [])
        for row in rows
    ]
    title = "Keep rules, this run's first"
    progress.table(f"{title}; {labelled:,} programs of known truth" if labelled else title, head, lines)
    if "held_out" in facts["decision"]:
        _show_calibration(facts["decision"], progress)


def _show_calibration(facts: Mapping[str, Any], progress: Progress) -> None:
    """The thresholds by strength of the tests, and what tasks showed that they were not fitted to."""
    rows = [
        [
            one["bin"],
            f"{one['tasks']:,}",
            f"{one['programs']:,}",
            "none reaches it" if one["threshold"] is None else f"{one['threshold']:.3f}",
            _percent(one["best_bound"] if one["bound"] is None else one["bound"]),
            _percent(one["precision"]),
            _percent(one["recall"]),
        ]
        for one in facts["bins"]
    ]
    head = ["tests, weakest first", "tasks", "programs", f"{facts['score']} from", "bound", "precision", "recall"]
    progress.table(
        f"Thresholds for a precision of {facts['target']:g}, fitted to {facts['programs']:,} programs", head, rows
    )
    (precision, low, high), (recall, *_) = facts["held_out"]["precision"], facts["held_out"]["recall"]
    if precision is not None:
        progress.notice(
            f"On tasks that the thresholds were not fitted to: precision {_percent(precision)} "
            f"[{_percent(low)}, {_percent(high)}], recall {_percent(recall)}."
        )


def doubts(facts: Mapping[str, Any], config: VerifyCodeConfig) -> Iterator[str]:
    """What may be wrong with the result, a sentence each."""
    lost = facts["outcomes"].get("not_plain", 0)
    if lost:
        yield (
            f"{_some(lost, 'test')} failed because a value cannot leave the program's process (not_plain: functions, "
            "objects of its own classes). --mode inproc runs such tests inside it, and trusts what it says."
        )
    bad = {status: count for status, count in facts["references"].items() if status not in _FINE}
    if bad:
        told = ", ".join(f"{status} {count:,}" for status, count in bad.items())
        some = _some(sum(bad.values()), "reference")
        yield f"{some} did not run to the end ({told}); little is known of their tests."
    if re.search(r"\bjudge\b", config.keep) and "judge" not in facts:
        yield f"--keep {config.keep!r} asks for a judge, but no program has a judge's score; see --judge."


def closing_facts(manifest: Mapping[str, Any], facts: Mapping[str, Any], root: Path) -> dict[str, object]:
    """The last lines of a run."""
    rows, kept = manifest["rows"], facts["kept"]
    counts, ends = facts["programs"], _told(facts["statuses"])
    closing: dict[str, object] = {
        "input": f"{_some(rows['in'], 'row')} = {rows['kept']:,} written + {rows['dropped']:,} dropped + "
        f"{rows['rejected']:,} rejected",
        "programs": f"{counts.get('programs', 0):,}, {facts['different_programs']:,} different; {ends}",
        "outcomes": _told(facts["outcomes"]),
        "tests": _tests(facts["tests"]),
        **({"added tests": _added(facts["augmented"])} if facts["augmented"] else {}),
        "kept": f"{_some(kept['programs'], 'program')} of {_some(kept['tasks'], 'task')} by {kept['rule']}",
    }
    diversity = facts["diversity"]
    if diversity["mean_distance"] is not None:
        closing["different"] = (
            f"{diversity['clusters']:,} of them, {diversity['mean_distance']:.2f} apart within a task"
        )
    if "arm" in facts:
        closing["pairs"] = _pairs(facts["arm"])
    if facts["lone_consensus"] is not None and kept["rule"].startswith("consensus"):
        closing["lone"] = f"in {_percent(facts['lone_consensus'])} of the tasks no two programs agree on the best score"
    if "judge" in facts:
        closing["judge"] = "; ".join(_agreement(facts["judge"], name) for name in ("with_tests", "with_truth"))
    unjudged = {name[9:]: count for name, count in counts.items() if name.startswith("unjudged_")}
    if unjudged:
        closing["without a score"] = _told(unjudged)
    return closing | {"written": f"{_some(manifest['written'], 'verdict')} to {root} (level {facts['level']})"}


def _added(facts: Mapping[str, Any]) -> str:
    """What a model's proposals came to."""
    found = f"{facts['added']:,} of {_some(facts['proposed'], 'proposal')} for {_some(facts['tasks'], 'task')}"
    if facts["validity"] is not None:
        found += f", {_percent(facts['validity'])} of which hold"
    if facts["score_before"] is not None:
        found += f"; mutation score {facts['score_before']:.2f} before, {facts['score_after']:.2f} after"
    return found


def _pairs(facts: Mapping[str, Any]) -> str:
    """How an arm was matched."""
    found = f"{facts['pairs']:,} of a right and a wrong program of like length, from {_some(facts['tasks'], 'task')}"
    without = f"{_some(facts['tasks_without_pairs'], 'task')} without a pair"
    return f"{found}; {without}, {facts['unknown_truth']:,} programs of unknown truth"


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _agreement(facts: Mapping[str, Any], name: str) -> str:
    """How far the judge agrees with something, in a few words."""
    found = facts[name]
    kappa = "undefined" if found["kappa"] is None else f"{found['kappa']:.2f}"
    return f"kappa {kappa} {name.replace('_', ' ')} on {found['n']:,} programs"


def _tests(facts: Mapping[str, Any]) -> str:
    """What is known of the tests of all tasks, in a sentence."""
    found = [f"{facts['tests']:,}, {facts['distinct_tests']:,.0f} with different outcomes"]
    if facts["true_positive_rate"] is not None:
        found.append(f"all of a task passed by {_percent(facts['true_positive_rate'])} of right programs")
    if facts["true_negative_rate"] is not None:
        found.append(f"not by {_percent(facts['true_negative_rate'])} of wrong ones")
    if facts.get("mutation_score") is not None:
        found.append(f"mutation score {facts['mutation_score']:.2f} on {_some(facts['tasks_measured'], 'task')}")
        found.append(f"{facts['minimal_tests']:,} say what all {facts['tests_it_replaces']:,} valid ones say")
    return "; ".join(found)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
