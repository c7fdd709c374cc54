"""Parquet and Arrow files as record batches, from any row on.

Which rows make a slice is the business of `sources.py`.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import DataError

_BATCH: Final = 1024

_UNREADABLE: Final = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises for a file that is damaged; a type's name or a column's may be what is."""

_ended: Final[dict[tuple[str, int, int], tuple[int, Iterator[pa.RecordBatch]]]] = {}
"""Of the file read last in this process: the row where that ended, and the batches from there on."""


class TypedFile:
    """A Parquet or Arrow file as record batches."""

    def __init__(
        self, name: str, path: str, schema: pa.Schema, batches: Callable[[int], Iterator[pa.RecordBatch]]
    ) -> None:
        self.schema = schema
        self._name, self._batches = name, batches
        found = os.stat(path)
        self._key = (os.path.abspath(path), found.st_mtime_ns, found.st_size)

    def batches(self, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """Batches after the first `skip` rows."""
        unreadable = _UNREADABLE  # the last file's generator is closed when the module is gone
        try:
            yield from self._batches(skip)
        except unreadable as error:
            raise _damaged(self._name, error) from error

    def records(self, skip: int = 0, most: int | None = None) -> Iterator[tuple[dict[str, Any], int]]:
        """The `most` rows after the first `skip`, each with its size in bytes, which is the mean of its batch."""
        for batch in self._between(skip, None if most is None else skip + most):
            columns = [self._values(name, batch.column(name)) for name in batch.schema.names]
            for values in zip(*columns, strict=True):
                yield dict(zip(batch.schema.names, values, strict=True)), batch.nbytes // batch.num_rows

    def _between(self, first: int, end: int | None) -> Iterator[pa.RecordBatch]:
        """Rows `first` to `end` - 1, going on where an earlier call for the same file has ended, if that lies before.

        Parquet decodes a row group from its beginning: slices of one, each read anew, would take time by the square.
        """
        row, batches = _ended.pop(self._key, (first + 1, None))
        if batches is None or row > first:
            row, batches = first, self.batches(first)
        for batch in batches:
            behind = row + batch.num_rows
            low, high = max(first, row), behind if end is None else min(behind, end)
            if low < high:
                yield batch.slice(low - row, high - low)
            if behind == end or high < behind:
                _ended.clear()
                _ended[self._key] = (high, chain([batch.slice(high - row)] if high < behind else [], batches))
                return
            row = behind

    def _values(self, name: str, column: pa.Array) -> list[Any]:
        try:
            return _numbers(column) if _holds_numbers(column) else cast("list[Any]", column.to_pylist())
        except (pa.ArrowException, ValueError, OverflowError) as error:
            text = (
                f"{self._name}, column {name!r}: a value cannot be read ({error}); leave the column out or repair it."
            )
            raise DataError(text) from error


def _holds_numbers(column: pa.Array) -> bool:
    """Whether the cells are lists of floats without gaps, which numpy makes Python numbers of much faster."""
    type_ = column.type
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
    return is_list and pa.types.is_floating(type_.value_type) and not column.flatten().null_count


def _numbers(column: pa.Array) -> list[Any]:
    values = column.flatten().to_numpy(zero_copy_only=False).tolist()
    lengths = column.value_lengths().to_pylist()
    ends = list(accumulate(length or 0 for length in lengths))
    return [None if n is None else values[end - n : end] for n, end in zip(lengths, ends, strict=True)]


def open_typed(name: str, path: str, format_: str) -> TypedFile:
    """Open a Parquet file, or an Arrow stream or file. `name` stands in messages.

    Raises:
        DataError: the file is cut off or damaged, or has two columns of one name.
    """
    try:
        file = _open(name, path, format_)
        names = file.schema.names
    except _UNREADABLE as error:
        raise _damaged(name, error) from error
    for twice, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{name} has two columns named {twice!r}; rename one.")
    return file


def hash_file(path: str | Path) -> str:
    """sha256 of a whole file."""
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _open(name: str, path: str, format_: str) -> TypedFile:
    if format_ == "parquet":
        file = pq.ParquetFile(os.path.abspath(path), page_checksum_verification=True)
        return TypedFile(name, path, file.schema_arrow, lambda skip: _parquet_batches(file, skip))
    mapped = pa.memory_map(path)
    try:
        stream = pa.ipc.open_stream(mapped)
    except pa.ArrowInvalid:
        mapped.seek(0)
        table = pa.ipc.open_file(mapped).read_all()
        table.validate(full=True)
        return TypedFile(name, path, table.schema, lambda skip: iter(table.slice(skip).to_batches(_BATCH)))
    return TypedFile(name, path, stream.schema, lambda skip: _skip_rows(_valid(stream), skip))


def _damaged(name: str, error: Exception) -> DataError:
    first_line = str(error).splitlines()[0].rstrip(".")
    return DataError(f"{name} is cut off or damaged ({first_line}); write or fetch it again.")


def _parquet_batches(file: pq.ParquetFile, skip: int) -> Iterator[pa.RecordBatch]:
    """Batches after `skip` rows; whole row groups before them are not read."""
    groups = list(range(file.num_row_groups))
    while groups and file.metadata.row_group(groups[0]).num_rows <= skip:
        skip -= file.metadata.row_group(groups.pop(0)).num_rows
    return _skip_rows(file.iter_batches(_BATCH, row_groups=groups) if groups else iter(()), skip)


def _valid(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches, each looked at whole: an offset that is wrong in the file would lead outside of our memory."""
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _skip_rows(batches: Iterator[pa.RecordBatch], skip: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if skip < batch.num_rows:
            yield batch.slice(skip)
        skip = max(0, skip - batch.num_rows)
