import datetime
import hashlib

import pyarrow as pa
import pytest

from stages.core.columns import ColumnTypes, fit
from stages.core.rows import canonical, decode_line, identify, rename
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


@pytest.mark.parametrize("extra", ["", ', "y": NaN'])
def test_the_deepest_json_that_is_read_can_also_be_written(extra: str) -> None:
    def line(depth: int) -> bytes:
        return b'{"x": ' + b"[" * depth + b"]" * depth + extra.encode() + b"}"

    value, _ = decode_line(line(249))
    assert value is not None
    assert canonical(value["x"]) == b"[" * 249 + b"]" * 249
    for depth in (250, 400, 990, 1020, 1030):
        _, problem = decode_line(line(depth))
        assert problem is not None
        assert problem.error == "the JSON is nested too deeply."


def test_whole_numbers_keep_all_their_digits() -> None:
    huge = 123456789012345678901234567890
    value, _ = decode_line(b'{"id": %d, "x": %d, "y": 1e30}' % (huge, -huge))
    assert value == {"id": huge, "x": -huge, "y": 1e30}
    assert identify(value, value)[0]["id"] == str(huge)


def test_a_displaced_column_displaces_none_in_its_turn() -> None:
    value = {"prompt": "p", "question": "q", "input_prompt": "i"}
    expected = {"prompt": "q", "input_prompt": "i", "input_input_prompt": "p"}
    assert rename(value, {"prompt": "question"}) == expected


def settled(*values: object) -> tuple[pa.DataType, list[object]]:
    """The type of a column that holds these values, and the values in it."""
    types = ColumnTypes()
    for value in values:
        types.observe({"x": value})
    type_ = types.type_of("x")
    return type_, pa.array([fit(value, type_) for value in values], type_).to_pylist()


def test_whole_numbers_among_others_are_exact_or_text() -> None:
    assert settled(2**53, 0.5) == (pa.float64(), [2.0**53, 0.5])
    assert settled(2**53 + 1, 0.5) == (pa.string(), ["9007199254740993", "0.5"])
    assert settled(2**53 + 1, 1) == (pa.int64(), [2**53 + 1, 1])


@pytest.mark.parametrize(
    ("types", "values", "expected"),
    [
        ([pa.int64(), pa.float64()], [2**60 + 1, 0.5], (pa.float64(), [2.0**60, 0.5])),
        ([pa.uint64(), pa.float64()], [2**64 - 1, 0.5], (pa.float64(), [2.0**64, 0.5])),
        ([pa.uint64(), pa.int64()], [2**64 - 1, -1], (pa.string(), ["18446744073709551615", "-1"])),
        ([pa.map_(pa.string(), pa.int8())], [[("a", 1)]], (pa.string(), ['[["a",1]]'])),
        ([pa.list_(pa.month_day_nano_interval())], [None], (pa.string(), [None])),
        ([pa.struct([])], [{}], (pa.string(), ["{}"])),
        ([pa.date32(), pa.string()], [datetime.date(2020, 1, 2), "x"], (pa.string(), ["2020-01-02", "x"])),
        ([pa.dictionary(pa.int8(), pa.string())], ["a"], (pa.dictionary(pa.int8(), pa.string()), ["a"])),
    ],
    ids=str,
)
def test_types_that_do_not_go_together_or_that_not_all_read_become_text(
    types: list[pa.DataType], values: list[object], expected: tuple[pa.DataType, list[object]]
) -> None:
    columns = ColumnTypes()
    for type_ in types:
        columns.observe_schema(pa.schema([pa.field("x", type_)]))
    settled_on = columns.type_of("x")
    fitted = pa.array([fit(value, settled_on) for value in values], settled_on).to_pylist()
    assert (settled_on, fitted) == expected


def test_a_time_has_one_text_with_and_without_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    time = datetime.datetime(2020, 1, 2, 3, 4, 5)
    assert canonical({"t": pandas.Timestamp(time)}) == canonical({"t": time}) == b'{"t":"2020-01-02T03:04:05"}'
