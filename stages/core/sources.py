"""The input as a list of slices, each of which becomes one output shard.

`plan` passes over the input once: it counts rows, finds where slices begin, hashes them, finds repeated ids and the
columns' types, in memory that grows by sixteen bytes a row and no more. The rows of a slice: `slices.py`.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from stages.core.columns import ColumnTypes
from stages.core.errors import DataError
from stages.core.inputs import SourceFile, find_files, is_url
from stages.core.intact import check_whole, check_written
from stages.core.rows import Row, decode_line, identify, rename
from stages.core.slices import ReadOptions, Slice, read_line
from stages.core.spool import needs_spool, spool
from stages.core.typed import hash_file, open_typed

_TELL_EVERY: Final = 1024

_SAMPLE: Final = 100
"""How many of the first readable rows a plan keeps for those who must guess the layout."""

_SLICE_BYTES: Final = 64 * 2**20
"""A slice ends with the row that takes it past this size, so that long rows do not make large shards."""


class InputInfo(NamedTuple):
    """What is recorded of one input file: base name, sha256 of the content read, decompressed, and rows read."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole input: its slices in order, its files, its columns, and its first readable row."""

    slices: tuple[Slice, ...]
    inputs: tuple[InputInfo, ...]
    columns: ColumnTypes
    sample: tuple[Row, ...]

    @property
    def rows(self) -> int:
        """Rows of the whole input."""
        return sum(part.rows for part in self.slices)


def plan(
    arguments: tuple[str, ...],
    options: ReadOptions,
    spool_dir: Path,
    *,
    advance: Callable[[int], None] = lambda rows: None,
    observe: Callable[[Row], None] = lambda row: None,
) -> Plan:
    """Pass over the input once and cut it into slices.

    `spool_dir` receives plain copies of inputs that cannot be read in ranges. `advance` is told of rows passed,
    `observe` is shown every row that can be read.

    Raises:
        InputMissing: an argument names nothing. DataError: a file is damaged, or there is no row at all.
    """
    scan = _Scan(options, advance, observe)
    inputs: list[InputInfo] = []
    for argument in arguments:
        if not is_url(argument):
            check_whole(argument)
    for number, file in enumerate(find_files(arguments)):
        if scan.left() == 0:
            break
        path, format_ = file.path, file.format
        if needs_spool(file):
            path = str(spool_dir / f"{number:05d}")
            format_ = spool(file, Path(path))
        inputs.append(scan.file(file, path, format_))
    advance(scan.rows % _TELL_EVERY)
    if not scan.rows:
        names = ", ".join(info.name for info in inputs)
        raise DataError(f"There is no row in {names}; check that the right file was written.")
    scan.check_mapping()
    return Plan(
        slices=tuple(scan.finished_slices()), inputs=tuple(inputs), columns=scan.columns, sample=tuple(scan.sample)
    )


