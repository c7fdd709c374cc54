"""Rows of chains of thought: every layout, every column's forms, and what each wrong row is told."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import DataError
from stages.core.rows import Problem, decode_line
from stages.select_cotp.reading import Cot, check_columns, read_cot

BASE = {"id": "a", "prompt": "What is 2+3?", "completion": "It is 5."}


def cot(**changes: Any) -> Cot:
    found = read_cot(BASE | changes)
    assert isinstance(found, Cot), found
    return found


def problem(**changes: Any) -> Problem:
    found = read_cot(BASE | changes)
    assert isinstance(found, Problem), found
    return found


def chat(*turns: str) -> list[dict[str, str]]:
    return [dict(zip(("role", "content"), turn.split(":", 1), strict=True)) for turn in turns]


def test_texts_become_chats() -> None:
    found = cot()
    assert found == Cot(
        id="a",
        question_id=hashlib.sha256(b"What is 2+3?").hexdigest(),
        prompt=chat("user:What is 2+3?"),
        prompt_text="What is 2+3?",
        completion=chat("assistant:It is 5."),
        completion_text="It is 5.",
        correct=None,
        patterns=None,
        entropy=None,
        success_rate=None,
        difficulty=None,
        type=None,
    )


def test_chats_stay_and_system_messages_are_no_question() -> None:
    found = cot(prompt=chat("system:Be brief.", "user:What is 2+3?"), completion=chat("assistant:Hm.", "assistant:5"))
    assert found.prompt_text == "What is 2+3?"
    assert found.question_id == cot().question_id
    assert found.completion_text == "Hm.\n\n5"
    assert [message["role"] for message in found.prompt] == ["system", "user"]


def test_keys_of_messages_beside_role_and_content_are_left_out() -> None:
    found = cot(prompt=[{"role": "user", "content": "Why?", "name": None}])
    assert found.prompt == chat("user:Why?")


def test_a_prompt_that_the_completion_repeats_is_cut_off() -> None:
    whole = chat("user:What is 2+3?", "assistant:5")
    assert cot(completion=whole).completion == whole[1:]


def test_json_text_of_a_chat_is_one_and_that_of_other_lists_is_text() -> None:
    assert cot(prompt=json.dumps(chat("user:Why?"))).prompt == chat("user:Why?")
    for text in ("[1, 2]", '["a"]', "[so", "[]", '[{"role": "user"}]'):
        assert cot(completion=text).completion_text == text


def test_messages_are_split_before_the_last() -> None:
    found = read_cot({"id": "a", "messages": chat("user:Why?", "assistant:Because.")})
    assert isinstance(found, Cot)
    assert (found.prompt, found.completion_text) == (chat("user:Why?"), "Because.")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"question_id": "q", "problem_id": "p"}, "q"),
        ({"question_id": None, "problem_id": 7}, "7"),
        ({"task_id": 7.0}, "7"),
    ],
)
def test_names_of_questions(changes: dict[str, object], expected: str) -> None:
    assert cot(**changes).question_id == expected


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "1", "yes"])
@pytest.mark.parametrize("name", ["correct", "is_correct", "final_answer_correct", "label"])
def test_right(name: str, value: object) -> None:
    assert cot(**{name: value}).correct is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "No", "0"])
def test_wrong(value: object) -> None:
    assert cot(correct=value).correct is False


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_not_known_to_be_right(value: object) -> None:
    assert cot(correct=value).correct is None


def test_the_first_column_of_truth_decides() -> None:
    assert cot(correct=False, label=True).correct is False
    assert cot(correct=None, label=True).correct is True


def test_patterns() -> None:
    assert cot(patterns=["Restate", "", "计算"]).patterns == ("Restate", "", "计算")
    assert cot(patterns='["a", "b"]').patterns == ("a", "b")
    assert cot(patterns=[]).patterns == ()
    spans = [{"start": 0, "end": 3}, {"start": 3, "end": 8}]
    assert cot(patterns=["a", "b"], pattern_spans=spans).patterns == ("a", "b")


def test_entropies() -> None:
    found = cot(entropy=[0, 0.5, 1]).entropy
    assert found is not None
    assert found.dtype == np.float32
    assert found.tolist() == [0.0, 0.5, 1.0]
    assert cot(entropy="[0.5, 0.25]", num_tokens="2").entropy.tolist() == [0.5, 0.25]  # type: ignore[union-attr]
    assert cot(entropy=[]).entropy.tolist() == []  # type: ignore[union-attr]


def test_null_and_nan_in_entropies_are_nan() -> None:
    row, _ = decode_line(b'{"id": "a", "prompt": "p", "completion": "c", "entropy": [0.5, NaN, null, Infinity]}')
    assert row is not None
    found = read_cot(row)
    assert isinstance(found, Cot)
    assert np.isnan(found.entropy).tolist() == [False, True, True, True]  # type: ignore[arg-type]


def test_entropies_too_large_for_float32_are_infinite() -> None:
    found = cot(entropy=[1e300, -(10**400), 10**400, None, 1]).entropy
    assert np.array_equal(found, np.array([np.inf, -np.inf, np.inf, np.nan, 1], np.float32), equal_nan=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"success_rate": 0.25}, 0.25),
        ({"success_rate": "1"}, 1.0),
        ({"success_rate": 0, "n": 4, "c": 4}, 0.0),
        ({"n": 8, "c": 2}, 0.25),
        ({"n": "8", "c": "0"}, 0.0),
        ({"n": 8}, None),
        ({"n": 8, "c": None}, None),
        ({"success_rate": None}, None),
    ],
)
def test_success_rates(changes: dict[str, object], expected: float | None) -> None:
    assert cot(**changes).success_rate == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"difficulty": 3}, 3.0),
        ({"difficulty": None, "level": "Level 5"}, 5.0),
        ({"level": "2.5"}, 2.5),
        ({"difficulty": "Hard"}, 3.0),
        ({"level": "Level ?"}, None),
    ],
)
def test_difficulties(changes: dict[str, object], expected: float | None) -> None:
    assert cot(**changes).difficulty == expected


def test_types() -> None:
    assert cot(domain="algebra", subject="x").type == "algebra"
    assert cot(type="", subject="Geometry").type == "Geometry"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"completion": None}, ("missing_field", "completion", "is missing")),
        ({"completion": " \n"}, ("empty_completion", "completion", "is empty")),
        ({"completion": 5}, ("bad_type", "completion", "is 5; it must be a text or a list of messages")),
        ({"completion": []}, ("bad_type", "completion", "is an empty list")),
        ({"completion": ["a", "b", "c"]}, ("several_samples", "completion", "holds 3 texts; write a row for each")),
        ({"completion": [{"role": "user", "content": "x"}]}, ("bad_value", "completion", "is by 'user'")),
        ({"completion": [{"role": "assistant", "content": 5}]}, ("bad_type", "completion", "role and content")),
        ({"prompt": None}, ("missing_field", "prompt", "'prompt' or 'question' or 'problem'")),
        ({"prompt": "  "}, ("empty_prompt", "prompt", "is empty")),
        ({"prompt": {"a": 1}}, ("bad_type", "prompt", "is an object")),
        ({"question_id": [1]}, ("bad_type", "question_id", "is a list; it must be a text or a whole number")),
        ({"question_id": True}, ("bad_type", "question_id", "is true")),
        ({"correct": "maybe"}, ("bad_type", "correct", "is 'maybe'; it must be true or false")),
        ({"correct": 0.5}, ("bad_type", "correct", "is 0.5")),
        ({"correct": []}, ("bad_type", "correct", "is an empty list")),
        ({"label": 3}, ("bad_type", "label", "--map correct=COLUMN")),
        ({"patterns": "a, b"}, ("bad_type", "patterns", "is 'a, b'; it must be a list of texts")),
        ({"patterns": ["a", None]}, ("bad_type", "patterns", "'patterns[1]' is null")),
        ({"patterns": ["a"], "pattern_spans": []}, ("length_mismatch", "pattern_spans", "0 places for 1 patterns")),
        ({"patterns": ["a"], "pattern_spans": "x"}, ("bad_value", "pattern_spans", "a list of {start, end}")),
        ({"patterns": ["a"], "pattern_spans": [{"start": 2, "end": 1}]}, ("bad_value", "pattern_spans", "<= 8")),
        ({"patterns": ["a"], "pattern_spans": [{"start": 0, "end": 9}]}, ("bad_value", "pattern_spans", "<= 8")),
        ({"patterns": ["a"], "pattern_spans": [{"start": "0", "end": 1}]}, ("bad_value", "pattern_spans", "<= 8")),
        ({"entropy": 0.5}, ("bad_type", "entropy", "is 0.5; it must be a list of numbers")),
        ({"entropy": [0.5, "x"]}, ("bad_type", "entropy", "'entropy[1]' is 'x'; it must be a number")),
        ({"entropy": [True]}, ("bad_type", "entropy", "'entropy[0]' is true")),
        ({"entropy": [[0.5]]}, ("bad_type", "entropy", "'entropy[0]' is a list")),
        ({"entropy": "[1, 2"}, ("bad_type", "entropy", "it must be a list of numbers")),
        ({"entropy": [0.5], "num_tokens": 2}, ("length_mismatch", "entropy", "has 1 values, but num_tokens is 2")),
        ({"entropy": [0.5], "num_tokens": "two"}, ("bad_type", "num_tokens", "is 'two'; it must be a number")),
        ({"success_rate": 1.5}, ("bad_value", "success_rate", "is 1.5; it must be between 0 and 1")),
        ({"success_rate": -0.1}, ("bad_value", "success_rate", "is -0.1")),
        ({"success_rate": float("inf")}, ("bad_type", "success_rate", "a finite number")),
        ({"success_rate": True}, ("bad_type", "success_rate", "is true; it must be a number")),
        ({"n": 4, "c": 5}, ("bad_value", "c", "'c' is 5 and 'n' is 4")),
        ({"n": 0, "c": 0}, ("bad_value", "c", "'c' is 0 and 'n' is 0")),
        ({"difficulty": [1]}, ("bad_type", "difficulty", "is a list; it must be a number")),
        ({"type": 3}, ("bad_type", "type", "is 3; it must be a text")),
    ],
)
def test_wrong_rows(changes: dict[str, object], expected: tuple[str, str, str]) -> None:
    found = problem(**changes)
    assert (found.reason, found.field) == expected[:2]
    assert expected[2] in found.error
    assert found.error.endswith(".")


def test_messages_without_an_answer() -> None:
    for turns in (["user:Why?"], ["assistant:Because."], ["assistant:a", "user:b"]):
        found = read_cot({"id": "a", "messages": chat(*turns)})
        assert isinstance(found, Problem)
        assert (found.reason, found.field) == ("bad_value", "messages")


def test_columns_that_suffice() -> None:
    check_columns(["completion", "prompt"], "x", needs_patterns=False, needs_entropy=False)
    check_columns(["steps", "problem"], "x", needs_patterns=False, needs_entropy=False)
    check_columns(["messages", "patterns", "entropy"], "x", needs_patterns=True, needs_entropy=True)


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (
            ["id", "prompt", "response"],
            r"pool\.csv has no chain of thought.*prompt, response\).*--map completion=response",
        ),
        (["prompt", "compleation"], r"--map completion=compleation"),
        (["id"], r"\(its columns: none\).*--map completion=COLUMN"),
        (["completion", "query"], r"no question: no column 'prompt' or 'question' or 'problem'.*--map prompt=query"),
        (["completion", "prompt", "pattern"], r"--map patterns=pattern, .*--patterns rules or --llm.*--lambda 0"),
        (["completion", "prompt", "patterns", "entropies"], r"--map entropy=entropies, .*--entropy-model.*--lambda 1"),
    ],
)
def test_columns_that_lack(names: list[str], error: str) -> None:
    with pytest.raises(DataError, match=error):
        check_columns(names, "pool.csv", needs_patterns=True, needs_entropy=True)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [{"id": "x"} | json.loads(line) for line in file]


def test_real_long_traces(shared_data: Path) -> None:
    path = shared_data / "skythought/Sky-T1-math-correct-5K-32B-checkpoint-105-aime24.jsonl.gz"
    found = [read_cot(row) for row in rows(path)]
    assert all(isinstance(one, Cot) for one in found)
    assert len({one.question_id for one in found}) == 30  # type: ignore[union-attr]
    assert sum(one.correct for one in found) == sum(row["correct"] for row in rows(path))  # type: ignore[union-attr, misc]


def test_real_steps(shared_data: Path) -> None:
    source = rows(shared_data / "processbench/math.jsonl.gz")
    found = [read_cot(row) for row in source]
    for row, one in zip(source, found, strict=True):
        assert isinstance(one, Cot)
        assert one.completion_text == "\n\n".join(row["steps"])
        # `label` is the number of the first wrong step there
        assert one.correct is row["final_answer_correct"]


def test_label_of_steps_is_no_truth_value() -> None:
    found = read_cot({"id": "a", "problem": "p", "steps": ["a", "b"], "label": 1})
    assert isinstance(found, Cot)
    assert (found.correct, found.completion_text) == (None, "a\n\nb")


def test_real_rows_of_several_samples_say_how_to_go_on(shared_data: Path) -> None:
    source = rows(shared_data / "qwen25math/math_cot_100.jsonl.gz")
    with pytest.raises(DataError, match=r"--map completion=response"):
        check_columns(list(source[0]), "math.jsonl", needs_patterns=False, needs_entropy=False)
    found = read_cot(source[0] | {"completion": source[0]["response"]})
    assert isinstance(found, Problem)
    assert (found.reason, "holds 8 texts" in found.error) == ("several_samples", True)
