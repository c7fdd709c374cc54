"""The records of a campaign as a table: kind of fault by stage."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from tests.torture.campaign import Record

COLUMNS: Final = ("fault", "stage", "injected", "survived", "lost rows", "wrong rows", "other bytes", "unclear")


def rows(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """A row for each kind and stage in which a fault struck, and one for all."""
    cells: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.struck:
            cells[record.kind, record.stage].append(record)
    table = [(*names, *_counts(some)) for names, some in sorted(cells.items())]
    return [*table, ("all", "all", *_counts([record for record in records if record.struck]))]


def _counts(records: Sequence[Record]) -> tuple[str, ...]:
    return (
        str(len(records)),
        str(sum(record.survived for record in records)),
        str(sum(record.lost for record in records)),
        str(sum(record.wrong for record in records)),
        str(sum(bool(record.files) for record in records)),
        str(sum(bool(record.unclear) for record in records)),
    )


def plain(table: Sequence[Sequence[str]]) -> str:
    """The table in columns, for a terminal."""
    lines = [COLUMNS, *table]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The table for docs/reliability.md."""
    head = [COLUMNS, ("---", "---", *("---:" for _ in COLUMNS[2:]))]
    return "".join(f"| {' | '.join(line)} |\n" for line in [*head, *table])
