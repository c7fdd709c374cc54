"""Columns of the input that pass through a stage: which ones, under which names, and their values row by row."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from stages.core.columns import ColumnTypes, fit
from stages.core.rows import Row, aside


class PassThrough(NamedTuple):
    """A column of the input that is copied: its name there, its name in the output, its type."""

    source: str
    name: str
    type: pa.DataType


def passing(columns: ColumnTypes, consumed: Collection[str], ours: Iterable[str]) -> tuple[PassThrough, ...]:
    """The columns of the input that are not `consumed`; one with a name of `ours` is called `input_<name>`."""
    own = set(ours)
    rest = [name for name in columns.names() if name not in consumed]
    taken = own | {name for name in rest if name not in own}
    result: list[PassThrough] = []
    for source in rest:
        name = aside(source, taken) if source in own else source
        taken.add(name)
        result.append(PassThrough(source, name, columns.type_of(source)))
    return tuple(result)


def copied(columns: Sequence[PassThrough], row: Row) -> dict[str, Any]:
    """The columns of one input row that pass through."""
    return {name: fit(row.get(source), type_) for source, name, type_ in columns}
