"""Parquet and Arrow files with columns that Python or a shard cannot hold."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import DataError
from stages.core.typed import open_typed


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]), path)
    with pytest.raises(DataError, match=r"rows\.parquet has two columns named 'x'"):
        open_typed("rows.parquet", str(path), "parquet")


@pytest.mark.parametrize(
    "array",
    [
        pa.array([10**7], pa.date32()),
        pa.array([2**62], pa.timestamp("us")),
        pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()),
    ],
    ids=["date", "timestamp", "utf8"],
)
def test_a_value_that_cannot_be_read_is_data_error_naming_the_column(array: pa.Array, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"fine": ["a"], "odd": array}), path)
    source = open_typed("rows.parquet", str(path), "parquet")
    with pytest.raises(DataError, match=r"rows\.parquet, column 'odd'"):
        list(source.records())


def test_records_after_the_first_come_with_a_size(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": pa.array([1, 2, 3], pa.int64())}), path, row_group_size=2)
    assert list(open_typed("rows.parquet", str(path), "parquet").records(1)) == [({"x": 2}, 8), ({"x": 3}, 8)]


def test_slices_of_a_row_group_are_the_rows_whatever_was_read_before(tmp_path: Path) -> None:
    """Slices in order go on where the last one ended; any other order, file or content begins anew."""
    first = write(tmp_path / "a.parquet", 5000, 0)
    other = write(tmp_path / "b.parquet", 3000, 10**6)
    draw = random.Random(0)
    order = [(start, start + 256) for start in range(0, 5000, 256)]
    order += [(start := draw.randrange(5000), draw.randrange(start, 5001)) for _ in range(30)]
    for start, end in order:
        found = [row["n"] for row, _ in open_typed("a", str(first), "parquet").records(start, end - start)]
        assert found == list(range(start, min(end, 5000)))
        if draw.random() < 0.3:
            few = [row["n"] for row, _ in open_typed("b", str(other), "parquet").records(start // 2, 7)]
            assert few == [10**6 + n for n in range(start // 2, min(start // 2 + 7, 3000))]
    half = open_typed("a", str(first), "parquet").records(0, 2000)
    assert [next(half)[0]["n"], next(half)[0]["n"]] == [0, 1]
    assert next(open_typed("a", str(first), "parquet").records(10, 5))[0]["n"] == 10
    list(open_typed("a", str(first), "parquet").records(0, 1000))
    write(first, 5000, 7)
    assert next(open_typed("a", str(first), "parquet").records(1000, 5))[0]["n"] == 1007


def write(path: Path, rows: int, first: int) -> Path:
    pq.write_table(pa.table({"n": range(first, first + rows)}), path, row_group_size=rows)
    return path


@pytest.mark.parametrize("type_", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_lists_of_floats_are_read_as_they_stand(tmp_path: Path, type_: pa.DataType, kind: Any) -> None:
    rows = [[0.5, 2.0], None, [], [float("inf"), -1.5], [0.25]]
    pq.write_table(pa.table({"x": pa.array(rows, type=kind(type_))}), tmp_path / "x.parquet")
    assert [row["x"] for row, _ in open_typed("x", str(tmp_path / "x.parquet"), "parquet").records()] == rows
    assert [row["x"] for row, _ in open_typed("x", str(tmp_path / "x.parquet"), "parquet").records(2, 2)] == rows[2:4]
    gaps = [[0.5, None], [1.5]]
    pq.write_table(pa.table({"x": pa.array(gaps, type=kind(type_))}), tmp_path / "y.parquet")
    assert [row["x"] for row, _ in open_typed("y", str(tmp_path / "y.parquet"), "parquet").records()] == gaps
