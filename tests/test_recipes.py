"""The shell chains of docs/recipes/ run to their end, in pipes."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tests.extract_principles.commands import environment, manifest_of, rows_of
from tests.tiny_rewards import save_entailment_rm


def run_recipe(
    root: Path, name: str, *arguments: object, cwd: Path, seconds: float = 280
) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(root / "docs" / "recipes" / name), *map(str, arguments)]
    # the command beside the Python that runs the tests, also where its environment is not activated
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = environment(OMP_NUM_THREADS="1", PATH=path)
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.fixture
def few_reviews(root: Path, tmp_path: Path) -> Path:
    """The first conversations of the sample reviews: enough to run the chain, too few to learn from."""
    lines = (root / "sample_data" / "reviews.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    few = tmp_path / "reviews.jsonl"
    few.write_text("".join(lines[:60]), encoding="utf-8")
    return few


@pytest.mark.slow
def test_the_chain_to_a_reward_model_runs_offline_in_pipes(root: Path, few_reviews: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "reward-model.sh", few_reviews, "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("principles", "rm", "scores", "calibration", "pairs", "sensitivity", "best"):
        assert manifest_of(tmp_path / "out" / name)["rows"]["rejected"] == 0
    scored = rows_of(tmp_path / "out" / "scores")
    assert all(row["p_yes"] is None or 0 <= row["p_yes"] <= 1 for row in scored)
    assert len(rows_of(tmp_path / "out" / "best")) == len({str(row["prompt"]) for row in scored})


def test_programs_become_training_data_and_pairs_of_arms(root: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "verified-code.sh", root / "sample_data" / "programs.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    train = rows_of(tmp_path / "out" / "train")
    assert all(row["kept"] and row["truth"] for row in train)
    assert max(Counter(row["problem_id"] for row in train).values()) == 2
    right, wrong = (rows_of(tmp_path / "out" / f"arm-{name}") for name in ("correct", "incorrect"))
    assert sorted(row["problem_id"] for row in right) == sorted(row["problem_id"] for row in wrong)
    assert {row["truth"] for row in right} == {True}
    assert {row["truth"] for row in wrong} == {False}


def test_chains_of_thought_become_a_selection_with_its_arms(root: Path, tmp_path: Path) -> None:
    samples = root / "sample_data"
    done = run_recipe(root, "reasoning-data.sh", samples / "cots.jsonl", samples / "core.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    selected = rows_of(tmp_path / "out" / "selected")
    assert Counter(row["core_id"] for row in selected) == {f"core-{number:02d}": 4 for number in range(12)}
    figures = {(row["group"], row["metric"]): row for row in rows_of(tmp_path / "out" / "arms")}
    # what is planted: the core set reasons like the right, reflective chains of the pool
    assert figures["assign", "correct_minus_pool"]["low"] > 0
    assert figures["assign", "mean_distance"]["value"] < figures["assign:learnability:0.5", "mean_distance"]["value"]
    assert ("assign:lambda=1", "correct") in figures
    built = rows_of(tmp_path / "out" / "built")
    assert len(built) == 48
    assert len({row["core_id"] for row in built}) == 12


@pytest.mark.slow
def test_a_chain_whose_first_command_fails_fails_whole(root: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "reward-model.sh", "nothing.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 65
    assert "nothing.jsonl" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rewards_make_policies_that_are_measured_before_and_after(root: Path, tmp_path: Path) -> None:
    samples = root / "sample_data"
    rm = save_entailment_rm(tmp_path / "rm", fidelity="demo")
    files = [samples / "prompts.jsonl", samples / "tasks.jsonl", rm, "out", "--generations", 2]
    done = run_recipe(root, "policy.sh", *files, cwd=tmp_path, seconds=580)
    assert done.returncode == 0, done.stderr
    # two sources, one of which judges by the principle that no prompt names
    rollouts = parquet.read_table(tmp_path / "out" / "advice" / "rollouts").to_pylist()
    assert {tuple(part["name"] for part in row["parts"]) for row in rollouts} == {("rm", "check")}
    assert Counter(row["generation"] for row in rollouts if row["dropped_by"] is None).keys() == {0, 1}
    assert not any(row["principle"] in row["prompt"][0]["content"] for row in rollouts)
    for preset in ("grpo", "ce-gppo"):
        assert manifest_of(tmp_path / "out" / preset)["rows"]["kept"] == 8
    figures = {row["metric"]: row["value"] for row in rows_of(tmp_path / "out" / "measured-ce-gppo")}
    assert figures["avg@16.difference"] == pytest.approx(figures["avg@16"] - figures["avg@16.against"])
    page = done.stdout.rpartition("To look at: ")[2].split(",")[0]
    assert (tmp_path / page).read_text(encoding="utf-8").startswith("<!doctype html>")
