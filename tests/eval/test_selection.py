import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import ConfigError
from stages.core.tables import ARMS, SELECTED
from stages.eval.config import EvalConfig
from stages.eval.fields import Unfit
from stages.eval.measured import Figure, to_figures
from stages.eval.selection import Pick, doubts, measure, missing, read
from tests.extract_principles.commands import rlbff, rows_of
from tests.naive.selection import expected_distinct
from tests.naive.selection import figures as naive


def row(arm: str, id_: str, question: str, correct: bool | None, **further: Any) -> dict[str, Any]:
    """A row of the arms table; what is not named is not known."""
    known = {"arm": arm, "id": id_, "question_id": question, "correct": correct}
    return dict.fromkeys((column.name for column in ARMS.columns), None) | known | further


def items(*rows: dict[str, Any]) -> list[Pick]:
    return [read(one, "x") for one in rows]


def figures(picks: Sequence[Pick], draws: int = 2) -> dict[tuple[str, str], Figure]:
    return {(one.group, one.metric): one for one in to_figures(measure(picks), seed=0, draws=draws)}


EASY, TRIED, NEVER = {"success_rate": 0.75}, {"success_rate": 0.25}, {"success_rate": 0.0}
HAND = (
    row("pool", "1", "a", True, num_tokens=10, chars=40, patterns=["p", "p"], **EASY),
    row("pool", "2", "a", False, num_tokens=20, chars=80, patterns=["p", "q"], **EASY),
    row("pool", "3", "b", True, num_tokens=30, chars=90, patterns=["q", "r"], **TRIED),
    row("pool", "4", "c", False, num_tokens=40, chars=50, patterns=["r", "p"], **NEVER),
    row("assign", "1", "a", True, num_tokens=10, chars=40, patterns=["p", "p"], distance=0.5, rank=1, **EASY),
    row("assign", "3", "b", True, num_tokens=30, chars=90, patterns=["q", "r"], distance=1.5, rank=1, **TRIED),
    row("random-matched", "3", "b", True, num_tokens=30, chars=90, patterns=["q", "r"], **TRIED),
    row("random-matched", "4", "c", False, num_tokens=40, chars=50, patterns=["r", "p"], **NEVER),
)


def test_figures_by_hand() -> None:
    found = figures(items(*HAND))
    value = {name: one.value for (arm, name), one in found.items() if arm == "assign"}
    assert value == {
        "rows": 2,
        "questions": 2,
        "correct": 1,
        "correct_minus_pool": 0.5,
        "correct_minus_matched": 0.5,
        "mean_success_rate": 0.5,
        "hard": 0.5,
        "hard_minus_pool": 0,
        "hard_minus_matched": -0.5,
        "unsolved": 0,
        "mean_tokens": 20,
        "mean_tokens_minus_pool": -5,
        "mean_tokens_minus_matched": -15,
        "mean_chars": 65,
        "distinct_per_row": 1.5,
        "mean_distance": 1,
        "distinct_of_100": None,
        "distinct_of_100_over_pool": None,
        "distinct_of_100_over_matched": None,
        "pattern_entropy": pytest.approx(1.5 * math.log(2)),  # p twice, q and r once
    }
    assert found["random-matched", "overlap"].value == pytest.approx(1 / 3)
    assert found["random-matched", "overlap"].n == 3
    assert found["pool", "unsolved"].value == 0.25
    assert (found["pool", "questions"].value, found["pool", "questions"].n) == (3, 4)
    assert found["assign", "pattern_entropy"].n == 4
    assert {name for arm, name in found if arm == "pool"} == {
        *("rows", "questions", "correct", "mean_success_rate", "hard", "unsolved", "mean_tokens", "mean_chars"),
        *("distinct_per_row", "distinct_of_100", "pattern_entropy"),
    }
    assert not {name for arm, name in found if arm == "random-matched" and name.endswith("_matched")}


def test_the_first_arm_leads_and_the_pool_comes_last() -> None:
    picks = items(HAND[0], row("knn", "1", "a", True), *HAND)
    groups = list(dict.fromkeys(name.group for name in measure(picks).names))
    assert groups == ["knn", "assign", "random-matched", "pool"]
    assert figures(picks)["assign", "overlap"].value == pytest.approx(1 / 2)


def test_names_drawn_without_replacement_are_counted_by_hand() -> None:
    # of 101 names one is left out: the rare one in one case of 101
    picks = items(row("a", "1", "a", True, patterns=["p"] * 100 + ["q"]))
    assert figures(picks)["a", "distinct_of_100"].value == pytest.approx(1 + 100 / 101)
    picks = items(row("a", "1", "a", True, patterns=["p"] * 99 + ["q"]))
    assert figures(picks)["a", "distinct_of_100"].value == pytest.approx(2)
    picks = items(row("a", "1", "a", True, patterns=["p"] * 98 + ["q"]))
    assert figures(picks)["a", "distinct_of_100"].value is None


