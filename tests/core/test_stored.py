import json
from pathlib import Path

import pyarrow as pa
import pytest

from stages.core.manifest import Done, write_done
from stages.core.shards import part_path, write_part
from stages.core.stored import (
    column_names,
    finished_parts,
    mapping,
    objects,
    parts_note,
    stored_facts,
    stored_json,
    stored_rows,
    stored_stats,
    stored_sums,
)


def make(root: Path, parts: int = 3, rows: int = 4) -> list[Path]:
    """A folder in which part p has the ids `p0`, `p1` ..."""
    (root / ".rlbff" / "stats").mkdir(parents=True)
    (root / ".rlbff" / "plan.json").write_text(json.dumps({"parts": parts}))
    paths = [part_path(root, part) for part in range(parts)]
    for part, path in enumerate(paths):
        table = pa.table({"id": [f"{part}{row}" for row in range(rows)], "n": list(range(rows))})
        write_part(path, table, {}, root / ".rlbff" / "tmp")
        stats = root / ".rlbff" / "stats" / path.with_suffix(".json").name
        stats.write_text(json.dumps({"part": part}))
        files = {path.name: path.stat().st_size}
        record = Done(
            part=part,
            fingerprint="f",
            rows={"in": rows, "kept": rows, "dropped": 0, "rejected": 0},
            written=rows,
            counts={"seen": 2},
        )
        write_done(root, Done(**{**record.__dict__, "files": files}))
    return paths


def test_what_whole_parts_add_up_to(tmp_path: Path) -> None:
    paths = make(tmp_path)
    assert stored_sums(tmp_path)["counts"] == {"seen": 6}
    assert parts_note(tmp_path) == ""
    paths[1].write_text("other")
    assert [done.part for done in finished_parts(tmp_path)] == [0, 2]
    assert list(stored_stats(tmp_path, finished_parts(tmp_path))) == [{"part": 0}, {"part": 2}]
    assert stored_sums(tmp_path)["rows"] == {"in": 8, "kept": 8, "dropped": 0, "rejected": 0}
    assert parts_note(tmp_path) == "Of 2 of 3 parts."


def test_a_manifest_counts_for_the_whole_run(tmp_path: Path) -> None:
    paths = make(tmp_path)
    paths[1].unlink()
    manifest = {"counts": {"seen": 99}, "written": 12, "dropped_by": "damaged", "facts": {"a": 1}}
    (tmp_path / ".rlbff" / "manifest.json").write_text(json.dumps(manifest))
    assert stored_sums(tmp_path)["counts"] == {"seen": 99}
    assert stored_sums(tmp_path)["written"] == 12
    assert stored_sums(tmp_path)["dropped_by"] == {}
    assert stored_facts(tmp_path) == {"a": 1}
    (tmp_path / ".rlbff" / "manifest.json").write_text(json.dumps({"counts": {"seen": "x"}, "written": True}))
    assert (stored_sums(tmp_path)["counts"], stored_sums(tmp_path)["written"]) == ({"seen": 4}, 8)


@pytest.mark.parametrize(("most", "ids"), [(None, 12), (0, 0), (3, 3), (4, 4), (5, 5), (100, 12)])
def test_rows_are_read_up_to_a_limit(tmp_path: Path, most: int | None, ids: int) -> None:
    paths, trouble = make(tmp_path), list[str]()
    rows = [row for batch in stored_rows(paths, ("id", "lacking"), trouble, most=most) for row in batch]
    assert rows == [{"id": f"{part}{row}"} for part in range(3) for row in range(4)][:ids]
    assert trouble == []


def test_rows_of_some_ids(tmp_path: Path) -> None:
    paths = make(tmp_path)
    batches = stored_rows(paths, ("id", "n"), [], ids={"01", "23", "zz"})
    assert [row for batch in batches for row in batch] == [{"id": "01", "n": 1}, {"id": "23", "n": 3}]
    batches = stored_rows(paths, ("id", "n"), [], ids={"01", "23"}, most=8)
    assert [row["id"] for batch in batches for row in batch] == ["01"]
    assert [row for batch in stored_rows(paths, ("n",), [], ids={"01"}) for row in batch] == []


def test_a_damaged_shard_is_told_and_the_others_read(tmp_path: Path) -> None:
    paths, trouble = make(tmp_path), list[str]()
    paths[1].write_bytes(paths[1].read_bytes()[:-20])
    rows = [row for batch in stored_rows([*paths, tmp_path / "none.parquet"], ("id",), trouble) for row in batch]
    assert [row["id"][0] for row in rows] == ["0"] * 4 + ["2"] * 4
    assert [text.split()[0] for text in trouble] == ["part-00001.parquet", "none.parquet"]
    assert column_names([paths[1], paths[2]]) == ["id", "n"]
    assert column_names([paths[1]]) == []


def test_flipped_bytes_are_no_other_rows(tmp_path: Path) -> None:
    paths = make(tmp_path, parts=1, rows=200)
    whole = paths[0].read_bytes()
    right = {f"0{row}": row for row in range(200)}
    for place in range(4, len(whole), 7):
        paths[0].write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        for batch in stored_rows(paths, ("id", "n"), []):
            assert all(right[row["id"]] == row["n"] for row in batch if {"id", "n"} <= row.keys())


@pytest.mark.parametrize("text", ["", "[1]", "{", "\0", "3", "[" * 100_000])
def test_json_that_is_no_object_is_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert stored_json(path) == {}
    assert stored_json(tmp_path / "none.json") == {}


def test_what_is_no_object_is_none() -> None:
    assert (mapping(3), mapping({"a": 1})) == ({}, {"a": 1})
    assert (objects({"a": 1}), objects([1, {"a": 1}, None])) == ([], [{"a": 1}])
