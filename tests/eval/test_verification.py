import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.options import RunOptions
from stages.core.tables import VERDICTS
from stages.eval.benchmarks import benchmark_of
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.measured import Figure, to_figures
from stages.eval.verification import GAIN, RULES, Verdict, decisions, doubts, measure, missing, read, standings_of
from stages.programs.compare_rules import precision_gap, precision_recall
from tests.extract_principles.commands import rlbff, rows_of


def row(task: str, passed: str, truth: bool | None, kept: bool | None = True, **further: Any) -> dict[str, Any]:
    """A verdict whose tests are named 0, 1, ... and pass where `passed` has a 1; not run at a -."""
    outcome = {"1": "pass", "0": "fail", "-": "not_run", "~": "flaky"}
    results = [{"test_id": str(n), "outcome": outcome[sign], "detail": ""} for n, sign in enumerate(passed)]
    return {"problem_id": task, "test_results": results, "truth": truth, "kept": kept} | further


def items(*rows: dict[str, Any]) -> list[Verdict]:
    return [read({"id": str(number)} | one, "x") for number, one in enumerate(rows)]


def figures(verdicts: Sequence[Verdict], draws: int = 2) -> dict[tuple[str, str], Figure]:
    found = to_figures(measure(verdicts), seed=0, draws=draws)
    return {(one.group, one.metric): one for one in found}


HAND = (
    row("a", "1000", True),
    row("a", "0000", False, False),
    row("b", "1111", True),
    row("b", "1100", False, False),
)


def test_figures_by_hand() -> None:
    found = figures(items(*HAND))
    value = {name: one.value for name, one in found.items()}
    for rule in ("kept", "rel:1.0", "consensus"):
        assert [value[rule, name] for name in ("precision", "recall", "kept", "tasks")] == [1, 1, 0.5, 1]
        # a fraction with both right ones also keeps the wrong one that passes half of its tests
        assert value[rule, GAIN] == pytest.approx(1 - 2 / 3)
    assert [value["frac:1.0", name] for name in ("precision", "recall", "kept", "tasks")] == [1, 0.5, 0.25, 0.5]
    assert [value["frac:0.5", name] for name in ("precision", "recall", "kept", "tasks")] == [0.5, 0.5, 0.5, 0.5]
    assert [value["all", name] for name in ("precision", "recall", "kept", "tasks")] == [0.5, 1, 1, 1]
    assert [found["frac:0.5", name].n for name in ("precision", "recall", "kept", "tasks")] == [2, 2, 4, 2]
    assert ("frac:0.5", GAIN) not in found
    assert next(iter(found)) == ("kept", "precision")


def test_a_rule_that_keeps_nothing_has_no_precision() -> None:
    found = figures(items(row("a", "10", True), row("a", "00", False)))
    assert [found["frac:1.0", name].value for name in ("precision", "recall", "kept")] == [None, 0, 0]
    hidden = figures(items(row("a", "10", True, False), row("a", "00", False, False)))
    assert (hidden["kept", "precision"].value, hidden["kept", GAIN].value) == (None, None)


def test_rows_without_a_decision_of_their_own() -> None:
    found = figures(items(row("a", "11", True, None), row("a", "00", False)))
    assert {group for group, _ in found} == set(RULES) - {rule for rule in RULES if rule.startswith("calibrated")}


def test_programs_of_unknown_truth_are_neighbours_only() -> None:
    # the unknown one is the best of its task, so that rel:1.0 does not keep the known one
    verdicts = items(row("a", "10", True), row("a", "11", None), row("b", "11", False))
    measured = measure(verdicts)
    assert measured.dropped == {1: "unknown_truth"}
    found = figures(verdicts)
    assert (found["rel:1.0", "recall"].value, found["rel:1.0", "kept"].value) == (0, 0.5)
    assert found["all", "kept"].n == 2
    assert "1 of 3 programs have no truth" in (missing(verdicts) or "")
    assert missing(verdicts[:1]) is None


def test_without_any_truth_there_is_nothing_to_measure() -> None:
    measured = measure(items(row("a", "10", None)))
    assert (len(measured.clusters), measured.dropped) == (0, {0: "unknown_truth"})


def test_a_test_that_a_row_does_not_name_was_not_run() -> None:
    late = {"problem_id": "a", "test_results": [{"test_id": "1", "outcome": "pass"}], "truth": True}
    standings = standings_of(items(row("a", "01", False), late, row("a", "", False), row("a", "1~", True)))
    assert standings.passed.tolist() == [1, 1, 0, 1]
    assert standings.total.tolist() == [2, 2, 2, 1]
    named = standings_of(
        items(row("a", "01", False), row("a", "-1", True), row("a", "--", False), row("a", "1~", True))
    )
    assert (named.weighted_rate.tolist(), named.strength.tolist()) == (
        standings.weighted_rate.tolist(),
        standings.strength.tolist(),
    )


def test_a_stored_weighted_rate_is_taken_and_a_missing_one_is_made() -> None:
    standings = standings_of(items(row("a", "10", True, weighted_rate=0.25), row("a", "11", False)))
    assert standings.weighted_rate.tolist() == [0.25, 1]
    kept = decisions(standings, 0)["wfrac:0.4"]
    assert kept is not None
    assert kept.tolist() == [False, True]