def test_how_many_names_an_arm_has_does_not_show_in_the_names_of_100() -> None:
    names = [f"n{place}" for place in range(40)]
    few, many = [name for name in names for _ in range(5)], [name for name in names for _ in range(50)]
    found = figures(items(row("few", "1", "a", True, patterns=few), row("many", "2", "a", True, patterns=many)))
    assert found["few", "distinct_of_100"].value == pytest.approx(float(expected_distinct(few, 100)))
    small, large = found["few", "distinct_of_100"].value or 0, found["many", "distinct_of_100"].value or 0
    assert 0 < small - large < 2


def drawn(seed: int, questions: int = 14) -> list[dict[str, Any]]:
    """A pool and three arms; some values are unknown."""
    rng = np.random.default_rng(seed)

    def perhaps(value: Any) -> Any:
        return value if rng.random() < 0.8 else None

    pool = []
    for place in range(questions):
        rate = perhaps(float(rng.choice([0, 0.05, 0.25, 0.5, 1])))
        for copy in range(int(rng.integers(1, 7))):
            tokens = int(rng.integers(5, 90))
            known = {"success_rate": rate, "num_tokens": perhaps(tokens), "chars": perhaps(4 * tokens)}
            known["patterns"] = perhaps([f"p{n}" for n in rng.integers(0, 6, int(rng.integers(0, 12)))])
            pool.append(row("pool", f"{place}.{copy}", f"q{place}", perhaps(bool(rng.random() < 0.5)), **known))
    rows = list(pool)
    for arm in ("knn", "random-length", "random-matched", "assign"):
        for place in rng.choice(len(pool), len(pool) // 2, replace=False):
            distance = None if arm.startswith("random") else float(rng.random())
            rows.append(pool[place] | {"arm": arm, "distance": distance})
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_figures_of_drawn_questions_equal_the_plain_ones(seed: int) -> None:
    rows = drawn(seed)
    measured = measure(items(*rows))
    names = list(dict.fromkeys(one["question_id"] for one in rows))
    rng = np.random.default_rng(seed)
    num = len(names)
    assert len(measured.clusters) == num
    for draw in (np.arange(num), rng.integers(0, num, num), rng.integers(0, num, num), np.zeros(num, dtype=np.int64)):
        plain = naive(rows, [names[place] for place in draw])
        found = measured.compute(draw)
        for name, value in zip(measured.names, found, strict=True):
            expected = plain.pop((name.group, name.metric), math.nan)
            assert value == pytest.approx(expected, nan_ok=True), name
        assert plain == {}


def test_questions_are_drawn_not_rows() -> None:
    # both questions have the same rows, so that no draw changes a figure
    rows = [row(arm, f"{q}{n}", q, n > 0, num_tokens=n) for arm in ("a", "pool") for q in "xy" for n in range(3)]
    assert all(one.low == one.value == one.high for one in figures(items(*rows), draws=100).values())
    # whatever differs between questions moves
    found = figures(items(*rows, row("a", "z", "z", False), row("pool", "z", "z", False)), draws=100)["a", "correct"]
    assert (found.low or 0) < (found.value or 0) < (found.high or 0)


def test_intervals_of_diversity_hold_the_figure() -> None:
    # resampled questions repeat their names, in a small arm more than in the pool: unmoved, the intervals lie below
    rng = np.random.default_rng(0)
    names = [[f"n{n}" for n in rng.integers(60 * (q % 9), 60 * (q % 9) + 60, 30)] for q in range(120)]
    pool = [row("pool", str(q), str(q), True, patterns=one) for q, one in enumerate(names)]
    found = figures(items(*[one | {"arm": "a"} for one in pool[:12]], *pool), draws=200)
    for metric in ("distinct_of_100", "distinct_of_100_over_pool", "pattern_entropy"):
        one = found["a", metric]
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high, metric
    assert 0.5 < (found["a", "distinct_of_100_over_pool"].value or 0) < 1.5


def test_a_row_counts_once_in_an_arm() -> None:
    picks = items(*HAND, HAND[4])
    assert measure(picks).dropped == {8: "repeated_in_arm"}
    assert figures(picks) == figures(items(*HAND))


def test_what_some_rows_do_not_say_is_said() -> None:
    assert missing(items(*HAND)) is None
    few = items(row("a", "1", "a", True, **EASY), row("a", "2", "a", None), row("a", "3", "b", None))
    said = missing(few) or ""
    assert said.startswith("2 of 3 rows have no `correct`, 2 of 3 rows have no `success_rate`:")
    found = figures(few)
    assert (found["a", "correct"].value, found["a", "correct"].n) == (1, 1)
    unknown = figures(items(row("a", "1", "a", None)))
    assert set(unknown) == {("a", "rows"), ("a", "questions")}


def test_without_an_arm_to_compare_with_nothing_is_compared() -> None:
    found = figures(items(*[one for one in HAND if one["arm"] == "assign"]))
    assert not [name for _, name in found if "minus" in name or "over" in name]
    (said,) = doubts(list(found.values()))
    assert said.startswith("No row is of the arm `pool`")
    (said,) = doubts(list(figures(items(*HAND[:6])).values()))
    assert said.startswith("No row is of the arms `random-length` or `random-matched`")
    assert doubts(list(figures(items(*HAND)).values())) == []


def test_a_pool_alone_leads() -> None:
    assert figures(items(*HAND[:4]))["pool", "correct"].value == 0.5


def test_rows_of_other_tables() -> None:
    chat = [{"role": "assistant", "content": "Four."}]
    one = read({"id": "1", "arm": "a", "prompt": "2 + 2?", "completion": chat, "num_tokens": 2}, "x")
    assert (one.chars, one.tokens, one.correct, one.patterns) == (5, 2, None, None)
    other = read({"id": "2", "arm": "a", "prompt": "2 + 2?", "completion": "4"}, "x")
    assert (one.question == other.question, other.chars) == (True, 1)
    lone = [read({"id": id_, "arm": "a"}, "x").question for id_ in "12"]
    assert lone[0] != lone[1]


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"arm": None}, "missing", "arm"),
        ({"arm": 3}, "bad_type", "arm"),
        ({"correct": "yes"}, "bad_type", "correct"),
        ({"success_rate": 1.5}, "bad_value", "success_rate"),
        ({"success_rate": -0.1}, "bad_value", "success_rate"),
        ({"num_tokens": -1}, "bad_type", "num_tokens"),
        ({"chars": 1.5}, "bad_type", "chars"),
        ({"patterns": "p"}, "bad_type", "patterns"),
        ({"patterns": [1]}, "bad_type", "patterns"),
        ({"distance": "near"}, "bad_type", "distance"),
        ({"distance": math.nan}, "bad_type", "distance"),
    ],
)
def test_rows_that_do_not_fit(change: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(Unfit) as caught:
        items(HAND[4] | change)
    assert (caught.value.problem.reason, caught.value.problem.field) == (reason, field)


def test_what_it_reads_are_columns_of_both_tables() -> None:
    assert set(HAND[4]) == {column.name for column in ARMS.columns}
    assert {"arm", "question_id", "correct", "distance", "num_tokens"} <= {column.name for column in SELECTED.columns}


@pytest.mark.parametrize("named", ["out/.rlbff/arms", "out/.rlbff/arms/part-00000.parquet"])
def test_from_the_command_line_out_of_a_hidden_folder(tmp_path: Path, named: str) -> None:
    folder = tmp_path / "out" / ".rlbff" / "arms"
    folder.mkdir(parents=True)
    # the hidden folder of a run that has a manifest, as select-cotp leaves it
    (tmp_path / "out" / ".rlbff" / "manifest.json").write_text("{}")
    table = pa.Table.from_pylist([*HAND, row("assign", "2", "a", None)], schema=ARMS.schema())
    pq.write_table(table, folder / "part-00000.parquet")
    done = rlbff("eval", "selection", named, "--draws", "20", "-o", "figures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 9 rows have no `correct`" in done.stderr
    assert "show only how well they match" in done.stderr
    rows = rows_of(tmp_path / "figures")
    assert (rows[0]["group"], rows[-1]["group"]) == ("assign", "pool")
    found = {(one["group"], one["metric"]): one["value"] for one in rows}
    assert (found["assign", "rows"], found["assign", "correct_minus_pool"]) == (3, 0.5)


def test_no_response_is_scored() -> None:
    with pytest.raises(ConfigError, match="--scores and --against have no meaning for selection"):
        EvalConfig(benchmark="selection", inputs=("x",), scores="length")


def test_rows_without_arms_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"id": "1", "correct": True}))
    done = rlbff("eval", "selection", "rows.jsonl", cwd=tmp_path)
    assert (done.returncode, "has no column 'arm'" in done.stderr) == (65, True)
