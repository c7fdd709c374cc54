"""Rows as a table cut to the terminal: one line a row, as many columns as fit. Says on stderr what it leaves out."""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rlbff_cli.rows_out import cell, rows_of
from rlbff_cli.terminal import colours, say_note

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_ROWS: Final = 20
"""Rows of a table when no --limit is given."""

_NARROWEST, _WIDEST, _GAP = 12, 60, 2

_FIRST: Final = ("id", "annotator", "principle", "label", "agreement", "verdict", "dropped_by", "score", "quote")
"""Columns of principles, kept or dropped, that say what became of them; the texts around them are long."""


def for_people(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns in the order in which a person looks at them, for a table on which not all find room."""
    first = [name for name in _FIRST if name in columns]
    return (*first, *(name for name in columns if name not in first))


def write_table(columns: Sequence[str], batches: "Iterable[pa.RecordBatch]", most: int) -> None:
    """Write at most `most` rows to stdout."""
    from rich.cells import cell_len

    batches = list(batches)
    rows = [row for batch in batches for row in rows_of(batch)]
    chats = {field.name for batch in batches for field in batch.schema if _is_chat(field.type)}
    texts = {name: _chat_text if name in chats else cell for name in columns}
    cells = {name: [_one_line(texts[name](row[name])) for row in rows[:most]] for name in columns}
    wanted = {name: min(_WIDEST, max(map(cell_len, (name, *cells[name])))) for name in columns}
    widths = fit(wanted, shutil.get_terminal_size().columns)
    if widths:
        sys.stdout.write(_underlined(_line(widths, {name: name for name in widths})) + "\n")
    for index in range(len(rows[:most])):
        sys.stdout.write(_line(widths, {name: cells[name][index] for name in widths}).rstrip() + "\n")
    sys.stdout.flush()
    hidden = [name for name in columns if name not in widths]
    if hidden:
        say_note(f"not shown: {', '.join(hidden)}; choose with --columns.")
    if len(rows) > most:
        say_note(f"the first {most} rows; --limit N shows more, --format jsonl all.")


def fit(wanted: Mapping[str, int], screen: int) -> dict[str, int]:
    """Return the width of each column that is shown: the first ones that leave each other their narrowest width.

    What is left over goes evenly to the columns that want more.
    """
    widths: dict[str, int] = {}
    for name, width in wanted.items():
        narrow = min(width, _NARROWEST)
        if widths and sum(widths.values()) + _GAP * len(widths) + narrow > screen:
            break
        widths[name] = min(narrow, screen)
    left = screen - sum(widths.values()) - _GAP * (len(widths) - 1)
    by_need = sorted(widths, key=lambda name: wanted[name])
    for index, name in enumerate(by_need):
        more = min(wanted[name] - widths[name], max(0, left) // (len(by_need) - index))
        widths[name] += more
        left -= more
    return widths


def _is_chat(type_: Any) -> bool:  # noqa: ANN401 - pyarrow publishes no types
    import pyarrow.types as is_

    return (
        (is_.is_list(type_) or is_.is_large_list(type_))
        and is_.is_struct(type_.value_type)
        and {field.name for field in type_.value_type} == {"role", "content"}
    )


def _chat_text(messages: Any) -> str:  # noqa: ANN401 - a list of {role, content}, or null
    """What the messages say; who says it is seldom worth the room."""
    return " / ".join(cell(message["content"]) for message in messages or () if message is not None)


def _line(widths: Mapping[str, int], texts: Mapping[str, str]) -> str:
    from rich.cells import cell_len, set_cell_size

    pieces = []
    for name, width in widths.items():
        text = texts[name]
        if cell_len(text) > width:
            text = set_cell_size(text, width - 1) + "…"
        pieces.append(set_cell_size(text, width))
    return (" " * _GAP).join(pieces)


def _underlined(line: str) -> str:
    return f"\x1b[1;4m{line}\x1b[0m" if colours(sys.stdout) else line.rstrip()


def _one_line(text: str) -> str:
    """The beginning of `text` without line ends and without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:400])
