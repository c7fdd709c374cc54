"""The chains of docs/recipes/ run to their end: in pipes, under make, as a Slurm array, as jobs of CI; a demo that was
made shows the numbers that their heads promise."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
import yaml

from tests.extract_principles.commands import environment, manifest_of, rows_of
from tests.servers.scripted import completion, scripted
from tests.tiny_rewards import save_entailment_rm

EXPECTED = [
    ("pairs", "all", "accuracy", 0.90, 0.05),
    ("pairs", "all", "accuracy.against", 0.68, 0.08),
    ("pairs", "all", "accuracy.difference", 0.22, 0.08),
    ("code/verification", "kept", "precision", 1.0, 0.0),
    ("code/verification", "consensus", "recall", 1.0, 0.0),
    ("code/verification", "frac:1.0", "precision", 0.93, 0.01),
    ("cots/arms", "assign", "correct", 0.77, 0.01),
    ("cots/arms", "assign", "correct_minus_pool", 0.29, 0.01),
    ("cots/arms", "assign", "correct_minus_length", 0.23, 0.01),
    ("policy/before", "all", "avg@32", 0.004, 0.02),
    ("policy/measured-grpo", "all", "avg@16", 0.66, 0.25),
    ("policy/measured-ce-gppo", "all", "avg@16", 0.50, 0.25),
]
"""Folder, group, metric, the value that a recipe's head states, and how far another machine's may lie from it."""


def run_recipe(
    root: Path, name: str, *arguments: object, cwd: Path, seconds: float = 280, **changes: str
) -> subprocess.CompletedProcess[str]:
    return shell(root, "bash", root / "docs" / "recipes" / name, *arguments, cwd=cwd, seconds=seconds, **changes)


def shell(
    root: Path, *command: object, cwd: Path, seconds: float = 280, **changes: str
) -> subprocess.CompletedProcess[str]:
    # the command beside the Python that runs the tests, also where its environment is not activated
    path = f"{changes.pop('PATH', '')}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: text for name, text in environment().items() if name not in HEADS and "SLURM" not in name}
    settings = inherited | {"OMP_NUM_THREADS": "1", "PATH": path.lstrip(os.pathsep)} | changes
    words = list(map(str, command))
    return subprocess.run(words, cwd=cwd, env=settings, capture_output=True, text=True, timeout=seconds, check=False)


HEADS = {
    "MODEL",
    "LLM",
    "PAIRS",
    "RM_BENCH",
    "JUDGEBENCH",
    "KEEP",
    "DISTINCT",
    "PER_CORE",
    "ENTROPY_MODEL",
    "TRAINING",
    "ARMS",
}
"""What the recipes read from the environment."""


@pytest.fixture
def samples(root: Path) -> Path:
    return root / "sample_data"


@pytest.fixture
def few_reviews(samples: Path, tmp_path: Path) -> Path:
    """The first conversations of the sample reviews: enough to run the chain, too few to learn from."""
    return first_lines(samples / "reviews.jsonl", 60, tmp_path / "reviews.jsonl")


def first_lines(source: Path, number: int, target: Path) -> Path:
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    target.write_text("".join(lines[:number]), encoding="utf-8")
    return target


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_chain_to_two_reward_models_runs_offline_in_pipes(root: Path, few_reviews: Path, tmp_path: Path) -> None:
    bench = tmp_path / "total_dataset.json"
    bench.write_text(json.dumps([rm_bench_row(number) for number in range(2)]), encoding="utf-8")
    options = ("--epochs", 1, "--step-tokens", 1024)
    settings: dict[str, Any] = {"cwd": tmp_path, "seconds": 580, "RM_BENCH": str(bench)}
    done = run_recipe(root, "reward-model.sh", few_reviews, "out", *options, **settings)
    assert done.returncode == 0, done.stderr
    for name in ("principles", "rm", "scores", "calibration", "pairs", "sensitivity", "best", "rm-bench"):
        assert manifest_of(tmp_path / "out" / name)["rows"]["rejected"] == 0
    scored = rows_of(tmp_path / "out" / "scores")
    assert all(row["p_yes"] is None or 0 <= row["p_yes"] <= 1 for row in scored)
    assert len(rows_of(tmp_path / "out" / "best")) == len({str(row["prompt"]) for row in scored})
    arms = [manifest_of(tmp_path / "out" / name)["facts"]["trained_on"] for name in ("rm", "bradley-terry")]
    assert arms[0]["conversations"] == arms[1]["conversations"]
    assert arms[0]["rows"] > 0 == arms[1]["rows"]
    assert arms[1]["pairs"] > 0 == arms[0]["pairs"]
    # the two were trained by the same --step-tokens, which is not what makes their updates equal, and this is told
    assert ("NOT matched" in done.stdout) is (arms[0]["updates"] != arms[1]["updates"])
    for folder in ("pairs", "rm-bench"):
        assert {"accuracy", "accuracy.against", "accuracy.difference"} <= figures(tmp_path / "out" / folder).keys()


def rm_bench_row(number: int) -> dict[str, Any]:
    right, wrong = [f"It is {number} {tail}" for tail in ("", "indeed", "!")], ["No.", "Not at all.", "Who knows?"]
    return {"id": str(number), "prompt": f"What is {number}?", "chosen": right, "rejected": wrong, "domain": "math"}


def figures(folder: Path, group: str = "all") -> dict[str, float]:
    return {row["metric"]: row["value"] for row in rows_of(folder) if row["group"] == group}


def test_programs_become_training_data_and_pairs_of_arms(root: Path, samples: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "verified-code.sh", samples / "programs.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = {row["id"]: row for row in rows_of(tmp_path / "out" / "verdicts")}
    train = json_lines(tmp_path / "out" / "sft.jsonl")
    assert all(verdicts[row["id"]]["kept"] and verdicts[row["id"]]["truth"] for row in train)
    assert Counter(row["problem_id"] for row in train) == dict.fromkeys({row["problem_id"] for row in train}, 2)
    assert len({(row["problem_id"], row["cluster"]) for row in train}) == len(train)
    right, wrong = (rows_of(tmp_path / "out" / f"arm-{name}") for name in ("correct", "incorrect"))
    assert sorted(row["problem_id"] for row in right) == sorted(row["problem_id"] for row in wrong)
    assert {row["truth"] for row in right} == {True}
    assert {row["truth"] for row in wrong} == {False}
    check_figures(tmp_path / "out", "code/")


def test_tests_that_a_model_writes_part_right_programs_from_wrong_ones(
    root: Path, samples: Path, tmp_path: Path
) -> None:
    """One weak test of each program is left; the model proposes the inputs that the sample's other tests have."""
    rows = json_lines(first_lines(samples / "programs.jsonl", 5, tmp_path / "all.jsonl"))
    programs = tmp_path / "programs.jsonl"
    programs.write_text("".join(json.dumps(row | {"tests": row["tests"][2:3]}) + "\n" for row in rows))
    proposal = json.dumps({"inputs": [[[2, -2, 4]], [[]], [["a", 1]]]})
    with scripted(lambda call: completion(proposal)) as server:
        done = run_recipe(root, "verified-code.sh", programs, "out", cwd=tmp_path, LLM=server.url, ARMS="")
    assert done.returncode == 0, done.stderr[-1500:]
    assert server.calls
    tests = {row["test_id"]: row for row in rows_of(tmp_path / "out" / "verdicts" / ".rlbff" / "tests")}
    assert "m" in {row["origin"] for row in tests.values()}
    kept = {row["id"] for row in json_lines(tmp_path / "out" / "sft.jsonl")}
    assert kept <= {"running-total-0", "running-total-1", "running-total-2"}
    assert len(kept) == 2


