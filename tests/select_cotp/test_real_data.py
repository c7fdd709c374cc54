"""Real traces of ../shared/data, from the command to the selected rows."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.optimize import linear_sum_assignment

from stages.core.errors import DataError
from stages.select_cotp.markers import annotate, stretches
from tests.extract_principles.commands import manifest_of, rlbff, rows_of
from tests.naive import ngrams, pattern_dtw, weights, word_runs
from tests.select_cotp.pools import select, write

RUN = 13


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def decided(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / ".rlbff" / "report" / "decided.json").read_text())
    return facts


@pytest.mark.slow
def test_long_traces_are_selected_for_right_ones_of_other_problems(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "skythought"
    of = "Sky-T1-math-correct-5K-32B-short-checkpoint"
    right = [row for row in lines(folder / f"{of}-84-aime24.jsonl.gz") if row["correct"]]
    problems = {row["problem_id"] for row in right}
    core = write(tmp_path / "core.jsonl", right)
    rest = [
        row
        for number in (21, 49, 63, 105)
        for row in lines(folder / f"{of}-{number}-aime24.jsonl.gz")
        if row["problem_id"] not in problems
    ]
    pool = write(tmp_path / "pool.jsonl", rest)
    done = rlbff(
        *("select-cotp", pool, "--core", core, "--lambda", "1", "--per-core", "8", "-o", "out", "--json"), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["facts"]
    assert facts["certificate"]["certified"]
    assert facts["annotator"] == "rules@1"
    assert facts["rows_with_a_question_of_the_core"] == 0
    rows = rows_of(tmp_path / "out")
    counts = Counter(row["core_id"] for row in rows)
    assert set(counts.values()) == {8}
    assert len(counts) == len(right)
    by_text = {row["completion"]: row for row in rest}
    for row in rows:
        own = by_text[row["completion"][0]["content"]]
        assert (row["question_id"], row["correct"], row["run"]) == (own["problem_id"], own["correct"], own["run"])
        assert row["patterns"] == [span.name for span in stretches(annotate(row["completion"][0]["content"]))]
    # the same by plain loops
    stored = pq.read_table(tmp_path / "out" / ".rlbff" / "arms" / "part-00000.parquet").to_pylist()
    can = {row["id"]: row["patterns"] for row in stored if row["arm"] == "pool"}
    chains = [[span.name for span in stretches(annotate(row["completion"]))] for row in right]
    worth = weights.importance(chains, [row["problem_id"] for row in right], "smooth")
    table = np.array([[distance(a, w, b) for b in can.values()] for a, w in zip(chains, worth, strict=True)])
    i, j = linear_sum_assignment(np.repeat(table, 8, axis=0))
    total = np.repeat(table, 8, axis=0)[i, j].sum() / facts["scales"][0]
    assert facts["certificate"]["distance"] == pytest.approx(total, rel=1e-5)


def distance(core: list[str], worth: list[float], pool: list[str]) -> float:
    cost = [[w * ngrams.distance(a, b, "dice") for b in pool] for a, w in zip(core, worth, strict=True)]
    return pattern_dtw.warped(np.array(cost)) / sum(worth)


@pytest.mark.slow
def test_rows_of_processbench_are_read_with_their_truth(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "processbench" / "gsm8k.jsonl.gz"
    select(path, None, tmp_path / "out", build_core=5, lambda_=1.0, patterns="rules", per_core=4, rows_per_shard=150)
    rows = {row["id"]: row for row in lines(path)}
    assert manifest_of(tmp_path / "out")["rows"]["in"] == 400
    assert manifest_of(tmp_path / "out")["rows"]["rejected"] == 0
    core = pq.read_table(tmp_path / "out" / ".rlbff" / "core" / "part-00000.parquet").to_pylist()
    assert all(rows[row["id"]]["final_answer_correct"] for row in core)
    found = rows_of(tmp_path / "out")
    assert len(found) == 20
    for row in found:
        own = rows[row["id"]]
        assert row["correct"] == own["final_answer_correct"]
        assert row["prompt"] == [{"role": "user", "content": own["problem"]}]
        assert all(step in row["completion"][0]["content"] for step in own["steps"])
        # the number of the first wrong step is no truth, and passes through
        assert (row["label"], row["generator"]) == (own["label"], own["generator"])
    assert decided(tmp_path / "out")["certificate"]["certified"]


@pytest.mark.slow
def test_questions_of_math500_are_left_out_of_processbench(tmp_path: Path, shared_data: Path) -> None:
    pool, bench = shared_data / "processbench" / "math.jsonl.gz", shared_data / "math500" / "test.jsonl.gz"
    asked = [row["problem"] for row in lines(bench)]
    runs = {run for text in asked if len(word_runs.words(text)) >= RUN for run in word_runs.runs(text, RUN)}
    equal = {"".join(text.split()) for text in asked}
    rows = lines(pool)
    same = {row["id"] for row in rows if "".join(row["problem"].split()) in equal}
    sharing = {row["id"] for row in rows if not runs.isdisjoint(word_runs.runs(row["problem"], RUN))}
    assert len({row["problem"] for row in rows if row["id"] in same}) == 108
    options: dict[str, Any] = {"build_core": 5, "lambda_": 1.0, "patterns": "rules", "arms": ("none",)}
    for share, expected in ((0.0, same | sharing), (1.0, same)):
        select(pool, None, tmp_path / f"{share}", benchmarks=(str(bench),), benchmark_share=share, **options)
        dropped = rows_of(tmp_path / f"{share}", "dropped")
        assert {row["id"] for row in dropped if row["dropped_by"] == "contaminated"} == expected
    # 108 problems of 112 rows, and nine rows of nine variants
    assert (len(same), len(same | sharing)) == (112, 121)
    with pytest.raises(DataError, match="contaminated"):
        select(pool, pool, tmp_path / "itself", benchmarks=(str(pool),), lambda_=1.0, patterns="rules")
