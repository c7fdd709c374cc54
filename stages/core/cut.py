"""Slices cut into smaller ones, for a first pass whose parts should be smaller than those of the output.

Small parts spread over workers, and are lost alone when a run is killed.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from stages.core.slices import ReadOptions, Slice, read_line


def cut(piece: Slice, rows: int, options: ReadOptions) -> list[Slice]:
    """The slice as slices of `rows` rows each, the last of what is left, in order."""
    assert rows >= 1
    if piece.rows <= rows:
        return [piece]
    parts = _lines(piece, rows, options) if piece.format == "jsonl" else _records(piece, rows)
    return [_with_own_facts(piece, part) for part in parts]


def _records(piece: Slice, rows: int) -> Iterator[Slice]:
    for start in range(0, piece.rows, rows):
        yield replace(piece, first=piece.first + start, rows=min(rows, piece.rows - start))


def _lines(piece: Slice, rows: int, options: ReadOptions) -> Iterator[Slice]:
    """Cut behind every `rows`-th line that is not blank; blank lines behind it begin the next slice."""
    with open(piece.path, "rb") as source:
        source.seek(piece.offset)
        end = piece.offset + piece.length
        number, first, offset, count = piece.first - 1, piece.first, piece.offset, 0
        while source.tell() < end:
            line, size = read_line(source, options.max_row_bytes, None)
            if not size:
                break
            number += 1
            count += line is None or not line.isspace()
            if count == rows:
                yield replace(piece, first=first, rows=count, offset=offset, length=source.tell() - offset)
                first, offset, count = number + 1, source.tell(), 0
        if count:
            yield replace(piece, first=first, rows=count, offset=offset, length=end - offset)


def _with_own_facts(whole: Slice, part: Slice) -> Slice:
    """Name the part by what it is of the whole; both know the rows of the whole that are repeats."""
    digest = hashlib.sha256(f"{whole.sha256}:{part.first}:{part.rows}".encode()).hexdigest()
    return replace(part, sha256=digest)