def test_chains_of_thought_become_a_selection_with_its_arms(root: Path, samples: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "reasoning-data.sh", samples / "cots.jsonl", samples / "core.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    selected = rows_of(tmp_path / "out" / "selected")
    assert Counter(row["core_id"] for row in selected) == {f"core-{number:02d}": 4 for number in range(12)}
    assert [row["id"] for row in json_lines(tmp_path / "out" / "sft.jsonl")] == [row["id"] for row in selected]
    arms = {(row["group"], row["metric"]): row for row in rows_of(tmp_path / "out" / "arms")}
    # what is planted: the core set reasons like the right, reflective chains of the pool
    assert arms["assign", "correct_minus_pool"]["low"] > 0
    assert arms["assign", "mean_distance"]["value"] < arms["assign:learnability:0.5", "mean_distance"]["value"]
    assert ("assign:lambda=1", "correct") in arms
    built = rows_of(tmp_path / "out" / "built")
    assert len(built) == 48
    assert len({row["core_id"] for row in built}) == 12
    check_figures(tmp_path / "out", "cots/")


@pytest.mark.slow
def test_a_chain_whose_first_command_fails_fails_whole(root: Path, tmp_path: Path) -> None:
    done = run_recipe(root, "reward-model.sh", "nothing.jsonl", "out", cwd=tmp_path)
    assert done.returncode == 65
    assert "nothing.jsonl" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rewards_make_policies_that_are_measured_before_and_after(root: Path, samples: Path, tmp_path: Path) -> None:
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
    measured = figures(tmp_path / "out" / "measured-ce-gppo")
    assert measured["avg@16.difference"] == pytest.approx(measured["avg@16"] - measured["avg@16.against"])
    page = done.stdout.rpartition("To look at: ")[2].split(",")[0]
    assert (tmp_path / page).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_finished_demo_shows_the_numbers_that_the_heads_promise(root: Path) -> None:
    """Of the last `make demo` here, or of the run that RLBFF_DEMO names."""
    demo = Path(os.environ.get("RLBFF_DEMO", root / "demo"))
    if not all((demo / folder / ".rlbff" / "manifest.json").exists() for folder, *_ in EXPECTED):
        pytest.skip("no finished `make demo`")
    check_figures(demo)
    arms = [manifest_of(demo / name)["facts"]["trained_on"] for name in ("rm", "bradley-terry")]
    assert (arms[0]["conversations"], arms[0]["updates"]) == (arms[1]["conversations"], arms[1]["updates"])
    held_out = manifest_of(demo / "rm")["facts"]["held_out"]
    assert held_out["accuracy.calibrated"] == pytest.approx(0.83, abs=0.05)
    assert held_out["auroc.calibrated"] == pytest.approx(0.90, abs=0.05)
    assert (demo / "report.html").stat().st_size < 1_000_000


def check_figures(folder: Path, prefix: str = "") -> None:
    for name, group, metric, value, bound in EXPECTED:
        if name.startswith(prefix):
            found = figures(folder / name.removeprefix(prefix), group)[metric]
            assert found == pytest.approx(value, abs=bound + 0.005), (name, group, metric)


@pytest.mark.parametrize("name", ["reward-model.sh", "verified-code.sh", "reasoning-data.sh", "policy.sh"])
def test_a_head_says_what_is_proved_what_it_costs_and_what_to_expect(root: Path, name: str) -> None:
    head = (root / "docs" / "recipes" / name).read_text(encoding="utf-8").split("set -euo pipefail")[0]
    proves, costs, expect = re.split(r"# (?:Proves|Costs|Expect) ", head)[1:]
    assert "arXiv" in proves
    assert "sample_data:" in costs
    assert "estimate" in costs
    assert "sample_data:" in expect
    assert "paper" in expect
    folder = {"reward-model.sh": "pairs", "verified-code.sh": "code/", "reasoning-data.sh": "cots/"}.get(
        name, "policy/"
    )
    stated = {float(number) for number in re.findall(r"(?<![\d.])\d*\.\d+|(?<![\d.])1(?![\d.])", expect)}
    assert {value for place, *_, value, _ in EXPECTED if place.startswith(folder)} <= stated


def test_targets_of_make_are_made_once_and_go_on(root: Path, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples, tmp_path / "sample_data")
    makefile = root / "docs" / "recipes" / "Makefile"
    settings = ["-f", makefile, "FEEDBACK=sample_data/feedback.jsonl", "OUT=out"]
    targets = ["principles", "verification"]
    first = shell(root, "make", *settings, *targets, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert len(rows_of(tmp_path / "out" / "principles")) > 50
    assert figures(tmp_path / "out" / "verification", "kept")["precision"] == 1
    again = shell(root, "make", *settings, *targets, cwd=tmp_path)
    assert again.stdout.count("Nothing to be done") == 2
    # a folder without its manifest is unfinished: it goes on, and what is made of it is made again
    (tmp_path / "out" / "verdicts" / ".rlbff" / "manifest.json").unlink()
    rest = shell(root, "make", "-n", *settings, *targets, cwd=tmp_path)
    made = [line for line in rest.stdout.splitlines() if line.startswith("rlbff")]
    assert [line.split()[1] for line in made] == ["verify-code", "eval"]


def test_make_plans_all_stages_in_the_order_of_their_needs(root: Path, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples, tmp_path / "sample_data")
    plan = shell(root, "make", "-n", "-f", root / "docs" / "recipes" / "Makefile", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    commands = [line.split() for line in plan.stdout.splitlines() if line.startswith("rlbff")]
    written = [words[words.index("-o") + 1] for words in commands]
    assert len(set(written)) == 8
    assert {words[1] for words in commands} >= {"extract-principles", "train-rm", "score", "verify-code", "select-cotp"}
    for words, folder in zip(commands, written, strict=True):
        needed = {name for name in written if any(word == name or word.startswith(f"{name}/") for word in words)}
        assert all(written.index(name) < written.index(folder) for name in needed - {folder})


SBATCH = """#!/usr/bin/env bash
# as the scheduler: the tasks of an array one after the other, the last first, then what depends on them
echo "$*" >> calls
array=
while [[ $1 == --* ]]; do [[ $1 == --array=* ]] && array=${1#--array=1-}; shift; done
[[ -z $array ]] && exec bash "$@"
export SLURM_ARRAY_JOB_ID=77 SLURM_ARRAY_TASK_COUNT=$array SLURM_ARRAY_TASK_MIN=1
for ((task = array; task > 0; task--)); do
  SLURM_ARRAY_TASK_ID=$task bash "$@" 1>&2 || exit
done
echo 77
"""


def test_tasks_of_a_slurm_array_fill_one_folder(root: Path, samples: Path, tmp_path: Path) -> None:
    write_program(tmp_path / "bin" / "sbatch", SBATCH)
    files = [samples / "feedback.jsonl", "out", 3]
    settings = {"PATH": str(tmp_path / "bin"), "ROWS_PER_SHARD": "20"}
    done = run_recipe(root, "slurm-array.sh", *files, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    share, after = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert "--array=1-3" in share
    assert "--dependency=afterok:77" in after
    assert "0 left" in done.stdout
    whole = shell(
        root,
        "rlbff",
        "extract-principles",
        files[0],
        "--llm",
        "rules",
        "--rows-per-shard",
        20,
        "-o",
        "one",
        cwd=tmp_path,
    )
    assert whole.returncode == 0, whole.stderr
    parts = [
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.parquet")}
        for name in ("one", "out/principles")
    ]
    assert len(parts[0]) == 4
    assert parts[0] == parts[1]
    assert len(json_lines(tmp_path / "out" / "labels.jsonl")) == len(rows_of(tmp_path / "one"))


def test_a_stopped_task_of_the_array_queues_itself_again(root: Path, tmp_path: Path) -> None:
    write_program(tmp_path / "bin" / "rlbff", "#!/usr/bin/env bash\nexit ${CODE}\n")
    write_program(tmp_path / "bin" / "scontrol", '#!/usr/bin/env bash\necho "$*" >> calls\n')
    task = {
        "RLBFF_STEP": "share",
        "SLURM_ARRAY_JOB_ID": "77",
        "SLURM_ARRAY_TASK_ID": "2",
        "PATH": str(tmp_path / "bin"),
    }
    assert run_recipe(root, "slurm-array.sh", "rows", "out", cwd=tmp_path, CODE="75", **task).returncode == 0
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "requeue 77_2\n"
    assert run_recipe(root, "slurm-array.sh", "rows", "out", cwd=tmp_path, CODE="3", **task).returncode == 3
    assert (tmp_path / "calls").read_text(encoding="utf-8").count("\n") == 1


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def test_jobs_of_continuous_integration_run_in_their_order(root: Path, samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples, tmp_path / "sample_data")
    write_program(tmp_path / "bin" / "pip", "#!/usr/bin/env bash\n")
    workflow = yaml.safe_load((root / "docs" / "recipes" / "github-actions.yml").read_text(encoding="utf-8"))
    settings = workflow["env"] | {"GITHUB_STEP_SUMMARY": "summary", "PATH": str(tmp_path / "bin")}
    begun: list[str] = []
    for name, job in workflow["jobs"].items():
        assert set(job.get("needs", [])) <= set(begun)
        begun.append(name)
        for step in job["steps"]:
            assert ("run" in step) is not ("uses" in step)
            if "run" in step:
                done = shell(root, "bash", "-eo", "pipefail", "-c", step["run"], cwd=tmp_path, **settings)
                assert done.returncode == 0, (step["run"], done.stderr)
        saved = [step["with"]["key"] for step in job["steps"] if "cache" in step.get("uses", "")]
        assert len(set(saved)) <= 1  # what is stored is what is restored
    assert (tmp_path / "summary").read_text(encoding="utf-8").count("finished") == 3


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
