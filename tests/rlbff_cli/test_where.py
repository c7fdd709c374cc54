import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlbff_cli.where import parse_where
from rlbff_cli.where_tokens import tokens
from stages.core.errors import ConfigError
from tests.rlbff_cli.folders import ROWS, SCHEMA

TABLE = pa.Table.from_pylist(ROWS, SCHEMA)


def found(text: str) -> str:
    """The ids of the rows for which `text` holds, joined."""
    expression, _ = parse_where(text, SCHEMA)
    return "".join(TABLE.filter(expression)["id"].to_pylist())


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("principle = 'clarity'", "a"),
        ('principle == "clarity"', "a"),
        ("principle != 'clarity'", "bc"),
        ("principle <> 'clarity'", "bc"),
        ("'clarity' = principle", "a"),
        ("id < 'b'", "a"),
        ("id <= 'b'", "ab"),
        ("id > 'b'", "c"),
        ("id >= 'b'", "bc"),
        ("label", "ac"),
        ("not label", "b"),
        ("not not label", "ac"),
        ("label = true", "ac"),
        ("label != TRUE", "b"),
        # stored in 32 bits, compared as it is shown
        ("agreement = 0.8", "a"),
        ("agreement > 0.8", ""),
        ("agreement >= .8", "a"),
        ("agreement < 1", "ab"),
        ("agreement > -1e-3", "ab"),
        # null is neither
        ("agreement = 0.5 or agreement != 0.5", "ab"),
        ("not agreement = 0.5", "a"),
        ("agreement is null", "c"),
        ("agreement IS NOT NULL", "ab"),
        ("principle in ('clarity', 'accuracy')", "ab"),
        ("principle not in ('clarity', 'accuracy')", "c"),
        ("`odd name` in (2)", "b"),
        ("`odd name` = 1", "a"),
        ("principle contains 'clar'", "ac"),
        ("principle not contains 'code'", "ab"),
        ("principle like 'c%'", "ac"),
        ("principle like '%clarity'", "ac"),
        ("principle like 'clarit_'", "a"),
        ("principle not like '%clar%'", "b"),
        ("origin.site = 'so'", "a"),
        ("origin.likes > 5", "b"),
        ("origin.likes is null", "c"),
        ("origin is null", "c"),
        ("len(evidence) > 1", "a"),
        ("len(evidence) = 0", "c"),
        ("len(principle) = 7", "a"),
        ("evidence is not null", "abc"),
        # and binds before or, not before and
        ("id = 'a' or id = 'b' and label", "a"),
        ("(id = 'a' or id = 'b') and label", "a"),
        ("(id = 'b' or id = 'c') and not label", "b"),
        ("not label and id = 'c' or id = 'a'", "a"),
        ("((label))", "ac"),
        ("label AND NOT(id='a')", "c"),
        ("1 < 2", "abc"),
        ("99999999999999999999 > `odd name`", "ab"),
    ],
)
def test_the_rows_for_which_it_holds(text: str, ids: str) -> None:
    assert found(text) == ids


def test_quotes_in_text_are_doubled() -> None:
    assert [token.value for token in tokens('\'it\'\'s\' "a ""b"""')] == ["it's", 'a "b"', ""]


def test_the_columns_that_are_read_are_named() -> None:
    _, columns = parse_where("origin.likes > 1 and len(evidence) = 2 or label", SCHEMA)
    assert columns == {"origin", "evidence", "label"}


def test_a_column_may_be_named_like_a_word_of_the_language() -> None:
    schema = pa.schema([pa.field("len", pa.int64()), pa.field("in", pa.bool_())])
    table = pa.table({"len": [1, 2], "in": [True, False]}, schema=schema)
    expression, _ = parse_where("len > 1 or `in`", schema)
    assert table.filter(expression).num_rows == 2


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", 1, "something is missing after this"),
        ("label and", 10, "something is missing after this"),
        ("pirnciple = 'x'", 1, "there is no column pirnciple. Did you mean principle?"),
        ("xyz = 1", 1, "there is no column xyz. There are id, principle"),
        ("origin.like > 1", 8, "origin has no field like. Did you mean likes?"),
        ("evidence.quote = 'x'", 1, "evidence is a list and has no fields. Its length is len(evidence)."),
        ("principle = 3", 11, "principle is text, but 3 is a number."),
        ("agreement > 'x'", 11, "agreement is a number, but 'x' is text."),
        ("evidence = 3", 10, "evidence is a list and cannot be compared. Its length is len(evidence)."),
        ("origin = 'so'", 8, "origin is a group of fields and cannot be compared."),
        ("principle", 10, "principle is text; expected a comparison such as =."),
        ("principle = null", 13, "Write `is null`."),
        ("principle in (null)", 15, "Write `is null`."),
        ("principle is 3", 14, "expected null"),
        ("principle = 'x", 13, "this quote is not closed"),
        ("principle ~ 'x'", 11, "'~' has no meaning"),
        ("label label", 7, "expected and, or, or the end"),
        ("(label", 7, "expected )"),
        ("label)", 6, "expected and, or, or the end"),
        ("id in ()", 8, "expected a number or text in quotes"),
        ("id in ('a' 'b')", 12, "expected ,"),
        ("id not 'a'", 8, "expected in, contains or like"),
        ("label contains 'x'", 7, "contains looks into text, but label is true or false"),
        ("id contains 3", 13, "expected text in quotes after contains"),
        ("len(label) > 1", 5, "label is true or false and has no length"),
        ("and", 1, "expected a column, a number or text in quotes, not and"),
        ("len(", 5, "something is missing after this"),
        ("__import__('os')", 1, "there is no column __import__"),
    ],
)
def test_a_mistake_is_shown_with_its_place(text: str, place: int, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_where(text, SCHEMA)
    assert f"character {place}: " in str(caught.value)
    assert sentence in str(caught.value)


@given(st.text(alphabet="abil=<>()'\"`., 01%notrde", max_size=30))
def test_any_text_is_an_expression_or_our_error(text: str) -> None:
    try:
        expression, _ = parse_where(text, SCHEMA)
    except ConfigError:
        return
    TABLE.filter(expression)


TESTS = st.sampled_from(
    [
        ("label", lambda row: row["label"]),
        ("id = 'b'", lambda row: row["id"] == "b"),
        ("agreement > 0.6", lambda row: None if row["agreement"] is None else row["agreement"] > 0.6),
        ("`odd name` < 2", lambda row: None if row["odd name"] is None else row["odd name"] < 2),
    ]
)


def _both(left: object, right: object) -> object:
    return False if left is False or right is False else None if left is None or right is None else True


def _joined(pair: tuple[tuple, str, tuple]) -> tuple:
    (left, holds_left), word, (right, holds_right) = pair
    if word == "and":
        return f"({left} and {right})", lambda row: _both(holds_left(row), holds_right(row))
    both = lambda row: _both(_opposite(holds_left(row)), _opposite(holds_right(row)))  # noqa: E731
    return f"({left} or {right})", lambda row: _opposite(both(row))


def _opposite(value: object) -> object:
    return None if value is None else not value


TREES = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(_joined),
        inner.map(lambda pair: (f"not {pair[0]}", lambda row: _opposite(pair[1](row)))),
    ),
    max_leaves=6,
)


@given(TREES)
def test_logic_is_that_of_three_values(tree: tuple) -> None:
    text, holds = tree
    assert found(text) == "".join(str(row["id"]) for row in ROWS if holds(row) is True)
