"""Copies an input that cannot be entered in the middle into one plain file, so that every shard is a range of it.

gzip, zstd, CSV and JSON arrays become JSON lines; a remote Parquet or Arrow file is copied as it is. The copy lives in
the run's own folder and goes when the run ends.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from stages.core.errors import DataError, InputMissing
from stages.core.inputs import SourceFile

_BLOCK = 2**20


def needs_spool(file: SourceFile) -> bool:
    """Whether the file cannot be read in ranges where it lies."""
    return file.remote or file.compression is not None or file.format in ("csv", "tsv", "json")


def spool(file: SourceFile, target: Path) -> str:
    """Write `file` to `target` in a form that can be read in ranges; return that form, jsonl, parquet or arrow."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_bytes(file) as source, target.open("wb") as out:
        try:
            if file.format in ("csv", "tsv"):
                _copy_table(file, source, out)
            elif file.format == "json":
                _copy_json(file, source, out)
            else:
                while block := source.read(_BLOCK):
                    out.write(block)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _cut_off(file, out.tell(), error) from error
        except OSError as error:
            if file.compression is None or error.errno is not None:
                raise
            raise _cut_off(file, out.tell(), error) from error
    return file.format if file.format in ("parquet", "arrow") else "jsonl"


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[BinaryIO]:
    """Open a file, local or remote, decompressed."""
    with _open_raw(file) as raw:
        if file.compression == "gzip":
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        elif file.compression == "zstd":
            yield io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), _BLOCK)
        else:
            yield raw


def _open_raw(file: SourceFile) -> BinaryIO:
    try:
        if file.remote:
            import fsspec

            return cast(BinaryIO, fsspec.open(file.path, "rb").open())
        return open(file.path, "rb")
    except FileNotFoundError as error:
        raise InputMissing(f"{file.name} does not exist.") from error
    except OSError as error:
        raise InputMissing(f"{file.name} cannot be read: {error.strerror or error}.") from error


def _cut_off(file: SourceFile, read: int, error: Exception) -> DataError:
    kind = str(error).rstrip(".")
    return DataError(f"{file.name} is cut off or damaged after {read:,} bytes of content ({kind}); fetch it again.")


def _copy_table(file: SourceFile, source: BinaryIO, out: BinaryIO) -> None:
    """CSV with a header to one JSON object a record, every value a string, an empty cell null."""
    csv.field_size_limit(2**31 - 1)
    text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
    delimiter = "\t" if file.format == "tsv" else ","
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            return
        if len(set(header)) != len(header) or "" in header:
            raise DataError(f"{file.name} has an empty or repeated column name in its header: {', '.join(header)}.")
        for record in reader:
            if record:
                out.write(_json_line(_cells(header, record)))
    except UnicodeDecodeError as error:
        raise DataError(f"{file.name} is not UTF-8 near line {reader.line_num + 1}; convert it.") from error
    except csv.Error as error:
        raise DataError(f"{file.name}, line {reader.line_num}: not valid CSV ({error}).") from error
    finally:
        text.detach()


def _cells(header: list[str], record: list[str]) -> object:
    if len(record) != len(header):
        # Not an object: the reader of the line rejects it, and its text is kept.
        return record
    return {name: _cell(cell) for name, cell in zip(header, record, strict=True)}


def _cell(text: str) -> object:
    # A list of texts can stand in a cell only as JSON.
    if text[:1] == "[" and text[-1:] == "]":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text or None


def _copy_json(file: SourceFile, source: BinaryIO, out: BinaryIO) -> None:
    """An array of objects, or one object over several lines, to lines; a file that holds lines already is copied."""
    head = source.read(_BLOCK)
    if not _is_whole(head):
        while head:
            out.write(head)
            head = source.read(_BLOCK)
        return
    try:
        value = json.loads(head + source.read())
    except ValueError as error:
        raise DataError(f"{file.name} is not valid JSON: {error}.") from error
    out.writelines(_lines(value if isinstance(value, list) else [value]))


def _is_whole(head: bytes) -> bool:
    """Whether the file is one JSON value rather than one a line; a line that ends within a value tells."""
    start = head.lstrip()
    if start[:1] != b"{":
        return start[:1] == b"["
    try:
        json.loads(start.split(b"\n", 1)[0])
    except ValueError:
        return True
    return False


def _lines(items: list[object]) -> Iterator[bytes]:
    return (_json_line(item) for item in items)


def _json_line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
