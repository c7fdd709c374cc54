"""Keep rules as a report shows them: how much each keeps, its precision and recall, and what thresholds were fitted.

Everything comes from the facts of the decision, `.rlbff/report/decided.json`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stages.core.charts import bars, lines
from stages.core.sections import Block, Drawing, Grid
from stages.core.shown import MISSING, cell, count, decimal, is_number, percent, ranged
from stages.core.stored import mapping, objects
from stages.verify_code.survey import Survey

_OWN: Final = "this run's rule"


def rules(facts: Mapping[str, Any]) -> list[Block]:
    """What each rule would keep, this run's first; against the truth where it is known."""
    own = mapping(facts.get("kept"))
    others = [row for row in objects(facts.get("rules")) if row.get("rule") != own.get("rule")]
    rows = [row for row in (own, *others) if row]
    if not rows:
        return []
    labelled = own.get("labelled") if is_number(own.get("labelled")) else 0
    head = ("rule", "programs kept", "problems", *(("precision", "recall") if labelled else ()))
    cells = [
        (
            f"{cell(row.get('rule'), 50)} ({_OWN})" if row is own else cell(row.get("rule"), 50),
            *(count(row.get(name)) for name in ("programs", "tasks")),
            *((percent(row.get(name)) for name in ("precision", "recall")) if labelled else ()),
        )
        for row in rows
    ]
    note = f"{count(labelled)} programs of known truth." if labelled else "The truth of no program is known."
    table = Grid(title="Keep rules", head=head, rows=cells, note=note)
    return [*(_against_truth(rows) if labelled else _kept(rows)), table]


def all_or_nothing(survey: Survey) -> list[Block]:
    """Of the right and the wrong programs, how many pass all tests and how many are kept."""
    if not survey.truth:
        return []
    rows = []
    for truth, name in ((True, "right"), (False, "wrong")):
        own = {(kept, full): survey.truth[truth, kept, full] for kept in (True, False) for full in (True, False)}
        full, kept, every = own[True, True] + own[False, True], own[True, True] + own[True, False], sum(own.values())
        rows.append((name, f"{every:,}", f"{full:,}", f"{kept:,}", f"{every - full:,}", f"{every - kept:,}"))
    head = ("programs", "in all", "pass all tests", "kept", "fail a test", "not kept")
    note = "All tests or nothing loses the right programs that fail a test, and lets in the wrong ones that pass all."
    return [Grid(title="All tests or nothing, against the truth", head=head, rows=rows, note=note)]


def fitted(facts: Mapping[str, Any]) -> list[Block]:
    """The thresholds of a calibrated rule, and what tasks showed that they were not fitted to."""
    decision = mapping(facts.get("decision"))
    rows = [
        (
            cell(one.get("bin"), 40),
            *(count(one.get(name)) for name in ("tasks", "programs")),
            decimal(one.get("threshold")) if is_number(one.get("threshold")) else "none reaches it",
            *(percent(one.get(name)) for name in ("precision", "recall")),
        )
        for one in objects(decision.get("bins"))[:20]
    ]
    if not rows:
        return []
    held_out = {name: mapping(decision.get("held_out")).get(name) for name in ("precision", "recall")}
    told = [
        f"{name} {_three(value)}" for name, value in held_out.items() if isinstance(value, list) and len(value) == 3
    ]
    note = f"On tasks that they were not fitted to: {', '.join(told)}." if told else ""
    head = (
        "tests, weakest first",
        "problems",
        "programs",
        f"{cell(decision.get('score'), 30)} from",
        "precision",
        "recall",
    )
    return [
        Grid(
            title=f"Thresholds for a precision of {decimal(decision.get('target'), 2)}", head=head, rows=rows, note=note
        )
    ]


def further(facts: Mapping[str, Any]) -> list[Block]:
    """What else was found out: different programs, tests that a model wrote, a judge's agreement, a matched arm."""
    rows: list[tuple[str, str]] = []
    diversity, added, arm, judge = (mapping(facts.get(name)) for name in ("diversity", "augmented", "arm", "judge"))
    if is_number(facts.get("different_programs")):
        rows.append(("different programs", count(facts["different_programs"])))
    if is_number(diversity.get("mean_distance")):
        apart = decimal(diversity["mean_distance"], 2)
        rows.append(
            ("kept programs", f"{count(diversity.get('clusters'))} different ones, {apart} apart within a problem")
        )
    if added:
        rows.append(
            (
                "tests that a model wrote",
                f"{count(added.get('added'))} of {count(added.get('proposed'))} proposals kept",
            )
        )
        scores = [decimal(added.get(name), 2) for name in ("score_before", "score_after")]
        if MISSING not in scores:
            rows.append(("mutation score with them", f"{scores[1]}, {scores[0]} without"))
    for name in ("with_tests", "with_truth"):
        if found := mapping(judge.get(name)):
            told = f"kappa {decimal(found.get('kappa'), 2)} on {count(found.get('n'))} programs"
            rows.append((f"judge's agreement {name.replace('_', ' ')}", told))
    if arm:
        told = f"{count(arm.get('pairs'))} of a right and a wrong program, from {count(arm.get('tasks'))} problems"
        rows.append(("matched pairs", told))
    if is_number(facts.get("lone_consensus")):
        rows.append(("problems where no two programs agree on the best score", percent(facts["lone_consensus"])))
    return [Grid(title="Further figures", head=("", ""), rows=rows)] if rows else []


def _against_truth(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Precision over recall: a line a family of rules, this run's a point of its own."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in (*rows[1:], rows[0]):  # this run's last, so that nothing covers it
        if is_number(row.get("precision")) and is_number(row.get("recall")):
            name = f"{cell(row.get('rule'), 40)} ({_OWN})" if row is rows[0] else _family(str(row.get("rule")))
            points.setdefault(name, []).append((float(row["recall"]), float(row["precision"])))
    if not points:
        return []
    own, series = rows[0], {name: sorted(found) for name, found in points.items()}
    said = (
        f"Precision of keep rules over recall; {cell(own.get('rule'), 50)}, {_OWN}: precision "
        f"{percent(own.get('precision'))}, recall {percent(own.get('recall'))}."
    )
    unit = (0.0, 1.0)
    markup = lines(said, series, x="recall", y="precision", x_range=unit, y_range=unit, dots=True)
    return [Drawing(title="Keep rules against the truth", markup=markup, said=said)]


def _kept(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    values = {cell(row.get("rule"), 50): float(row["programs"]) for row in rows if is_number(row.get("programs"))}
    if not values:
        return []
    first = next(iter(values))
    most = count(max(values.values()))
    said = f"Programs kept by rule: {first}, {_OWN}, keeps {count(values[first])}; the most is {most}."
    return [Drawing(title="Programs kept by rule", markup=bars(said, values), said=said)]


def _family(rule: str) -> str:
    name = cell(rule.partition(":")[0], 40)
    return "frac and all" if name in ("all", "frac") else name


def _three(value: Sequence[Any]) -> str:
    share, low, high = (100 * one if is_number(one) else None for one in value)
    return f"{ranged(share, low, high, 1)} %"
