"""From a line or a record of the input to a row with an id, or to the reason why it is none.

Also finds out which columns the input has and of which type each is, so that the columns that merely pass through get
one schema in all shards. Reads no file: `sources.py` does.
"""

import codecs
import hashlib
import json
import math
import re
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.types as is_type

from stages.core.tables import CHAT

Row = dict[str, Any]

_DEEPEST: Final = 250
"""How deeply JSON may be nested: what orjson writes, whatever the depth of Python's own stack."""

_EXACT: Final = 2**53
"""Beyond it, a double does not hold every whole number."""

RAW_PREFIX: Final = 2**20
"""How many bytes of a row that is too long are kept with its rejection."""


class Problem(NamedTuple):
    """Why a row is rejected: a short name to count by, the column at fault if there is one, and one sentence."""

    reason: str
    field: str | None
    error: str


class SourceRow(NamedTuple):
    """One row of the input: where it stands, and either its value (with a string `id`) or its problem.

    `row` counts from 1 (lines in JSONL, records elsewhere); `raw` holds the line where the input has lines.
    """

    file: str
    row: int
    value: Row | None
    problem: Problem | None
    raw: bytes | None

    def raw_bytes(self) -> bytes:
        """The row's own bytes, or its canonical JSON where the input has no lines."""
        return self.raw if self.raw is not None else canonical(self.value)


class Rejected(NamedTuple):
    """A source row together with what is wrong with it."""

    source: SourceRow
    problem: Problem


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no white space: the text whose sha256 names a row that has no id."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    try:
        return orjson.dumps(value, default=_plain, option=options)
    except TypeError:  # a whole number of more than 64 bits
        text = json.dumps(value, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def decode_line(line: bytes) -> tuple[Row | None, Problem | None]:
    """Parse one line of JSONL; exactly one of the two results is None."""
    line = line.removeprefix(codecs.BOM_UTF8)
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value, problem = (None, _TOO_DEEP) if _too_deep(line) else _decode_leniently(line)
        if problem is not None:
            return None, problem
    if not isinstance(value, dict):
        kind = type(value).__name__
        return None, Problem("not_an_object", None, f"a row must be a JSON object, this one is a {kind}.")
    types = set(map(type, value.values()))
    if (dict in types or list in types) and _too_deep(line):
        return None, _TOO_DEEP
    # Where a whole number has more than 64 bits, orjson gives a float, which has lost digits.
    if float in types and any(type(item) is float and abs(item) >= 2**63 for item in value.values()):
        value, _ = _decode_leniently(line)
    return value, None


_TOO_DEEP: Final = Problem("bad_json", None, "the JSON is nested too deeply.")


def _too_deep(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= _DEEPEST:
        return False
    outside_of_texts = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", line, flags=re.DOTALL)
    depth = deepest = 0
    for sign in re.findall(rb"[\[\]{}]", outside_of_texts):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest > _DEEPEST


def _decode_leniently(line: bytes) -> tuple[Any, Problem | None]:
    # Python's own json module writes NaN and Infinity, which orjson refuses to read.
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line"
        return None, Problem("not_utf8", None, f"{where} is not UTF-8; convert the file, for example with iconv.")
    try:
        value = json.loads(text)
        text = json.dumps(value, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None, Problem("bad_json", None, "a string holds half of a surrogate pair; write whole characters.")
    except ValueError as error:
        return None, Problem("bad_json", None, f"not valid JSON: {error}.")
    return _without_nan(value), None


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value


def rename(value: Row, mapping: Mapping[str, str]) -> Row:
    """Give columns our names: `mapping` is {ours: theirs}. A column that ours displaces moves aside."""
    if not mapping:
        return value
    result = dict(value)
    taken = {ours: result.pop(theirs) for ours, theirs in mapping.items() if theirs in result}
    for ours, item in taken.items():
        if ours in result:
            free = aside(ours, result)
            result[free] = result.pop(ours)
        result[ours] = item
    return result


def aside(name: str, taken: Container[str]) -> str:
    """What a displaced column `name` is called: `input_<name>`, or with more `input_` where that is taken."""
    while name in taken:
        name = f"input_{name}"
    return name


def identify(value: Row, raw_hash_of: Row) -> tuple[Row, Problem | None]:
    """Make sure that the row has a string id: its own, or the sha256 of `raw_hash_of`, the row as it came."""
    own = value.get("id")
    if own is None or own == "":
        value["id"] = hashlib.sha256(canonical(raw_hash_of)).hexdigest()
    elif isinstance(own, int) and not isinstance(own, bool):
        value["id"] = str(own)
    elif not isinstance(own, str):
        kind = type(own).__name__
        return value, Problem("bad_type", "id", f"field 'id' must be a string or a whole number, this is a {kind}.")
    return value, None


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


def _plain(item: object) -> object:
    # Values that only typed files hold: dates, decimals, bytes.
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    # With pandas installed, pyarrow gives its subclass of datetime, which orjson does not know.
    return item.isoformat() if isinstance(item, datetime) else str(item)
