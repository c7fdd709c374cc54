"""Parquet and Arrow files with columns that Python or a shard cannot hold."""

from pathlib import Path

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
