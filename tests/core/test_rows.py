import hashlib

import pyarrow as pa
import pytest

from stages.core.rows import ColumnTypes, canonical, decode_line, fit, identify, rename
from stages.core.tables import CHAT


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "bad_json"),
        (b"[1, 2]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "\\ud800"}', "bad_json"),
        (b"[" * 100_000, "bad_json"),
    ],
)
def test_a_bad_line_has_a_reason(line: bytes, reason: str) -> None:
    value, problem = decode_line(line)
    assert value is None
    assert problem is not None
    assert problem.reason == reason


def test_nan_as_python_writes_it_is_read_as_null() -> None:
    assert decode_line(b'{"a": NaN, "b": [Infinity, 1.5]}') == ({"a": None, "b": [None, 1.5]}, None)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert decode_line(b'\xef\xbb\xbf{"a": 1}\n') == ({"a": 1}, None)


def test_rename_moves_a_displaced_column_aside() -> None:
    assert rename({"prompt": "p", "question": "q"}, {"prompt": "question"}) == {"prompt": "q", "input_prompt": "p"}


def test_id_is_the_sha256_of_the_canonical_row() -> None:
    row = {"b": 1, "a": "ü"}
    value, problem = identify(dict(row), row)
    assert problem is None
    assert value["id"] == hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest()
    assert canonical({"b": 1, "a": "ü"}) == canonical({"a": "ü", "b": 1})


def test_a_number_as_id_becomes_text_and_a_list_is_refused() -> None:
    assert identify({"id": 7}, {})[0]["id"] == "7"
    problem = identify({"id": [7]}, {})[1]
    assert problem is not None
    assert (problem.reason, problem.field) == ("bad_type", "id")


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["a", None], pa.string()),
        ([1, 2], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True, None], pa.bool_()),
        ([True, 1], pa.string()),
        ([None, None], pa.string()),
        ([["a"], []], pa.list_(pa.string())),
        ([[{"role": "user", "content": "x"}]], CHAT),
        ([{"a": 1}], pa.string()),
        ([2**70], pa.string()),
    ],
)
def test_a_column_gets_the_type_that_holds_all_its_values(values: list[object], type_: pa.DataType) -> None:
    types = ColumnTypes()
    for value in values:
        types.observe({"x": value})
    assert types.type_of("x") == type_
    pa.array([fit(value, type_) for value in values], type=type_)


def test_typed_columns_of_two_files_are_unified() -> None:
    types = ColumnTypes()
    types.observe_schema(pa.schema([("x", pa.int32()), ("y", pa.null())]))
    types.observe_schema(pa.schema([("x", pa.int64()), ("y", pa.float32())]))
    assert types.type_of("x") == pa.int64()
    assert types.type_of("y") == pa.float32()