def drawn(seed: int, tasks: int, programs: int = 8) -> list[Verdict]:
    """Programs whose chance to pass a test depends on their truth and on the task."""
    rng = np.random.default_rng(seed)
    rows = []
    for task in range(tasks):
        ease = rng.uniform(0.2, 0.9)
        for _ in range(programs):
            truth = bool(rng.random() < 0.4)
            passed = "".join(map(str, (rng.random(6) < ease * (1 if truth else 0.6)).astype(int)))
            if rng.random() < 0.1:
                passed = "~" * 6  # no test counts, so that there is no rate
            rows.append(row(f"t{task}", passed, truth if rng.random() < 0.9 else None, bool(rng.random() < 0.5)))
    return items(*rows)


@pytest.mark.parametrize("seed", range(4))
def test_figures_of_drawn_tasks_equal_the_plain_ones(seed: int) -> None:
    verdicts = drawn(seed, 12)
    measured = measure(verdicts)
    standings = standings_of(verdicts)
    decided = decisions(standings, 0) | {"kept": np.array([item.kept for item in verdicts])}
    rng = np.random.default_rng(seed)
    for tasks in (np.arange(12), rng.integers(0, 12, 12), rng.integers(0, 12, 12)):
        places = np.concatenate(
            [np.flatnonzero((standings.task == task) & ~np.isnan(standings.truth)) for task in tasks]
        )
        truth, rate = standings.truth[places] > 0, np.nan_to_num(standings.pass_rate[places], nan=-1)
        for name, value in zip(measured.names, measured.compute(tasks), strict=True):
            chosen = decided[name.group]
            assert chosen is not None
            kept = chosen[places]
            right, tried = set(standings.task[places][kept & truth]), set(standings.task[places][truth])
            expected = {
                "precision": precision_recall(kept, truth)[0],
                "recall": precision_recall(kept, truth)[1],
                "kept": kept.mean(),
                "tasks": np.isin(tasks, list(right)).sum() / np.isin(tasks, list(tried)).sum(),
                GAIN: precision_gap(kept, rate, truth),
            }
            assert value == pytest.approx(expected[name.metric], nan_ok=True), name


def test_a_rule_that_has_enough_labels_decides_and_one_that_refuses_is_named() -> None:
    found = figures(drawn(0, 90))
    assert ("calibrated:precision=0.5", GAIN) in found
    few = figures(items(*HAND))
    (said,) = doubts(list(few.values()))
    refusing = ", ".join(rule for rule in RULES if rule.startswith("calibrated"))
    assert said.startswith(f"{refusing} cannot decide about these rows")
    assert not any("precision=0.5" in one for one in doubts(list(found.values())))


def test_rows_that_are_all_kept_are_doubted() -> None:
    found = figures([one._replace(kept=True) for one in drawn(0, 90)])
    assert any("Every row is a kept one" in one for one in doubts(list(found.values())))
    found = figures([one._replace(kept=number % 2 > 0) for number, one in enumerate(drawn(0, 90))])
    assert not any("Every row" in one for one in doubts(list(found.values())))


def test_the_seed_of_the_run_is_that_of_the_rules() -> None:
    verdicts = drawn(0, 90)

    def calibrated(seed: int) -> list[float]:
        config = EvalConfig(benchmark="verification", inputs=("x",), run=RunOptions(seed=seed))
        measured = benchmark_of(config).measure(verdicts, 20)
        values = measured.compute(np.arange(90))
        return [
            float(v) for v, name in zip(values, measured.names, strict=True) if name.group == "calibrated:precision=0.5"
        ]

    first, other = calibrated(0), calibrated(1)
    assert first
    assert first != other


def test_tasks_are_drawn_not_programs() -> None:
    # both tasks have the same figures, so that no draw changes one
    same = [row(task, passed, truth) for task in "ab" for passed, truth in (("11", True), ("11", False), ("10", True))]
    found = figures(items(*same), draws=100)
    assert all(one.low == one.value == one.high for one in found.values())


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"test_results": None}, "bad_type", "test_results"),
        ({"test_results": ["pass"]}, "bad_type", "test_results"),
        ({"test_results": [{"test_id": "0", "outcome": "passed"}]}, "bad_value", "test_results"),
        ({"test_results": [{"test_id": "0"}]}, "bad_value", "test_results"),
        ({"test_results": [{"outcome": "pass"}]}, "bad_value", "test_results"),
        ({"problem_id": None}, "missing", "problem_id"),
        ({"truth": "yes"}, "bad_type", "truth"),
        ({"kept": 1}, "bad_type", "kept"),
        ({"weighted_rate": "1"}, "bad_type", "weighted_rate"),
    ],
)
def test_rows_that_do_not_fit(change: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(Unfit) as caught:
        items(row("a", "10", True) | change)
    assert (caught.value.problem.reason, caught.value.problem.field) == (reason, field)


def test_what_it_reads_are_columns_of_the_verdicts_table() -> None:
    names = {column.name for column in VERDICTS.columns}
    assert set(row("a", "1", True)) | {"weighted_rate"} <= names


def test_from_the_command_line(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(number)} | one) for number, one in enumerate((*HAND, row("c", "1111", None)))]
    (tmp_path / "verdicts.jsonl").write_text("\n".join(lines))
    done = rlbff("eval", "verification", "verdicts.jsonl", "--draws", "20", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 5 programs have no truth" in done.stderr
    assert "calibrated:precision=0.9, calibrated:precision=0.7, calibrated:precision=0.5 cannot decide" in done.stderr
    found = {(one["group"], one["metric"]): one["value"] for one in rows_of(tmp_path / "out")}
    assert found["consensus", "precision"] == 1
    (tmp_path / "none.jsonl").write_text(lines[-1])
    done = rlbff("eval", "verification", "none.jsonl", "-o", "none", cwd=tmp_path)
    assert (done.returncode, "nothing to measure" in done.stderr) == (65, True)
