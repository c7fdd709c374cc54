"""Which columns an input has and of which type each is, so that columns that merely pass through get one schema in all
shards. What a row is, is the business of `rows.py`.
"""

from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.types as is_type

from stages.core.rows import Row, canonical
from stages.core.tables import CHAT

_EXACT: Final = 2**53
"""Beyond it, a double does not hold every whole number."""


class ColumnTypes:
    """Collects the type of every column over all rows, and settles on one Arrow type each."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}
        self._typed: dict[str, pa.DataType] = {}

    def observe(self, value: Row) -> None:
        """Take note of the columns of one row."""
        kinds = self._kinds
        for name, item in value.items():
            seen = kinds.get(name)
            if seen is None:
                seen = kinds[name] = set()
            seen.add(_kind(item))

    def observe_schema(self, schema: pa.Schema) -> None:
        """Take note of the columns of a typed file."""
        for field in schema:
            kind = f"arrow:{field.type}"
            self._kinds.setdefault(field.name, set()).add(kind)
            self._typed[kind] = field.type

    def names(self) -> list[str]:
        """All column names, in order of first appearance."""
        return list(self._kinds)

    def type_of(self, name: str) -> pa.DataType:
        """The Arrow type that holds every value seen in column `name`; text holding JSON where nothing else does."""
        kinds = self._kinds[name] - {"null", "arrow:null"}
        if len(kinds) == 1:
            (kind,) = kinds
            type_ = self._typed.get(kind) or _SIMPLE.get(kind, pa.string())
            return type_ if _is_plain(type_) else pa.string()
        if kinds and kinds <= self._typed.keys():
            return _common_type([self._typed[kind] for kind in sorted(kinds)])
        if kinds and kinds <= {"int", "float"}:
            return pa.float64()
        if kinds and kinds <= {"int", "long"}:
            return pa.int64()
        if kinds and kinds <= {"texts", "empty list"}:
            return pa.list_(pa.string())
        if kinds and kinds <= {"chat", "empty list"}:
            return CHAT
        return pa.string()


def _common_type(types: list[pa.DataType]) -> pa.DataType:
    if pa.uint64() in types and any(is_type.is_signed_integer(type_) for type_ in types):
        return pa.string()
    try:
        schemas = [pa.schema([pa.field("x", type_)]) for type_ in types]
        common = pa.unify_schemas(schemas, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.string()
    return common if _is_plain(common) else pa.string()


def _is_plain(type_: pa.DataType) -> bool:
    """Whether Parquet holds the type and pyarrow, datasets, DuckDB and Polars all read it, unlike a map or a union."""
    if is_type.is_struct(type_):
        return type_.num_fields > 0 and all(_is_plain(field.type) for field in type_)
    if is_type.is_list(type_) or is_type.is_large_list(type_) or is_type.is_fixed_size_list(type_):
        return _is_plain(type_.value_type)
    if is_type.is_dictionary(type_):
        return _is_plain(type_.value_type)
    if is_type.is_decimal(type_):
        return bool(is_type.is_decimal128(type_))
    odd = (is_type.is_map, is_type.is_union, is_type.is_run_end_encoded, is_type.is_interval)
    return not (
        isinstance(type_, pa.BaseExtensionType) or is_type.is_nested(type_) or any(is_odd(type_) for is_odd in odd)
    )


_SIMPLE: Final[dict[str, pa.DataType]] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float64(),
    "texts": pa.list_(pa.string()),
    "chat": CHAT,
}


def _kind(item: object) -> str:  # one of the names that type_of knows
    if item is None:
        return "null"
    if isinstance(item, str):
        return "str"
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, int):
        return "int" if -_EXACT <= item <= _EXACT else "long" if -(2**63) <= item < 2**63 else "json"
    if isinstance(item, float):
        return "float"
    if isinstance(item, list):
        return _list_kind(item)
    return "json"


def _list_kind(items: list[Any]) -> str:
    if not items:
        return "empty list"
    if all(isinstance(item, str) for item in items):
        return "texts"
    return "chat" if all(is_message(item) for item in items) else "json"


def is_message(item: object) -> bool:
    """Whether `item` is {role: text, content: text} and nothing else."""
    return (
        isinstance(item, dict) and item.keys() == {"role", "content"} and all(isinstance(x, str) for x in item.values())
    )


def fit(item: object, type_: pa.DataType) -> object:
    """`item` as a value of the column type that `ColumnTypes` settled on."""
    if isinstance(item, int) and is_type.is_floating(type_):
        return float(item)
    if item is None or not is_type.is_string(type_) or isinstance(item, str):
        return item
    text = canonical(item).decode()
    return str(orjson.loads(text)) if text.startswith('"') else text
