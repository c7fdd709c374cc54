"""A finished run at the command line: what is in its folder, who reads it, and that the command gives it again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.toy_policy import save_toy_policy, toy_rows
from tests.train_policy.killing import Server, server, stored

OPTIONS = ["--group-size", "4", "--prompts-per-generation", "4", "--prompts-per-update", "2", "--generations", "2"]
OPTIONS += ["--max-new-tokens", "4", "--learning-rate", "1e-2", "--model", "../base", "--reward", "py:mine:share"]
OPTIONS += ["--py-path", "..", "-o", "out"]


@pytest.fixture(scope="module")
def runs() -> Iterator[Server]:
    with server() as opened:
        yield opened


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, runs: Server) -> Path:
    """A folder whose `first` holds a finished run in `out`."""
    home = tmp_path_factory.mktemp("home")
    save_toy_policy(home / "base")
    (home / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in toy_rows(8)))
    (home / "mine.py").write_text("def share(completion):\n    return len(completion) / 100\n")
    run(runs, home / "first")
    return home


def run(runs: Server, folder: Path, *options: str) -> str:
    folder.mkdir(exist_ok=True)
    code = runs.run(folder, ["train-policy", "../prompts.jsonl", *OPTIONS, *options])
    assert code == 0, (folder / "stderr").read_text()
    return (folder / "stdout").read_text()


def test_the_same_command_gives_the_same_bytes_in_another_folder(runs: Server, home: Path) -> None:
    assert run(runs, home / "second") == "out\n"
    assert stored(home / "second" / "out") == stored(home / "first" / "out")
    run(runs, home / "third", "--seed", "1")
    assert stored(home / "third" / "out")["model.safetensors"] != stored(home / "first" / "out")["model.safetensors"]


def test_a_dry_run_writes_nothing(runs: Server, home: Path) -> None:
    assert run(runs, home / "dry", "--dry-run") == ""
    assert sorted(path.name for path in (home / "dry").iterdir()) == ["journal", "stderr", "stdout"]
    assert "would update" in (home / "dry" / "stderr").read_text()


def test_json_says_where_the_policy_is_and_what_became_of_the_rows(runs: Server, home: Path) -> None:
    told = json.loads(run(runs, home / "first", "--json"))
    assert (told["folder"], told["complete"], told["rows"]["in"]) == ("out", True, 8)


def test_a_limit_takes_the_first_prompts(runs: Server, home: Path) -> None:
    run(runs, home / "limited", "--limit", "4")
    rollouts = pq.read_table(home / "limited" / "out" / "rollouts")
    assert set(rollouts["prompt_id"].to_pylist()) == {"p0", "p1", "p2", "p3"}


@pytest.mark.parametrize("table", ["rollouts", "metrics"])
def test_tables_are_read_by_the_tools_of_others(home: Path, table: str) -> None:
    datasets = pytest.importorskip("datasets")
    folder = home / "first" / "out" / table
    rows = pq.read_table(folder).num_rows
    assert rows > 0
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(home / "cache"))
    assert loaded.num_rows == rows


def test_status_and_cat_know_the_folder(runs: Server, home: Path) -> None:
    assert runs.run(home / "first", ["status", "out"]) == 0
    assert "metrics by train-policy, finished" in (home / "first" / "stdout").read_text()
    assert runs.run(home / "first", ["cat", "out", "--limit", "1"]) == 0
    assert json.loads((home / "first" / "stdout").read_text())["benchmark"] == "training"
