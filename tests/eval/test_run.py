"""`rlbff eval` as a user calls it: what it writes and prints, and what it says to bad input."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from stages.core.tables import METRICS
from tests.eval.rows import calibrated_rows
from tests.extract_principles.commands import contents, manifest_of, rlbff, rows_of

Done = subprocess.CompletedProcess[str]


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rm_bench_rows(count: int, scored: bool = True) -> list[dict[str, Any]]:
    scores = {"score_chosen": [3, 2, 1], "score_rejected": [0, 5, 2]} if scored else {}
    return [
        {
            "id": n,
            "prompt": f"p{n}",
            "domain": ("chat", "code")[n % 2],
            "chosen": [f"a{n}", f"bb{n}", f"ccc{n}"],
            "rejected": ["d", "e", "f"],
        }
        | scores
        for n in range(count)
    ]


def scores_for(rows: Sequence[dict[str, Any]], **further: Any) -> list[dict[str, Any]]:
    """A table of scores: chosen answers 1, rejected ones 0, in chat form as `score` writes them."""
    return [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": text}],
            "score": float(name == "chosen"),
            "rm": "toy",
            **further,
        }
        for row in rows
        for name in ("chosen", "rejected")
        for text in row[name]
    ]


def figures_of(folder: Path) -> dict[tuple[str, str], float | None]:
    return {(row["group"], row["metric"]): row["value"] for row in rows_of(folder)}


def error_of(done: Done) -> str:
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    return line


def test_a_folder_of_metrics_that_others_read(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rm_bench_rows(8))
    done = rlbff("eval", "rm-bench", "rows.jsonl", "--draws", 20, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "rows.metrics\n")
    # 3 > 0, 2 > 0, 1 > 0 (column 0); 3 > 5, ... no; 3 > 2 only, 2 = 2 loses: hard 1/3, normal 1/3, easy 2/3
    figures = figures_of(tmp_path / "rows.metrics")
    assert figures["all", "hard"] == pytest.approx(1 / 3)
    assert figures["chat", "easy"] == pytest.approx(2 / 3)
    assert "published figure also has math, safety" in done.stderr
    assert "hard" in done.stderr
    rows = rows_of(tmp_path / "rows.metrics")
    assert list(rows[0]) == [column.name for column in METRICS.columns]
    assert {(row["stage"], row["benchmark"]) for row in rows} == {("eval", "rm-bench")}
    loaded = datasets.load_dataset(str(tmp_path / "rows.metrics"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == len(rows)
    manifest = manifest_of(tmp_path / "rows.metrics")
    assert manifest["rows"] == {"in": 8, "kept": 8, "dropped": 0, "rejected": 0}
    assert manifest["facts"]["headline"]["hard"] == pytest.approx(1 / 3)


def test_the_same_call_gives_the_same_bytes_and_is_done_at_once(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rm_bench_rows(30))
    for name in ("one", "two"):
        assert rlbff("eval", "rm-bench", "rows.jsonl", "-o", name, "--draws", 20, cwd=tmp_path).returncode == 0
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    # the resolved options name the folder itself
    assert one.pop(".rlbff/config.yaml") != two.pop(".rlbff/config.yaml")
    assert one == two
    before = (tmp_path / "one" / "part-00000.parquet").stat().st_mtime_ns
    again = rlbff("eval", "rm-bench", "rows.jsonl", "-o", "one", "--draws", 20, cwd=tmp_path)
    assert again.stdout == "one\n"
    assert "easy" in again.stderr
    assert (tmp_path / "one" / "part-00000.parquet").stat().st_mtime_ns == before


def test_parts_of_the_input_make_no_difference(tmp_path: Path) -> None:
    rows = rm_bench_rows(30)
    write(tmp_path / "all.jsonl", rows)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "a.jsonl", rows[:11])
    write(tmp_path / "folder" / "b.jsonl", rows[11:])
    rlbff("eval", "rm-bench", "all.jsonl", "-o", "one", "--draws", 20, cwd=tmp_path)
    rlbff("eval", "rm-bench", "folder", "-o", "two", "--draws", 20, "--rows-per-shard", 4, cwd=tmp_path)
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")


def test_scores_of_a_table_are_found_by_text(tmp_path: Path) -> None:
    rows = rm_bench_rows(4, scored=False)
    write(tmp_path / "rows.jsonl", rows)
    write(tmp_path / "scores.jsonl", scores_for(rows))
    done = rlbff("eval", "rm-bench", "rows.jsonl", "--scores", "scores.jsonl", "--against", "length", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = figures_of(tmp_path / "rows.metrics")
    assert figures["all", "accuracy"] == 1
    # lengths 2, 3, 4 against 1, 1, 1
    assert figures["all", "accuracy.against"] == 1
    assert figures["all", "accuracy.difference"] == 0
    assert manifest_of(tmp_path / "rows.metrics")["facts"]["scores"] == ["toy"]
    other = rlbff("eval", "rm-bench", "rows.jsonl", "--scores", "length", cwd=tmp_path)
    assert other.returncode == 73
    assert "scores_of" in error_of(other)


def test_scores_that_are_missing_or_several_reject_the_row(tmp_path: Path) -> None:
    rows = rm_bench_rows(3, scored=False)
    write(tmp_path / "rows.jsonl", rows)
    scores = [*scores_for(rows[:2], principle="x"), *scores_for(rows[:1], principle="y")]
    scores[-1]["score"] = 9.0
    write(tmp_path / "scores.jsonl", scores)
    done = rlbff("eval", "rm-bench", "rows.jsonl", "--scores", "scores.jsonl", "-o", "out", cwd=tmp_path)
    assert done.returncode == 3
    assert {row["reason"] for row in rows_of(tmp_path / "out", "rejected")} == {"several_scores", "no_score"}
    assert {row["n"] for row in rows_of(tmp_path / "out") if row["group"] == "all"} == {1}


def test_another_scored_file_of_the_benchmark_is_a_source(tmp_path: Path) -> None:
    def rows(decision: str) -> list[dict[str, Any]]:
        row = {"source": "livecodebench", "response_A": "a", "response_B": "b", "label": "A>B"}
        judgments = [{"decision": decision, "judgment": {}}]
        return [row | {"pair_id": str(n), "question": f"q{n}", "judgments": judgments} for n in range(6)]

    write(tmp_path / "good.jsonl", rows("A>B"))
    write(tmp_path / "bad.jsonl", rows("B>A")[::-1])
    done = rlbff("eval", "judgebench", "good.jsonl", "--against", "bad.jsonl", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = figures_of(tmp_path / "out")
    assert (figures["all", "accuracy"], figures["all", "accuracy.against"]) == (1, 0)
    assert (figures["all", "only_first_right"], figures["all", "mcnemar_p"]) == (6, pytest.approx(2 / 64))


def test_rows_of_the_scores_table_may_repeat_an_id(tmp_path: Path) -> None:
    rows = [row | {"id": "same"} for row in calibrated_rows(200, 0)]
    write(tmp_path / "rows.jsonl", rows)
    for benchmark in ("principle-pairs", "calibration", "hacking"):
        done = rlbff("eval", benchmark, "rows.jsonl", "-o", benchmark, "--draws", 10, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows_in = manifest_of(tmp_path / benchmark)["rows"]
        assert rows_in["in"] == rows_in["kept"] + rows_in["dropped"] == 200
    # stored probabilities belong to the stored scores alone, so that one source has figures that the other lacks
    write(tmp_path / "rows.jsonl", [row | {"p_yes": 0.5} for row in rows])
    done = rlbff("eval", "calibration", "rows.jsonl", "-o", "c", "--draws", 5, "--against", "length", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("all", "nll.raw.difference") in figures_of(tmp_path / "c")
    assert ("all", "nll.p_yes.difference") not in figures_of(tmp_path / "c")
    dropped = rows_of(tmp_path / "principle-pairs", "dropped")
    assert {row["dropped_by"] for row in dropped} == {"no_opposite"}
    assert figures_of(tmp_path / "principle-pairs")["all", "accuracy"] is not None


def test_sources_that_can_use_different_rows_are_not_compared(tmp_path: Path) -> None:
    pair = {"instruction": "i", "response1": "a", "response2": "bb", "annotator1": 2, "annotator2": 2, "annotator3": 2}
    write(tmp_path / "rows.jsonl", [pair | {"idx": 0}, pair | {"idx": 1}, {"idx": 1, "x_result": "2"}])
    done = rlbff("eval", "pandalm", "rows.jsonl", "--against", "length", cwd=tmp_path)
    assert done.returncode == 65
    assert "--against can use 2 units and --scores 1" in error_of(done)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rm-bench", "judge.jsonl"], 65, "has no column 'prompt', 'chosen', 'rejected'; it has"),
        (["judgebench", "rows.jsonl"], 65, "not in the layout of judgebench"),
        (["principle-pairs", "lonely.jsonl"], 65, "could use none of the 3 rows (no_opposite)"),
        (["calibration", "lonely.jsonl"], 65, "more conversations"),
        (["rm-bench", "bare.jsonl"], 65, "All 3 rows were rejected (no_score 3)"),
        (["rm-bench", "bare.jsonl", "--scores", "judge.jsonl"], 65, "judge.jsonl holds no scores"),
        (["rm-bench", "bare.jsonl", "--scores", "model"], 65, "did you mean rm:model?"),
        (["rm-bench", "bare.jsonl", "--scores", "lonely.jsonl"], 65, "no_score 3"),
        (["rm-bench", "bare.jsonl", "--scores", "nowhere"], 66, "nowhere does not exist"),
        (["rm-bench", "rows.jsonl", "--against", "stored"], 2, "--against is 'stored', as is --scores"),
        (["rm-bench", "rows.jsonl", "--shard", "1/2"], 2, "--shard has no meaning for eval"),
        (["rm-bench", "rows.jsonl", "--draws", "1"], 2, "--draws is 1"),
        (["alpaca", "alpaca.jsonl", "--scores", "length"], 2, "no meaning for alpaca"),
        (["rm-bnch", "rows.jsonl"], 2, "BENCHMARK is 'rm-bnch'; it must be one of rm-bench"),
        (["rm-bench"], 2, "No input"),
        ([], 2, "BENCHMARK is required"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rm_bench_rows(3))
    write(tmp_path / "bare.jsonl", rm_bench_rows(3, scored=False))
    write(tmp_path / "judge.jsonl", [{"question": "q", "source": "x"}])
    write(tmp_path / "alpaca.jsonl", [{"preference": 1.5}])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    lonely = {"prompt": "p", "completion": "c", "principle": "x", "label": True, "score": 1.0}
    write(tmp_path / "lonely.jsonl", [lonely | {"completion": str(n)} for n in range(3)])
    done = rlbff("eval", *arguments, "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in error_of(done)


def test_a_bad_row_is_rejected_alone(tmp_path: Path) -> None:
    rows = rm_bench_rows(3)
    rows[1]["score_chosen"] = [1, "x", 2]
    write(tmp_path / "rows.jsonl", rows)
    done = rlbff("eval", "rm-bench", "rows.jsonl", "-o", "out", "--max-failed", 0.5, "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"] == {"in": 3, "kept": 2, "dropped": 0, "rejected": 1}
    (rejected,) = rows_of(tmp_path / "out", "rejected")
    assert rejected["error"].startswith("rows.jsonl:2: field 'score_chosen' is 'x'")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rm_bench_rows(3))
    done = rlbff("eval", "rm-bench", "rows.jsonl", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["complete"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
