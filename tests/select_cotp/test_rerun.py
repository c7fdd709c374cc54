"""A folder that is made again under other options: the same bytes as a fresh one, by chains that are kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.select_cotp.pools import cots, files, select, write

POOL, CORE = cots("p", 40, 1), cots("c", 4, 2)
BASE: dict[str, Any] = {"per_core": 2, "rows_per_shard": 15}
SELECTING: list[dict[str, Any]] = [
    {"per_core": 3},
    {"tokens": 300.0, "per_core": None},
    {"lambda_": 0.3},
    {"sweep": ("0,1",)},
    {"arms": ("greedy",)},
    {"method": "knn"},
    {"output_arm": "random"},
    {"max_distance": 0.9},
    {"max_gap": 0.5},
    {"scale": "none"},
    {"weights": "none"},
    {"idf": "plain"},
    {"name_distance": "exact"},
    {"band": 0.2},
    {"candidates": 5},
    {"utility": "potential"},
    {"build_core": 3, "core": ()},
    {"pictures": 2},
]
CHAINING: list[dict[str, Any]] = [
    {"bins": "8"},
    {"bins": "none"},
    {"patterns": "rules"},
    {"pattern_map": "names.json"},
    {"benchmarks": ("bench.jsonl",)},
    {"near_duplicates": None},
    {"match_by": ("question_id",)},
    {"limit": 30},
    {"lambda_": 1.0},
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pool, _ = files(tmp_path)
    write(pool, [row | {"success_rate": number / 40} for number, row in enumerate(POOL)])
    (tmp_path / "names.json").write_text('{"restate": "plan"}')
    write(tmp_path / "bench.jsonl", [{"question": POOL[3]["prompt"]}])
    return tmp_path


def made(here: Path, out: Path, options: dict[str, Any]) -> dict[str, bytes]:
    """Every shard, what was decided and the page; candidates depend on what a process had seen."""
    given = BASE | options
    core = None if "build_core" in given else here / "core.jsonl"
    changed = {name: value for name, value in given.items() if name != "core"}
    if "pattern_map" in changed:
        changed["pattern_map"] = Path(changed["pattern_map"])
    select(here / "pool.jsonl", core, out, overwrite=True, **changed)
    found = [path for path in sorted(out.rglob("*")) if path.suffix in (".parquet", ".json", ".html")]
    return {str(path.relative_to(out)): path.read_bytes() for path in found if "candidates" not in str(path)}


@pytest.mark.parametrize("options", [*SELECTING, *CHAINING], ids=str)
def test_a_folder_made_again_is_like_a_fresh_one(here: Path, options: dict[str, Any]) -> None:
    fresh = made(here, here / "fresh" / "out", options)
    first = made(here, here / "again" / "out", {})
    chains = {path: path.stat().st_mtime_ns for path in (here / "again" / "out" / ".rlbff" / "chains").glob("part*")}
    again = made(here, here / "again" / "out", options)
    assert again.keys() == fresh.keys()
    for name, data in fresh.items():
        assert again[name] == data, name
    if options != {"pictures": 2} and options != {"candidates": 5}:
        assert again != first
    if options in SELECTING:
        assert {path: path.stat().st_mtime_ns for path in chains} == chains
    # and back
    assert made(here, here / "again" / "out", {}) == first


@pytest.mark.parametrize("name", ["names.json", "bench.jsonl", "core.jsonl", "ids.txt"])
def test_another_text_of_a_file_that_an_option_names_is_seen(here: Path, name: str) -> None:
    right = [row["id"] for row in POOL if row["correct"]]
    (here / "ids.txt").write_text(right[0])
    other = {
        "names.json": '{"plan": "restate"}',
        "bench.jsonl": json.dumps({"question": POOL[8]["prompt"]}),
        "core.jsonl": (here / "core.jsonl").read_text().replace("plan", "compute"),
        "ids.txt": right[5],
    }[name]
    options: dict[str, Any] = {"pattern_map": "names.json", "benchmarks": ("bench.jsonl",)}
    if name == "ids.txt":
        options |= {"build_core": 3, "accept_list": here / "ids.txt"}
    first = made(here, here / "again" / "out", options)
    (here / name).write_text(other)
    again = made(here, here / "again" / "out", options)
    assert again != first
    assert again == made(here, here / "fresh" / "out", options)
