from typing import Any

import pytest
from trl import extract_prompt

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem
from stages.score.reading import Response, detect_layout, read_responses

ASK = {"role": "user", "content": "Why?"}
ONE = {"role": "assistant", "content": "Because."}
TWO = {"role": "assistant", "content": "No reason."}


def read(layout: str, **row: Any) -> list[Response]:
    found = read_responses({"id": "r", **row}, layout)
    assert not isinstance(found, Problem), found
    return found


def problem(layout: str, **row: Any) -> Problem:
    found = read_responses({"id": "r", **row}, layout)
    assert isinstance(found, Problem)
    return found


@pytest.mark.parametrize(
    ("columns", "layout"),
    [
        (["id", "prompt", "completion"], "completion"),
        (["completion", "messages", "chosen", "rejected"], "completion"),
        (["completions", "chosen", "rejected"], "completions"),
        (["chosen", "rejected", "messages"], "pair"),
        (["chosen", "messages"], "messages"),
    ],
)
def test_the_columns_decide_the_layout(columns: list[str], layout: str) -> None:
    assert detect_layout(columns, "x") == layout


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        (["id", "prompt", "response"], "--map completion=response"),
        (["compleshun"], "--map completion=compleshun"),
        (["question", "answer", "comments"], "--map completion=answer,prompt=question."),
        (["chosen", "score"], "--map completion=COLUMN"),
    ],
)
def test_without_responses_a_mapping_is_suggested(columns: list[str], hint: str) -> None:
    with pytest.raises(DataError, match=hint):
        detect_layout(columns, "rows.jsonl")


def test_texts_are_turns_and_an_empty_completion_is_one_too() -> None:
    assert read("completion", prompt="Why?", completion="Because.") == [Response([ASK], [ONE])]
    (empty,) = read("completion", prompt=None, completion="")
    assert empty == Response(None, [{"role": "assistant", "content": ""}])
    assert empty.messages() == ()


def test_the_last_turn_of_a_completion_is_scored_and_what_is_before_it_is_context() -> None:
    again = [ONE, ASK, TWO]
    (found,) = read("completion", prompt=[ASK], completion=again)
    assert found == Response([ASK], again)
    assert found.messages() == tuple(Message(**turn) for turn in [ASK, ONE, ASK])


def test_further_keys_of_a_message_are_left_out() -> None:
    assert read("completion", prompt=[ASK | {"name": "x"}], completion=[ONE | {"weight": 1}]) == [
        Response([ASK], [ONE])
    ]


def test_a_chat_that_repeats_the_prompt_is_read_without_it() -> None:
    assert read("completion", prompt="Why?", completion=[ASK, ONE]) == [Response([ASK], [ONE])]
    assert read("pair", prompt="Why?", chosen=[ASK, ONE], rejected=[ASK, TWO]) == [
        Response([ASK], [ONE]),
        Response([ASK], [TWO]),
    ]


def test_samples_of_one_prompt() -> None:
    found = read("completions", prompt="Why?", completions=["Because.", [TWO]])
    assert found == [Response([ASK], [ONE]), Response([ASK], [TWO])]


def test_the_prompt_of_whole_chats_is_what_trl_takes_for_it() -> None:
    chats = {"chosen": [ASK, ONE, ASK, ONE], "rejected": [ASK, ONE, ASK, TWO]}
    expected = extract_prompt(chats)
    assert read("pair", **chats) == [
        Response(expected["prompt"], expected["chosen"]),
        Response(expected["prompt"], expected["rejected"]),
    ]
    early = {"chosen": [ASK, ONE, ASK, TWO], "rejected": [ASK, TWO]}
    first, second = read("pair", **early)
    assert (first, second) == (Response([ASK], [ONE, ASK, TWO]), Response([ASK], [TWO]))
    same = read("pair", chosen=[ASK, ONE], rejected=[ASK, ONE])
    assert same == [Response([ASK], [ONE])] * 2


def test_lists_of_chosen_and_rejected_texts_as_benchmarks_have_them() -> None:
    found = read("pair", prompt="Why?", chosen=["a", "b"], rejected="c")
    assert [one.completion[0]["content"] for one in found] == ["a", "b", "c"]
    assert all(one.prompt == [ASK] for one in found)


def test_a_whole_chat_ends_with_the_response() -> None:
    assert read("messages", messages=[ASK, ONE]) == [Response([ASK], [ONE])]
    assert read("messages", messages=[ONE]) == [Response(None, [ONE])]


@pytest.mark.parametrize(
    ("layout", "row", "reason", "field", "words"),
    [
        ("completion", {"prompt": "x"}, "missing_field", "completion", "'completion' is missing"),
        ("completion", {"completion": 3}, "bad_type", "completion", "is a number; it must be a text or a list"),
        ("completion", {"completion": []}, "bad_type", "completion", "an empty list"),
        ("completion", {"completion": "x", "prompt": 3}, "bad_type", "prompt", "'prompt' is a number"),
        ("completion", {"completion": [ASK]}, "bad_value", "completion", "is by 'user'; the response to score must"),
        ("completion", {"completion": [{"role": "assistant", "content": None}]}, "bad_type", "completion", "a list"),
        ("completions", {"completions": "x"}, "bad_type", "completions", "is a text"),
        ("completions", {"completions": []}, "bad_type", "completions", "at least one"),
        ("completions", {"completions": ["x", 1]}, "bad_type", "completions", "is a number"),
        ("completions", {"completions": None}, "missing_field", "completions", "missing"),
        ("pair", {"chosen": "x"}, "missing_field", "rejected", "missing"),
        ("pair", {"chosen": [ASK], "rejected": [ASK, ONE]}, "bad_value", "chosen", "'user'"),
        ("messages", {"messages": "x"}, "bad_type", "messages", "is a text"),
        ("messages", {"messages": [ONE, ASK]}, "bad_value", "messages", "the last message"),
    ],
)
def test_what_is_wrong_is_named(layout: str, row: dict[str, Any], reason: str, field: str, words: str) -> None:
    found = problem(layout, **row)
    assert (found.reason, found.field) == (reason, field)
    assert words in found.error
