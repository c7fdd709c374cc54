"""What a table is: named, documented columns in file order. The tables themselves are in tables.py."""

from typing import Final, NamedTuple

import pyarrow as pa

CHAT: Final = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
"""Chat text: a list of messages, each with the role that speaks and what it says."""


class Column(NamedTuple):
    """One column: its name, its type, what it holds, and whether a row without it is rejected."""

    name: str
    type: pa.DataType
    doc: str
    required: bool = False


class Table(NamedTuple):
    """A named table with its columns in file order and who else reads it unchanged."""

    name: str
    columns: tuple[Column, ...]
    doc: str
    readers: str = ""

    def schema(self) -> pa.Schema:
        """The Arrow schema, in column order."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])
