"""The rows of one slice of the input, read again and again the same. How an input is cut into slices: `sources.py`."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from stages.core.errors import DataError
from stages.core.rows import RAW_PREFIX, Problem, SourceRow, decode_line, identify, rename
from stages.core.typed import open_typed


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A range of one input file.

    `first` is the number (from 1) of the first line or record, `offset` and `length` are bytes (JSONL only), `rows` are
    the rows in it. `sha256` is the hash of the file's content up to the slice's end. `repeats` maps the numbers of
    rows whose id stood earlier in the input to the place where.
    """

    name: str
    path: str
    format: str
    first: int
    rows: int
    offset: int
    length: int
    sha256: str
    repeats: Mapping[int, str]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How rows are read: rows a slice, the longest row in bytes, how many rows, and column names {ours: theirs}.

    Where `unique_ids` is false, a row may repeat the id of another, as the principles of one response do.
    """

    rows_per_shard: int
    max_row_bytes: int
    limit: int | None
    mapping: Mapping[str, str]
    unique_ids: bool = True


def read(part: Slice, options: ReadOptions) -> Iterator[SourceRow]:
    """The rows of one slice in order, each either with a value that has a string `id`, or with its problem.

    Raises:
        DataError: the file is damaged, or no longer the one that was planned.
    """
    count = 0
    for row in _read_lines(part, options) if part.format == "jsonl" else _read_records(part, options):
        count += 1
        earlier = part.repeats.get(row.row)
        if earlier is not None and row.value is not None:
            name = row.value["id"]
            problem = Problem(
                "duplicate_id", "id", f"the id {name!r} stands already in {earlier}; give each row its own."
            )
            yield row._replace(value=None, problem=problem)
        else:
            yield row
    if count != part.rows:
        raise DataError(f"{part.name} changed while it was being read; run the command again when it is complete.")


def read_line(source: BinaryIO, most: int, digest: "hashlib._Hash | None") -> tuple[bytes | None, int]:
    """(line or None if it is longer than `most`, its length in bytes with the line end); length 0 at the end."""
    line = source.readline(most + 1)
    size = len(line)
    if digest is not None:
        digest.update(line)
    if size <= most or line.endswith(b"\n"):
        return line, size
    while piece := source.readline(2**20):
        size += len(piece)
        if digest is not None:
            digest.update(piece)
        if piece.endswith(b"\n"):
            break
    return None, size


def _read_lines(part: Slice, options: ReadOptions) -> Iterator[SourceRow]:
    with open(part.path, "rb") as source:
        source.seek(part.offset)
        number, end = part.first - 1, part.offset + part.length
        while source.tell() < end:
            number += 1
            start = source.tell()
            line, size = read_line(source, options.max_row_bytes, None)
            if not size:
                break
            if line is None:
                yield _too_long(source, part, number, start, size, options.max_row_bytes)
            elif not line.isspace():
                yield _line_row(part, number, line, options.mapping)


def _line_row(part: Slice, number: int, line: bytes, mapping: Mapping[str, str]) -> SourceRow:
    raw = line.rstrip(b"\r\n")
    value, problem = decode_line(line)
    if value is not None:
        value, problem = identify(rename(value, mapping), value)
    elif problem is not None and problem.reason == "not_an_object" and _is_table(part.name):
        problem = Problem("bad_csv", None, "the record has another number of cells than the header.")
    return SourceRow(part.name, number, None if problem else value, problem, raw)


def _is_table(name: str) -> bool:
    return ".csv" in name.lower() or ".tsv" in name.lower()


def _too_long(source: BinaryIO, part: Slice, number: int, start: int, size: int, most: int) -> SourceRow:
    after = source.tell()
    source.seek(start)
    raw = source.read(min(size, RAW_PREFIX))
    source.seek(after)
    text = f"the row has {size:,} bytes, more than --max-row-bytes {most:,}; raise the limit or shorten the row."
    return SourceRow(part.name, number, None, Problem("row_too_long", None, text), raw)


def _read_records(part: Slice, options: ReadOptions) -> Iterator[SourceRow]:
    source = open_typed(part.name, part.path, part.format)
    for number, (record, _) in enumerate(source.records(part.first - 1, part.rows), start=part.first):
        value, problem = identify(rename(record, options.mapping), record)
        yield SourceRow(part.name, number, None if problem else value, problem, None)
