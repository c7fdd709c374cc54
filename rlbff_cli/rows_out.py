"""How rows look as JSON lines and as CSV. Which rows is the business of cat.py; a table on screen, of rows_table.py.

Bytes are shown as text, with a replacement mark where they are not UTF-8.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa


def write_jsonl(batches: "Iterable[pa.RecordBatch]", out: BinaryIO) -> None:
    """Write each row as one JSON object a line; a number that JSON lacks (NaN, infinity) becomes null."""
    import orjson

    for batch in batches:
        out.writelines(orjson.dumps(row, default=_plain, option=orjson.OPT_APPEND_NEWLINE) for row in rows_of(batch))
        out.flush()


def write_csv(columns: Sequence[str], batches: "Iterable[pa.RecordBatch]", out: BinaryIO) -> None:
    """Write a header and the rows; lists and structs are JSON in their cell, null is an empty cell."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    try:
        if columns:
            writer.writerow(columns)
        for batch in batches:
            writer.writerows([cell(row[name]) for name in columns] for row in rows_of(batch))
            out.flush()
    finally:
        text.detach()


def rows_of(batch: "pa.RecordBatch") -> list[dict[str, Any]]:
    """The rows of a batch as Python values; a 32-bit 0.8 is 0.8 and not 0.800000011920929."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    for field in batch.schema:
        shorten = _shortener(field.type)
        if shorten is not None:
            for row in rows:
                row[field.name] = shorten(row[field.name])
    return rows


def cell(value: object) -> str:
    """A value as the text of one cell: lists and structs as JSON, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, list | dict) else str(value)


def _shortener(type_: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - pyarrow publishes no types
    """The function that shortens the floats in a value of this type; None when it holds none that need it."""
    import numpy as np
    import pyarrow.types as is_

    if is_.is_float16(type_) or is_.is_float32(type_):
        narrow = np.float16 if is_.is_float16(type_) else np.float32
        return lambda value: None if value is None else float(str(narrow(value)))
    if is_.is_list(type_) or is_.is_large_list(type_):
        inner = _shortener(type_.value_type)
        return inner and (lambda values: None if values is None else [inner(value) for value in values])
    if is_.is_struct(type_):
        found = {field.name: function for field in type_ if (function := _shortener(field.type)) is not None}
        return (lambda value: value and {**value, **{n: f(value[n]) for n, f in found.items()}}) if found else None
    return None


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever JSON has no form for
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    # With pandas installed, pyarrow gives its subclass of datetime, which orjson does not know.
    return value.isoformat() if isinstance(value, datetime) else str(value)
