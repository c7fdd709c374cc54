"""Best of n and pairs, with a formula for a model: which responses win, what became of the others, who reads them."""

import itertools
from pathlib import Path
from typing import Any

import datasets
import pytest
from trl.data_utils import is_conversational, unpair_preference_dataset

from stages.core.errors import OutputError
from stages.core.options import RunOptions
from tests.extract_principles.commands import contents, manifest_of, rows_of
from tests.score.fakes import FakeModel, formula, score, write

PROMPTS = 7


def samples(sizes: int = 5) -> list[dict[str, Any]]:
    """One response a row, those to one prompt far apart, with repeated responses among them."""
    return [
        {"id": f"{n}-{m}", "prompt": f"q{n}", "completion": f"x{n * m % 4}", "domain": f"d{n}"}
        for m in range(sizes)
        for n in range(PROMPTS)
    ]


def naive(
    rows: list[dict[str, Any]], principles: tuple[str, ...]
) -> dict[tuple[str, str], list[tuple[float, str, str]]]:
    """(score, response, id of the row where it stands first) of the distinct responses to each prompt."""
    groups: dict[tuple[str, str], dict[str, tuple[float, str, str]]] = {}
    for row, principle in itertools.product(rows, principles):
        text = row["completion"]
        value = formula([("user", row["prompt"])], text, principle)
        groups.setdefault((row["prompt"], principle), {}).setdefault(text, (value, text, row["id"]))
    return {key: list(found.values()) for key, found in groups.items()}


def key_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["prompt"][0]["content"], row["principle"]


@pytest.mark.parametrize("size", [3, 1000])
def test_the_best_of_every_prompt_and_principle(tmp_path: Path, fake: FakeModel, size: int) -> None:
    rows = samples()
    path = write(tmp_path / "rows.jsonl", rows)
    report = score(
        path, tmp_path / "out", output="best-of-n", principle=("a", "b"), run=RunOptions(rows_per_shard=size)
    )
    expected = naive(rows, ("a", "b"))
    found = rows_of(tmp_path / "out")
    assert {key_of(row) for row in found} == expected.keys()
    assert len(found) == len(expected)
    for row in found:
        group = expected[key_of(row)]
        best = max(group, key=lambda one: one[0])
        assert (row["score"], row["completion"][0]["content"], row["id"]) == best
        assert row["n"] == len(group)
        assert row["domain"] == f"d{row['id'][0]}"
    winners = {row["id"] for row in found}
    assert report.rows == {"in": len(rows), "kept": len(winners), "dropped": len(rows) - len(winners), "rejected": 0}
    dropped = rows_of(tmp_path / "out", "dropped")
    assert {row["id"] for row in dropped} == {row["id"] for row in rows} - winners
    assert {row["dropped_by"] for row in dropped} == {"not_best"}


@pytest.mark.parametrize("min_margin", [None, 0.0, 3.0])
def test_the_best_is_paired_with_the_worst(tmp_path: Path, fake: FakeModel, min_margin: float | None) -> None:
    rows = [*samples(), {"id": "alone", "prompt": "one", "completion": "x", "domain": None}]
    path = write(tmp_path / "rows.jsonl", rows)
    options = {"output": "pairs", "principle": ("a",), "min_margin": min_margin, "run": RunOptions(rows_per_shard=4)}
    report = score(path, tmp_path / "out", **options)
    expected = {}
    rules = {}
    for key, group in naive(rows, ("a",)).items():
        best, worst = max(group, key=lambda one: one[0]), min(group, key=lambda one: one[0])
        margin = best[0] - worst[0]
        if len(group) == 1:
            rules[key[0]] = "single_response"
        elif margin == 0:
            rules[key[0]] = "tie"
        elif margin < (min_margin or 0):
            rules[key[0]] = "small_margin"
        else:
            expected[key] = (best, worst, margin)
    found = {key_of(row): row for row in rows_of(tmp_path / "out")}
    assert found.keys() == expected.keys()
    assert len(expected) >= 2
    for key, (best, worst, margin) in expected.items():
        row = found[key]
        assert (row["score_chosen"], row["chosen"][0]["content"], row["id"]) == best
        assert (row["score_rejected"], row["rejected"][0]["content"]) == worst[:2]
        assert (row["margin"], row["rm"], row["domain"]) == (margin, "fake@1", f"d{row['id'][0]}")
    used = {row[2] for best, worst, _ in expected.values() for row in (best, worst)}
    dropped = {row["id"]: row["dropped_by"] for row in rows_of(tmp_path / "out", "dropped")}
    assert dropped == {
        row["id"]: rules.get(row["prompt"], "not_best_or_worst") for row in rows if row["id"] not in used
    }
    assert dropped["alone"] == "single_response"
    assert report.rows["in"] == report.rows["kept"] + report.rows["dropped"] == len(rows)


def test_combined_scores_are_compared_whatever_the_principles(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"id": "r", "prompt": "q", "completions": ["x", "y", "z"]}]
    path = write(tmp_path / "rows.jsonl", rows)
    score(path, tmp_path / "out", output="pairs", aggregate="min", principle=("a", "b"))
    score(path, tmp_path / "all", aggregate="min", principle=("a", "b"))
    scores = {row["completion"][0]["content"]: row["score"] for row in rows_of(tmp_path / "all")}
    (pair,) = rows_of(tmp_path / "out")
    assert pair["principle"] is None
    assert scores[pair["chosen"][0]["content"]] == max(scores.values()) == pair["score_chosen"]
    assert scores[pair["rejected"][0]["content"]] == min(scores.values()) == pair["score_rejected"]


