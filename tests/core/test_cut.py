import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.cut import cut
from stages.core.slices import ReadOptions, read
from stages.core.sources import plan

OPTIONS = ReadOptions(rows_per_shard=7, max_row_bytes=1 << 20, limit=None, mapping={}, unique_ids=False)


def lines(path: Path) -> Path:
    rows = [json.dumps({"id": str(number), "text": "x" * number}) for number in range(17)]
    rows[4] = "\n  \n" + rows[4]  # blank lines count in row numbers
    rows[9] = "not json"
    path.write_text("\n".join(rows) + "\n\n", encoding="utf-8")
    return path


def parquet(path: Path) -> Path:
    pq.write_table(pa.table({"id": [str(number) for number in range(17)]}), path)
    return path


@pytest.mark.parametrize("write", [lines, parquet])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 100])
def test_small_slices_hold_the_same_rows(tmp_path: Path, write: object, rows: int) -> None:
    path = write(tmp_path / ("rows.jsonl" if write is lines else "rows.parquet"))  # type: ignore[operator]
    planned = plan((str(path),), OPTIONS, tmp_path)
    for whole in planned.slices:
        parts = cut(whole, rows, OPTIONS)
        assert [part.rows for part in parts[:-1]] == [rows] * (len(parts) - 1)
        assert sum(part.rows for part in parts) == whole.rows
        assert [row for part in parts for row in read(part, OPTIONS)] == list(read(whole, OPTIONS))
        assert len({part.sha256 for part in parts}) == len(parts)


def test_repeated_rows_stay_rejected(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b"}\n\n{"id": "a"}\n', encoding="utf-8")
    options = ReadOptions(rows_per_shard=9, max_row_bytes=1 << 20, limit=None, mapping={})
    (whole,) = plan((str(path),), options, tmp_path).slices
    problems = [row.problem for part in cut(whole, 1, options) for row in read(part, options)]
    assert [problem and problem.reason for problem in problems] == [None, None, "duplicate_id"]
