import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import DataError, InputMissing
from stages.core.rows import SourceRow
from stages.core.slices import ReadOptions, read
from stages.core.sources import Plan, plan

ROWS = [{"id": f"r{number}", "text": f"täxt {number}"} for number in range(10)]


def options(rows_per_shard: int = 4, limit: int | None = None, **mapping: str) -> ReadOptions:
    return ReadOptions(rows_per_shard=rows_per_shard, max_row_bytes=2000, limit=limit, mapping=mapping)


def jsonl(rows: list[dict[str, object]] | list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def all_rows(planned: Plan, reading: ReadOptions) -> list[SourceRow]:
    return [row for piece in planned.slices for row in read(piece, reading)]


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=3)


def write_arrow(path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(path, table.schema) as out:
        out.write_table(table, max_chunksize=3)


def csv(separator: str) -> bytes:
    return "".join(f"{a}{separator}{b}\n" for a, b in [("id", "text"), *((r["id"], r["text"]) for r in ROWS)]).encode()


WRITERS: dict[str, Callable[[Path], object]] = {
    "rows.jsonl": lambda path: path.write_bytes(jsonl(ROWS)),
    "rows.ndjson": lambda path: path.write_bytes(jsonl(ROWS).rstrip()),
    "rows.jsonl.gz": lambda path: path.write_bytes(gzip.compress(jsonl(ROWS))),
    "rows.jsonl.zst": lambda path: path.write_bytes(zstd(jsonl(ROWS))),
    "rows.json": lambda path: path.write_text(json.dumps(ROWS, indent=1)),
    "rows.csv": lambda path: path.write_bytes(csv(",")),
    "rows.tsv.gz": lambda path: path.write_bytes(gzip.compress(csv("\t"))),
    "rows.parquet": write_parquet,
    "rows.arrow": write_arrow,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows_in_the_same_slices(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    planned = plan((str(tmp_path / name),), options(), tmp_path / "spool")
    assert [piece.rows for piece in planned.slices] == [4, 4, 2]
    rows = all_rows(planned, options())
    assert [row.value for row in rows] == ROWS
    assert [row.problem for row in rows] == [None] * 10


def test_hash_of_a_whole_file_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(jsonl(ROWS)))
    planned = plan((str(tmp_path / "rows.jsonl.gz"),), options(), tmp_path / "spool")
    assert planned.inputs == (("rows.jsonl.gz", hashlib.sha256(jsonl(ROWS)).hexdigest(), 10),)


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\n{"id": "a"}\n\n  \n{"id": "b"}')
    planned = plan((str(path),), options(rows_per_shard=1), tmp_path)
    assert [(row.row, row.value) for row in all_rows(planned, options())] == [(2, {"id": "a"}), (5, {"id": "b"})]


@pytest.mark.parametrize("limit", [1, 4, 5, 10, 99])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_limit_takes_the_first_rows(name: str, limit: int, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    planned = plan((str(tmp_path / name),), options(limit=limit), tmp_path / "spool")
    assert [row.value for row in all_rows(planned, options(limit=limit))] == ROWS[:limit]


def test_a_bad_row_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    long = json.dumps({"id": "long", "text": "x" * 3000}).encode()
    path.write_bytes(b'{"id": "a"}\n{broken\n' + long + b'\n{"id": "b\xff"}\n{"id": "z"}\n')
    planned = plan((str(path),), options(), tmp_path)
    rows = all_rows(planned, options())
    reasons = [(row.row, row.problem and row.problem.reason) for row in rows]
    assert reasons == [(1, None), (2, "bad_json"), (3, "row_too_long"), (4, "not_utf8"), (5, None)]
    assert rows[1].raw == b"{broken"
    assert rows[2].raw is not None
    assert rows[2].raw.startswith(long)
    assert rows[3].raw == b'{"id": "b\xff"}'


def test_the_second_row_with_an_id_is_named_with_the_place_of_the_first(tmp_path: Path) -> None:
    one, two = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    one.write_bytes(jsonl(ROWS))
    two.write_bytes(jsonl([{"id": "new"}, {"id": "r3"}, {"id": "r3"}]))
    planned = plan((str(one), str(two)), options(), tmp_path)
    bad = [row for row in all_rows(planned, options()) if row.problem]
    assert [(row.file, row.row) for row in bad] == [(str(two), 2), (str(two), 3)]
    assert all(row.problem and f"{one}:4" in row.problem.error for row in bad)


def test_rows_without_id_that_are_equal_count_as_repeated(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1, "b": 2}\n{"b": 2, "a": 1}\n{"a": 1, "b": 3}\n')
    planned = plan((str(path),), options(), tmp_path)
    assert [row.problem and row.problem.reason for row in all_rows(planned, options())] == [None, "duplicate_id", None]


def test_mapping_renames_columns_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_parquet(path)
    reading = options(words="text")
    planned = plan((str(path),), reading, tmp_path)
    assert planned.columns.names() == ["id", "words"]
    assert all_rows(planned, reading)[0].value == {"id": "r0", "words": "täxt 0"}


def test_folders_globs_and_data_set_folders_are_searched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "train").mkdir(parents=True)
    write_arrow(data / "train" / "data-00000-of-00001.arrow")
    (data / "train" / "state.json").write_text("{}")
    (data / "dataset_dict.json").write_text("{}")
    (data / ".hidden.jsonl").write_text("{}")
    assert plan((str(data),), options(), tmp_path).rows == 10
    (tmp_path / "x1.jsonl").write_bytes(jsonl(ROWS[:2]))
    (tmp_path / "x2.jsonl").write_bytes(jsonl(ROWS[2:5]))
    assert plan((str(tmp_path / "x*.jsonl"),), options(), tmp_path).rows == 5


def test_a_url_is_read_through_fsspec(tmp_path: Path) -> None:
    import fsspec

    with fsspec.open("memory://bucket/rows.jsonl", "wb") as out:
        out.write(jsonl(ROWS))
    planned = plan(("memory://bucket/*.jsonl",), options(), tmp_path / "spool")
    assert [row.value for row in all_rows(planned, options())] == ROWS


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.jsonl.zst", "rows.parquet", "rows.arrow", "rows.json"])
def test_a_file_that_is_cut_off_is_data_error_naming_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=name):
        plan((str(path),), options(), tmp_path / "spool")


def test_a_table_with_another_separator_is_told_by_the_mapping_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question;answer\nq;a\n")
    with pytest.raises(DataError, match=r"separated by commas in \.csv and by tabs in \.tsv, not by ';'"):
        plan((str(path),), options(prompt="question"), tmp_path)


def test_a_csv_record_of_another_length_is_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('id,text\na,"one, two"\nb\nc,\n')
    planned = plan((str(path),), options(), tmp_path / "spool")
    rows = all_rows(planned, options())
    assert [row.value for row in rows] == [{"id": "a", "text": "one, two"}, None, {"id": "c", "text": None}]
    assert rows[1].problem is not None
    assert rows[1].problem.reason == "bad_csv"


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_no_row_at_all_is_data_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.jsonl"):
        plan((str(tmp_path / "rows.jsonl"),), options(), tmp_path / "spool")


@pytest.mark.parametrize("argument", ["nothing.jsonl", "no*.jsonl", "memory://none/x.jsonl", "empty"])
def test_what_is_not_there_is_input_missing(argument: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputMissing):
        plan((argument if "://" in argument else str(tmp_path / argument),), options(), tmp_path / "spool")


def test_the_same_file_twice_and_an_unknown_ending_are_data_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(jsonl(ROWS))
    with pytest.raises(DataError, match="twice"):
        plan((str(path), str(path)), options(), tmp_path)
    (tmp_path / "rows.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"\.jsonl"):
        plan((str(tmp_path / "rows.xlsx"),), options(), tmp_path)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_mapping_from_a_column_that_is_not_there_is_data_error(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    with pytest.raises(DataError, match=r"--map words=texd: .* 'texd'; .* id, text"):
        plan((str(tmp_path / name),), options(words="texd"), tmp_path)
    assert plan((str(tmp_path / name),), options(id="text", text="id"), tmp_path).rows == 10


def test_a_displaced_column_of_a_typed_file_displaces_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": ["1"], "b": [2], "input_a": [3.5]}), path)
    planned = plan((str(path),), options(a="b"), tmp_path)
    assert [planned.columns.type_of(name) for name in ("a", "input_a", "input_input_a")] == [
        pa.int64(),
        pa.float64(),
        pa.string(),
    ]


def test_rows_beyond_the_limit_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pq.ParquetWriter(path, pa.schema([("id", pa.string())])) as writer:
        writer.write_table(pa.table({"id": [str(number) for number in range(1024)]}))
        writer.write_table(pa.table({"id": bad}))
    assert plan((str(path),), options(limit=2), tmp_path).rows == 2