def test_rejected_rows_are_those_of_the_scoring(tmp_path: Path, fake: FakeModel) -> None:
    rows = [
        {"id": "good", "prompt": "q", "completions": ["x", "y"], "principle": "a"},
        {"id": "bad", "prompt": "q", "completions": 3, "principle": "a"},
        {"id": "lonely", "completions": ["x"], "principle": "a"},
    ]
    path = write(tmp_path / "rows.jsonl", rows)
    path.write_text(path.read_text() + "{oops\n")
    options = RunOptions(max_failed=1, rows_per_shard=1)
    report = score(path, tmp_path / "out", output="best-of-n", run=options)
    assert report.rows == {"in": 4, "kept": 1, "dropped": 0, "rejected": 3}
    rejected = rows_of(tmp_path / "out", "rejected")
    assert [(row["row"], row["id"], row["reason"]) for row in rejected] == [
        (2, "bad", "bad_type"),
        (3, "lonely", "no_prompt"),
        (4, None, "bad_json"),
    ]
    assert rejected == rows_of(tmp_path / "out" / ".rlbff" / "scores", "rejected")
    assert sum(manifest_of(tmp_path / "out")["rejected_by"].values()) == 3


def test_columns_of_pairs_that_have_our_names_move_aside(tmp_path: Path, fake: FakeModel) -> None:
    rows = [{"prompt": "q", "completions": ["x", "y"], "principle": "a", "margin": 5, "source_row": 6, "n": 7}]
    path = write(tmp_path / "rows.jsonl", rows)
    score(path, tmp_path / "pairs", output="pairs")
    (pair,) = rows_of(tmp_path / "pairs")
    assert (pair["input_margin"], pair["input_source_row"], pair["n"]) == (5, 6, 7)
    score(path, tmp_path / "best", output="best-of-n")
    (best,) = rows_of(tmp_path / "best")
    assert (best["margin"], best["input_n"], best["n"]) == (5, 7, 2)
    assert "source_row" not in best


def test_stored_scores_are_used_again(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", samples())
    score(path, tmp_path / "out", output="pairs", principle=("a",))
    before, asked = contents(tmp_path / "out"), len(fake.asked)
    (tmp_path / "out" / "part-00000.parquet").unlink()
    score(path, tmp_path / "out", output="pairs", principle=("a",))
    assert contents(tmp_path / "out") == before
    assert len(fake.asked) == asked
    with pytest.raises(OutputError, match="min_margin"):
        score(path, tmp_path / "out", output="pairs", principle=("a",), min_margin=1.0)


def test_best_responses_and_every_margin_are_made_of_the_same_scores(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", samples())
    score(path, tmp_path / "out", output="best-of-n", principle=("a",))
    asked = len(fake.asked)
    hidden = tmp_path / "out" / ".rlbff"
    (hidden / "done" / "part-00000.json").unlink()  # as if killed before the comparison
    score(path, tmp_path / "out", output="pairs", principle=("a",), min_margin=1.0)
    assert len(fake.asked) == asked
    assert min(row["margin"] for row in rows_of(tmp_path / "out")) >= 1
    assert len(rows_of(hidden / "scores")) == len(samples())


def test_overwriting_with_another_margin_asks_nothing_again(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", samples())
    score(path, tmp_path / "out", output="pairs", principle=("a",))
    asked = len(fake.asked)
    again = RunOptions(overwrite=True)
    score(path, tmp_path / "out", output="pairs", principle=("a",), min_margin=1.0, run=again)
    assert len(fake.asked) == asked
    assert min(row["margin"] for row in rows_of(tmp_path / "out")) >= 1
    score(path, tmp_path / "out", output="pairs", principle=("b",), min_margin=1.0, run=again)
    assert len(fake.asked) > asked


def test_shares_score_apart_and_the_last_one_compares(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", samples())
    options: dict[str, Any] = {"output": "pairs", "principle": ("a",)}
    score(path, tmp_path / "whole", **options, run=RunOptions(rows_per_shard=4))
    first = score(path, tmp_path / "out", **options, run=RunOptions(rows_per_shard=4, shard="2/2"))
    assert (first.complete, rows_of(tmp_path / "out")) == (False, [])
    last = score(path, tmp_path / "out", **options, run=RunOptions(rows_per_shard=4, shard="1/2"))
    assert last.complete
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")


def test_trl_and_datasets_read_the_outputs(tmp_path: Path, fake: FakeModel) -> None:
    path = write(tmp_path / "rows.jsonl", samples())
    for output in ("scores", "best-of-n", "pairs"):
        score(path, tmp_path / output, output=output, principle=("a",))
    loaded = {
        name: datasets.load_dataset(str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache"))
        for name in ("scores", "best-of-n", "pairs")
    }
    assert len(loaded["scores"]) == len(samples())
    assert all(is_conversational(rows[0]) for rows in loaded.values())
    assert {"prompt", "completion"} <= set(loaded["best-of-n"].column_names)
    pairs = loaded["pairs"]
    assert {"prompt", "chosen", "rejected", "margin"} <= set(pairs.column_names)
    flat = unpair_preference_dataset(pairs.select_columns(["prompt", "chosen", "rejected"]))
    assert len(flat) == 2 * len(pairs)
    assert flat[0]["completion"] == pairs[0]["chosen"]
