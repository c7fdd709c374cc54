"""From a line or a record of the input to a row with an id, or to the reason why it is none.

Which columns an input has is the business of `columns.py`. Reads no file: `slices.py` does.
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

Row = dict[str, Any]

_DEEPEST: Final = 250
"""How deeply JSON may be nested: what orjson writes, whatever the depth of Python's own stack."""

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


def _plain(item: object) -> object:
    # Values that only typed files hold: dates, decimals, bytes.
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    # With pandas installed, pyarrow gives its subclass of datetime, which orjson does not know.
    return item.isoformat() if isinstance(item, datetime) else str(item)