class _Scan:
    """The state of one pass over the input."""

    def __init__(self, options: ReadOptions, advance: Callable[[int], None], observe: Callable[[Row], None]) -> None:
        self.options = options
        self.advance = advance
        self.observe = observe
        self.rows = 0
        self.columns = ColumnTypes()
        self.sample: list[Row] = []
        self._slices: list[Slice] = []
        self._not_met = set(options.mapping.values())
        self._met: dict[str, None] = {}
        self._ids = array("Q")
        self._places = array("Q")

    def left(self) -> int | None:
        """How many rows may still be read; None without a limit."""
        return None if self.options.limit is None else self.options.limit - self.rows

    def file(self, file: SourceFile, path: str, format_: str) -> InputInfo:
        """Cut one file into slices."""
        before = self.rows
        base = file.name.rstrip("/").rsplit("/", 1)[-1]
        digest = self._lines(file.name, path) if format_ == "jsonl" else self._records(file, path, format_)
        return InputInfo(base, digest, self.rows - before)

    def finished_slices(self) -> Iterator[Slice]:
        """All slices, with the repeated ids entered."""
        repeats: dict[int, dict[int, str]] = {}
        for place, first in _repeated(self._ids):
            part, row = divmod(self._places[place], _PLACE)
            first_part, first_row = divmod(self._places[first], _PLACE)
            repeats.setdefault(part, {})[row] = f"{self._slices[first_part].name}:{first_row}"
        for number, part_slice in enumerate(self._slices):
            yield replace(part_slice, repeats=repeats.get(number, {}))

    def check_mapping(self) -> None:
        """Raise DataError if no row had a column that the mapping names."""
        for ours, theirs in self.options.mapping.items():
            if theirs in self._not_met:
                found = ", ".join(self._met)
                hint = _other_separator(self._met)
                raise DataError(
                    f"--map {ours}={theirs}: no row has a column {theirs!r}; the columns are {found}.{hint}"
                )

    def _observe(self, value: Row, row: int, *, typed: bool) -> None:
        if self._not_met:
            self._not_met -= value.keys()
            self._met |= dict.fromkeys(value)
        mapped, problem = identify(rename(value, self.options.mapping), value)
        if problem is not None:
            return
        if not typed:
            self.columns.observe(mapped)
        self.observe(mapped)
        if len(self.sample) < _SAMPLE:
            self.sample.append(mapped)
        if self.options.unique_ids:
            self._ids.append(int.from_bytes(hashlib.blake2b(mapped["id"].encode(), digest_size=8).digest(), "big"))
            self._places.append(len(self._slices) * _PLACE + row)

    def _lines(self, name: str, path: str) -> str:
        digest = hashlib.sha256()
        with open(path, "rb") as source:
            line_number, more = 0, True
            while more and self.left() != 0:
                offset, first, rows = source.tell(), line_number + 1, 0
                end = offset
                while rows < self.options.rows_per_shard and end - offset < _SLICE_BYTES and self.left() != 0:
                    line, size = read_line(source, self.options.max_row_bytes, digest)
                    if not size:
                        more = False
                        break
                    line_number, end = line_number + 1, end + size
                    if line is None or not line.isspace():
                        rows += 1
                        self._count()
                        self._observe_line(line, line_number)
                if rows:
                    self._add(name, path, "jsonl", first, rows, digest.hexdigest(), offset, end - offset)
        return digest.hexdigest()

    def _observe_line(self, line: bytes | None, line_number: int) -> None:
        value = None if line is None else decode_line(line)[0]
        if value is not None:
            self._observe(value, line_number, typed=False)

    def _records(self, file: SourceFile, path: str, format_: str) -> str:
        name, digest = file.name, hash_file(path)
        if not file.remote:
            check_written(name, file.path, digest)
        source = open_typed(name, path, format_)
        self.columns.observe_schema(_renamed_schema(source.schema, self.options.mapping))
        row = first = rows = size = 0
        records = source.records()
        while self.left() != 0 and (record := next(records, None)) is not None:
            value, length = record
            row, rows, size = row + 1, rows + 1, size + length
            self._count()
            self._observe(value, row, typed=True)
            if rows == self.options.rows_per_shard or size >= _SLICE_BYTES:
                self._add(name, path, format_, first + 1, rows, _slice_hash(digest, first, rows), 0, 0)
                first, rows, size = row, 0, 0
        if rows:
            self._add(name, path, format_, first + 1, rows, _slice_hash(digest, first, rows), 0, 0)
        return digest

    def _count(self) -> None:
        self.rows += 1
        if self.rows % _TELL_EVERY == 0:
            self.advance(_TELL_EVERY)

    def _add(
        self, name: str, path: str, format_: str, first: int, rows: int, sha256: str, offset: int, length: int
    ) -> None:
        self._slices.append(
            Slice(
                name=name,
                path=path,
                format=format_,
                first=first,
                rows=rows,
                offset=offset,
                length=length,
                sha256=sha256,
                repeats={},
            )
        )


_PLACE: Final = 2**40
"""A row's place is part number x _PLACE + row number, in one unsigned 64-bit number."""


def _repeated(hashes: "array[int]") -> Iterator[tuple[int, int]]:
    """(position, position of the first equal one) of every hash that stood earlier."""
    if not hashes:
        return
    values = np.frombuffer(hashes, dtype=np.uint64)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    fresh = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    if fresh.all():
        return
    firsts = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    yield from zip(order[~fresh].tolist(), firsts[~fresh].tolist(), strict=True)


def _other_separator(columns: Mapping[str, None]) -> str:
    """A hint where a table has one column, whose name holds what separates columns elsewhere; else nothing."""
    only = next(iter(columns)) if len(columns) == 1 else ""
    found = next((sign for sign in (";", "\t", "|") if sign in only), None)
    if found is None:
        return ""
    return f" Columns are separated by commas in .csv and by tabs in .tsv, not by {found!r}; convert the file."


def _renamed_schema(schema: pa.Schema, mapping: Mapping[str, str]) -> pa.Schema:
    fields = rename({field.name: field for field in schema}, mapping)
    return pa.schema([field.with_name(name) for name, field in fields.items()])


def _slice_hash(file_hash: str, first: int, rows: int) -> str:
    return hashlib.sha256(f"{file_hash}:{first}:{rows}".encode()).hexdigest()
