"""Rows that a first pass has stored, as the input of a second one that makes the output of them."""

from collections.abc import Iterator
from pathlib import Path

from stages.core.rows import Problem, SourceRow
from stages.core.shards import read_shard


def rejected_rows(path: Path) -> Iterator[SourceRow]:
    """The rows that a part of the first pass rejected, as they were before they were stored there."""
    if not path.exists():
        return
    for row in read_shard(path).to_pylist():
        error = row["error"].removeprefix(f"{row['file']}:{row['row']}: ")
        value = {"id": row["id"]} if row["id"] is not None else None
        yield SourceRow(row["file"], row["row"], value, Problem(row["reason"], row["field"], error), row["raw"])
