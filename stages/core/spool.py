"""Copies an input that cannot be entered in the middle into one plain file, so that every shard is a range of it.

gzip, zstd, CSV and JSON arrays become JSON lines; a remote Parquet or Arrow file is copied as it is. The copy lives in
the run's own folder and goes when the run ends.
"""

import codecs
import csv
import gzip
import io
import json
import shutil
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
    if file.remote:
        return _spool_remote(file, target)
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


def _spool_remote(file: SourceFile, target: Path) -> str:
    """Copy the file whole before it is looked into: a store may cut an answer off, and can be asked for it again."""
    from stages.core.store import copy

    if not needs_spool(file._replace(remote=False)):
        copy(file.path, target)
        return file.format
    whole = target.with_name(f"{target.name}.remote")
    try:
        copy(file.path, whole)
        return spool(file._replace(path=str(whole), remote=False), target)
    finally:
        whole.unlink(missing_ok=True)


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[BinaryIO]:
    """Open a file, decompressed."""
    with _open_raw(file) as raw:
        if file.compression == "gzip":
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        elif file.compression == "zstd":
            yield io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), _BLOCK)
        else:
            yield raw


def _open_raw(file: SourceFile) -> BinaryIO:
    try:
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
        header = next((record for record in reader if record), None)  # empty lines are no records
        if header is None:
            return
        if len(set(header)) != len(header) or "" in header:
            raise DataError(f"{file.name} has an empty or repeated column name in its header: {', '.join(header)}.")
        for record in reader:
            if record:
                out.write(_json_line(_cells(header, record)))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not UTF-8 near line {reader.line_num + 1}; convert it, for example with iconv."
        ) from error
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
    # A list of texts or messages can stand in a cell only as JSON; other text in brackets is text.
    if text[:1] == "[" and text[-1:] == "]":
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return items if all(isinstance(item, str | dict) for item in items) else text
    return text or None


def _copy_json(file: SourceFile, source: BinaryIO, out: BinaryIO) -> None:
    """An array of objects, or one object over several lines, to lines; a file that holds lines already is copied."""
    head = line = source.readline().removeprefix(codecs.BOM_UTF8)
    while line.isspace():
        head += (line := source.readline())
    if not _is_whole(line.lstrip()):
        out.write(head)
        shutil.copyfileobj(source, out, _BLOCK)
        return
    try:
        value = json.loads(head + source.read())
        out.writelines(_json_line(item) for item in (value if isinstance(value, list) else [value]))
    except RecursionError as error:
        raise DataError(f"{file.name} is nested too deeply to be read as JSON.") from error
    except ValueError as error:
        raise DataError(f"{file.name} is not valid JSON: {error}.") from error


def _is_whole(line: bytes) -> bool:
    """Whether the file is one JSON value rather than one a line; a first line that ends within a value tells."""
    if line[:1] != b"{":
        return line[:1] == b"["
    try:
        json.loads(line)
    except RecursionError:
        return False
    except ValueError:
        return True
    return False


def _json_line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
