"""`rlbff select-cotp` as it is typed: what it prints, what it loads, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pq
import pytest

from tests.extract_principles.commands import rlbff, rows_of
from tests.select_cotp.pools import cots, files, write


def test_it_prints_the_folder_and_tells_the_arms(tmp_path: Path) -> None:
    files(tmp_path)
    done = rlbff("select-cotp", "pool.jsonl", "--core", "core.jsonl", "--per-core", "2", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "pool.selected\n"), done.stderr
    assert "certified optimal over all pairs" in done.stderr
    for arm in ("assign", "knn", "random", "random-matched"):
        assert arm in done.stderr
    assert "40 rows = 8 selected + 32 dropped + 0 rejected" in done.stderr
    page = (tmp_path / "pool.selected" / ".rlbff" / "report" / "selection.html").read_text()
    assert page.startswith("<!doctype html>")
    assert rows_of(tmp_path / "pool.selected")[0]["id"] in page


def test_json_has_certificate_scales_and_arms(tmp_path: Path) -> None:
    files(tmp_path)
    done = rlbff("select-cotp", "pool.jsonl", "--core", "core.jsonl", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    facts = report["facts"]
    assert facts["certificate"]["certified"] is True
    assert [arm["arm"] for arm in facts["arms"]][:2] == ["pool", "assign"]
    assert len(facts["scales"]) == 2


def test_any_arm_can_be_written(tmp_path: Path) -> None:
    files(tmp_path)
    arguments = ("select-cotp", "pool.jsonl", "--core", "core.jsonl", "--sweep", "0,1", "--per-core", "2")
    for arm in ("assign:lambda=0", "random-matched", "knn"):
        done = rlbff(*arguments, "--output-arm", arm, "--overwrite", "-o", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        written = rows_of(tmp_path / "out")
        table = pq.read_table(tmp_path / "out" / ".rlbff" / "arms" / "part-00000.parquet").to_pylist()
        assert {row["arm"] for row in written} == {arm}
        assert {row["id"] for row in written} == {row["id"] for row in table if row["arm"] == arm}
        assert len(written) == 8


def test_the_rows_of_another_pair_can_be_asked_for(tmp_path: Path) -> None:
    files(tmp_path)
    assert rlbff("select-cotp", "pool.jsonl", "--core", "core.jsonl", "-o", "out", cwd=tmp_path).returncode == 0
    left = next(
        f"p{number}" for number in range(40) if f"p{number}" not in {row["id"] for row in rows_of(tmp_path / "out")}
    )
    arguments = ("select-cotp", "pool.jsonl", "--core", "core.jsonl", "-o", "out")
    assert rlbff(*arguments, "--show", f"{left}=c1", cwd=tmp_path).returncode == 0
    page = (tmp_path / "out" / ".rlbff" / "report" / "selection.html").read_text()
    assert f"{left}: " in page
    done = rlbff(*arguments, "--show", left, cwd=tmp_path)
    assert (done.returncode, "CORE_ID" in done.stderr) == (0, True)
    done = rlbff(*arguments, "--show", "nobody=c1", cwd=tmp_path)
    assert (done.returncode, "'nobody'" in done.stderr) == (0, True)
    done = rlbff(*arguments, "--show", f"{left}=nobody", cwd=tmp_path)
    assert (done.returncode, "'nobody' is no row of the core set" in done.stderr) == (0, True)


def test_a_run_without_models_loads_neither_torch_nor_tslearn(
    tmp_path: Path, run_python: Callable[..., "CompletedProcess[str]"]
) -> None:
    pool, core = files(tmp_path)
    code = (
        "import sys\nfrom rlbff_cli.main import main\n"
        f"sys.argv = ['rlbff', 'select-cotp', {str(pool)!r}, '--core', {str(core)!r}, '-o', 'out']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(sorted({'torch', 'tslearn', 'sklearn', 'transformers'} & set(sys.modules)))"
    )
    done = run_python("-c", code)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_dry_run_forecasts_the_time_and_writes_nothing(tmp_path: Path) -> None:
    files(tmp_path)
    done = rlbff("select-cotp", "pool.jsonl", "--core", "core.jsonl", "--dry-run", "--json", cwd=tmp_path)
    facts = json.loads(done.stdout)["facts"]
    assert facts["forecast"]["pairs"] == 160
    assert facts["forecast"]["seconds_for_distances"] >= 0
    assert not (tmp_path / "pool.selected").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("pool.jsonl",), 2, "--core"),
        (("pool.jsonl", "--core", "nowhere.jsonl"), 66, "nowhere.jsonl"),
        (("pool.jsonl", "--core", "core.jsonl", "--per-core", "11"), 65, "--per-core 10"),
        (("pool.jsonl", "--core", "core.jsonl", "--utility", "learnability"), 65, "success_rate"),
        (("pool.jsonl", "--core", "core.jsonl", "--pattern-map", "nowhere.json"), 66, "nowhere.json"),
        (("pool.jsonl", "--build-core", "3", "--accept-list", "nowhere.txt"), 66, "nowhere.txt"),
        (("bare.jsonl", "--core", "core.jsonl"), 65, "--entropy-model"),
        (("pool.jsonl", "--core", "core.jsonl", "--patterns", "llm"), 2, "--llm"),
        (("pool.jsonl", "--core", "core.jsonl", "--benchmarks", "pool.jsonl"), 65, "contaminated 40"),
    ],
)
def test_mistakes_get_one_line_and_their_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    files(tmp_path)
    bare = [{name: row[name] for name in ("id", "prompt", "completion")} for row in cots("p", 5, 1)]
    write(tmp_path / "bare.jsonl", bare)
    done = rlbff("select-cotp", *arguments, "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_ten_thousand_names_and_names_in_other_scripts(tmp_path: Path) -> None:
    rows = [
        row | {"patterns": [f"{name} 第{number}" for name in row["patterns"]]}
        for number, row in enumerate(cots("p", 2000, 1))
    ]
    write(tmp_path / "pool.jsonl", rows)
    write(tmp_path / "core.jsonl", cots("c", 4, 2))
    done = rlbff("select-cotp", "pool.jsonl", "--core", "core.jsonl", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--pattern-map" in done.stderr
