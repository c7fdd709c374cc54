"""How rows look on stdout: JSON lines, CSV, or a table cut to the terminal. Which rows is the business of cat.py.

Bytes are shown as text, with a replacement mark where they are not UTF-8.
"""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_ROWS: Final = 20
"""Rows of a table when no --limit is given."""

_NARROWEST, _WIDEST = 12, 60


def write_jsonl(batches: "Iterable[pa.RecordBatch]", out: BinaryIO) -> None:
    """Write each row as one JSON object a line; a number that JSON lacks (NaN, infinity) becomes null."""
    import orjson

    for batch in batches:
        out.writelines(orjson.dumps(row, default=_plain, option=orjson.OPT_APPEND_NEWLINE) for row in batch.to_pylist())
        out.flush()


def write_csv(columns: Sequence[str], batches: "Iterable[pa.RecordBatch]", out: BinaryIO) -> None:
    """Write a header and the rows; lists and structs are JSON in their cell, null is an empty cell."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    try:
        if columns:
            writer.writerow(columns)
        for batch in batches:
            writer.writerows([_cell(row[name]) for name in columns] for row in batch.to_pylist())
            out.flush()
    finally:
        text.detach()


def write_table(columns: Sequence[str], batches: "Iterable[pa.RecordBatch]", most: int) -> None:
    """Draw at most `most` rows, one line each, with as many columns as fit; stderr says what is not shown."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [row for batch in batches for row in batch.to_pylist()]
    width = shutil.get_terminal_size().columns
    shown = list(columns[: max(1, width // (_NARROWEST + 2))])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        table.add_column(Text(name), no_wrap=True, overflow="ellipsis", max_width=_WIDEST)
    for row in rows[:most]:
        table.add_row(*(Text(_one_line(_cell(row[name]))) for name in shown))
    Console(file=sys.stdout, width=width, highlight=False).print(table)
    hidden = columns[len(shown) :]
    if hidden:
        sys.stderr.write(f"note: not shown: {', '.join(hidden)}; choose with --columns.\n")
    if len(rows) > most:
        sys.stderr.write(f"note: the first {most} rows; --limit N shows more, --format jsonl all.\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, list | dict) else str(value)


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever JSON has no form for
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _one_line(text: str) -> str:
    """The beginning of `text` without line ends and without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:400])
