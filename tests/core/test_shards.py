import json
from pathlib import Path

import datasets
import duckdb
import polars
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from stages.core.errors import OutputError
from stages.core.shards import features, list_parts, part_path, to_table, write_part, write_text
from stages.core.tables import PRINCIPLES

ROW = {
    "id": "a",
    "prompt": [{"role": "user", "content": "q"}],
    "completion": [{"role": "assistant", "content": "ä"}],
    "principle": "clarity",
    "label": True,
    "evidence": [{"annotator": 0, "quote": "clear", "start": 1, "end": 6, "match": 100.0, "verdict": "yes"}],
    "agreement": 1.0,
    "domain": "code",
    "language": None,
    "extractor": "rules@1",
}


def write_folder(root: Path) -> None:
    schema = PRINCIPLES.schema()
    for part in (0, 2):
        rows = [{**ROW, "id": f"{part}-{number}"} for number in range(3)]
        write_part(part_path(root, part), to_table(rows, schema), {"stage": "x"}, root / ".rlbff" / "tmp")
        write_part(part_path(root, part, "dropped"), to_table(rows, schema), {}, root / ".rlbff" / "tmp")
    write_text(root / ".rlbff" / "plan.json", "{}", root / ".rlbff" / "tmp")


def test_datasets_pyarrow_duckdb_and_polars_read_a_folder_unchanged(tmp_path: Path) -> None:
    root = tmp_path / "run.principles"
    write_folder(root)
    ids = ["0-0", "0-1", "0-2", "2-0", "2-1", "2-2"]
    loaded = datasets.load_dataset(str(root), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded["id"] == ids
    assert loaded[0]["evidence"] == ROW["evidence"]
    assert loaded[0]["prompt"] == ROW["prompt"]
    assert pads.dataset(root).to_table()["id"].to_pylist() == ids
    query = f"select id, evidence[1].quote from '{root}/*.parquet' order by id"
    assert duckdb.sql(query).fetchall() == [(name, "clear") for name in ids]
    assert polars.read_parquet(root / "*.parquet")["id"].to_list() == ids


def test_datasets_takes_the_types_from_the_footer(tmp_path: Path) -> None:
    write_folder(tmp_path)
    footer = json.loads(pq.read_schema(part_path(tmp_path, 0)).metadata[b"huggingface"])
    assert footer["info"]["features"] == features(PRINCIPLES.schema())
    expected = datasets.Features.from_arrow_schema(PRINCIPLES.schema())
    assert datasets.Features.from_dict(features(PRINCIPLES.schema())) == expected


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    write_folder(tmp_path / "one")
    write_folder(tmp_path / "two")
    for one, two in zip(list_parts(tmp_path / "one"), list_parts(tmp_path / "two"), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_row_groups_stay_under_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.core.shards._GROUP_BYTES", 10_000)
    table = pa.table({"x": ["y" * 1000] * 100})
    write_part(tmp_path / "part-00000.parquet", table, {}, tmp_path)
    metadata = pq.ParquetFile(tmp_path / "part-00000.parquet").metadata
    assert metadata.num_row_groups > 9
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_failed_write_leaves_the_old_file_and_no_scratch(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.parquet"
    write_part(path, pa.table({"x": [1]}), {}, tmp_path / "tmp")
    before = path.read_bytes()
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    with pytest.raises(OutputError, match="cannot be written"):
        write_part(blocked / "part-00000.parquet", pa.table({"x": [2]}), {}, tmp_path / "tmp")
    assert path.read_bytes() == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_parent_that_is_a_file_is_told_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    place = tmp_path / "file" / "below" / "page.html"
    with pytest.raises(OutputError, match=r"page\.html cannot be written: Not a directory"):
        write_text(place, "y", place.parent)


def test_a_missing_key_becomes_null_of_the_columns_type() -> None:
    table = to_table([{"id": "a"}], PRINCIPLES.schema())
    assert table.schema == PRINCIPLES.schema()
    assert table["label"].to_pylist() == [None]
