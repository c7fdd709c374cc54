"""Files of equal size and other content: found on resume, by the next stage, and by whoever reads a page."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pytest

from stages.core.errors import DataError
from stages.core.intact import check_model, check_whole, check_written
from stages.core.manifest import Done, hidden, recorded, write_done
from stages.core.progress import quiet
from stages.core.runner import planned
from stages.core.shards import list_parts, open_shard, read_shard, write_part
from stages.core.typed import hash_file
from tests.core.test_runner import contents, toy, write_rows
from tests.toy_stage import run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A finished run of the toy stage, in three parts and with a dropped row."""
    source = write_rows(tmp_path / "rows.jsonl", [*(f"text {n}" for n in range(8)), "drop"])
    run(toy(source, tmp_path / "out"))
    return tmp_path / "out"


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("place", [4, 40, -5, -200])
def test_a_flipped_byte_in_a_finished_part_makes_it_anew(place: int, out: Path, tmp_path: Path) -> None:
    whole = contents(out)
    flip(out / "part-00001.parquet", place)
    run(toy(str(tmp_path / "rows.jsonl"), out))
    assert contents(out) == whole


def test_two_parts_that_were_swapped_are_made_anew(out: Path, tmp_path: Path) -> None:
    whole = contents(out)
    first, second = list_parts(out)[:2]
    first.rename(tmp_path / "x")
    second.rename(first)
    (tmp_path / "x").rename(second)
    run(toy(str(tmp_path / "rows.jsonl"), out))
    assert contents(out) == whole


@pytest.mark.parametrize(("old", "new"), [('"in": ', '"in": 1'), ('"kept"', '"kepu"'), ('"seal"', '"seam"')])
def test_a_record_with_another_count_is_no_record(old: str, new: str, out: Path, tmp_path: Path) -> None:
    whole = contents(out)
    path = out / ".rlbff" / "done" / "part-00000.json"
    path.write_text(path.read_text().replace(old, new))
    assert recorded(out, 0) is None
    run(toy(str(tmp_path / "rows.jsonl"), out))
    assert contents(out) == whole


def test_a_record_without_hashes_and_seal_counts_as_before(out: Path, tmp_path: Path) -> None:
    for path in hidden(out, "done").iterdir():
        record = json.loads(path.read_text())
        del record["sha256"], record["seal"]
        path.write_text(json.dumps(record))
    times = [path.stat().st_mtime_ns for path in list_parts(out)]
    run(toy(str(tmp_path / "rows.jsonl"), out))
    assert [path.stat().st_mtime_ns for path in list_parts(out)] == times


def test_an_input_that_its_run_did_not_write_so_is_refused(out: Path, tmp_path: Path) -> None:
    flip(out / "part-00001.parquet", 40)
    for inputs in (str(out), str(out / "part-00001.parquet")):
        with (
            pytest.raises(DataError, match=r"part-00001.parquet is damaged or was changed.*made the folder again"),
            planned((inputs,), tmp_path / "next", toy("", tmp_path).run, quiet),
        ):
            pass
    with planned((str(out / "part-00000.parquet"),), tmp_path / "next", toy("", tmp_path).run, quiet) as plan:
        assert plan.rows == 3


def test_an_input_folder_that_lost_a_part_is_refused(out: Path) -> None:
    (out / ".rlbff" / "dropped" / "part-00002.parquet").unlink()
    check_whole(str(out))
    (out / "part-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"part-00001.parquet is missing, though the records of .*out name it"):
        check_whole(str(out))
    check_whole(str(out / "part-00000.parquet"))


def test_files_that_no_record_names_are_not_looked_at(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(b"anything")
    check_written("copy", str(copy), hash_file(copy))
    (out / "part-00099.parquet").write_bytes(b"anything")
    check_written("x", str(out / "part-00099.parquet"), "0" * 64)


def test_a_table_below_the_folder_of_its_run_and_a_model_are_checked(tmp_path: Path) -> None:
    names = ("model.safetensors", "held_out/test/part-00000.parquet")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(100))
    rows = {"in": 0, "kept": 0, "dropped": 0, "rejected": 0}
    write_done(tmp_path, Done(part=0, fingerprint="x", rows=rows, written=0, files=dict.fromkeys(names, 100)))
    hidden(tmp_path, "manifest.json").touch()
    check_model(tmp_path)
    for name in names:
        flip(tmp_path / name, 50)
    below = tmp_path / names[1]
    with pytest.raises(DataError, match="damaged or was changed"):
        check_written("x", str(below), hash_file(below))
    with pytest.raises(DataError, match=r"model.safetensors is damaged or was changed"):
        check_model(tmp_path)


@pytest.mark.parametrize(
    "change", [{"rows": {"in": 1}}, {"rows": []}, {"written": "1"}, {"counts": {"x": -1}}, {"files": {"a": 1.5}}]
)
def test_an_unsealed_record_of_another_form_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    rows = {"in": 1, "kept": 1, "dropped": 0, "rejected": 0}
    write_done(tmp_path, Done(part=0, fingerprint="x", rows=rows, written=1))
    path = hidden(tmp_path, "done") / "part-00000.json"
    record = json.loads(path.read_text())
    del record["seal"]
    path.write_text(json.dumps(record))
    assert recorded(tmp_path, 0) is not None
    path.write_text(json.dumps(record | change))
    assert recorded(tmp_path, 0) is None


def test_no_flipped_byte_of_a_page_is_read_as_another_value(tmp_path: Path) -> None:
    texts = [f"text {n % 37} about {n}" for n in range(2000)]
    path = tmp_path / "part-00000.parquet"
    write_part(path, pa.table({"text": texts}), {}, tmp_path / "tmp")
    whole, draw, refused = path.read_bytes(), random.Random(1), 0
    pages = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    for _ in range(200):
        path.write_bytes(whole)
        flip(path, draw.randrange(4, pages))
        try:
            assert read_shard(path)["text"].to_pylist() == texts
            with open_shard(path) as file:
                assert [row for batch in file.iter_batches() for row in batch["text"].to_pylist()] == texts
        except (OSError, pa.ArrowInvalid):
            refused += 1
    assert refused > 190
