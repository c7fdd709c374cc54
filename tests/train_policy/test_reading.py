"""Rows of the layouts in use, what is taken from each, and what the policy must never see."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.rows import Problem
from stages.models.generate import render
from stages.train_policy.arrays import Prompt
from stages.train_policy.reading import read_prompt
from tests.tiny_families import answering_tokenizer
from tests.tiny_models import CHAT_TEMPLATE

TOKENIZER = answering_tokenizer()
NO_TEMPLATE = answering_tokenizer(None)


def read(row: dict[str, Any], **options: Any) -> Prompt | Problem:
    settings: dict[str, Any] = {"tokenizer": TOKENIZER, "principle": None, "system": None, "limit": None}
    return read_prompt({"id": "r1", **row}, **settings | options)


def prompt(row: dict[str, Any], **options: Any) -> Prompt:
    found = read(row, **options)
    assert isinstance(found, Prompt), found
    return found


def problem(row: dict[str, Any], **options: Any) -> Problem:
    found = read(row, **options)
    assert isinstance(found, Problem), found
    return found


def asks(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def lines(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def test_verl_rows_bring_conversation_reference_and_style(shared_data: Path) -> None:
    rows = lines(shared_data / "ce-gppo" / "aime24_30.jsonl")
    found = [prompt(row) for row in rows]
    assert len(found) == 30
    assert found[0].reference == "540"
    assert found[0].style == "rule-lighteval/MATH_v2"
    assert found[0].messages == asks(rows[0]["prompt"][0]["content"])
    assert found[0].extra == {name: rows[0][name] for name in ("data_source", "ability", "reward_model")}


def test_gsm8k_rows_bring_what_stands_after_the_mark(shared_data: Path) -> None:
    rows = lines(shared_data / "gsm8k" / "test.jsonl.gz")
    assert prompt(rows[0]).reference == "18"
    assert prompt(rows[0]).messages == asks(rows[0]["question"])
    assert all(str(prompt(row).reference).replace(",", "").lstrip("-").isdigit() for row in rows)


def test_math_rows_bring_their_answer(shared_data: Path) -> None:
    rows = lines(shared_data / "math500" / "test.jsonl.gz")
    for row in rows:
        found = prompt(row)
        assert found.reference == row["answer"]
        assert found.messages == asks(row["problem"])
    boxed = [prompt({name: row[name] for name in ("problem", "solution")}).reference for row in rows]
    same = sum(
        "".join(str(one).split()) == "".join(row["answer"].split()) for one, row in zip(boxed, rows, strict=True)
    )
    assert same / len(rows) > 0.95


def test_humaneval_rows_keep_their_tests_for_rewards(shared_data: Path) -> None:
    row = lines(shared_data / "humaneval" / "HumanEval.jsonl.gz")[0]
    found = prompt(row)
    assert found.messages == asks(row["prompt"])
    assert found.reference is None
    assert found.extra == {name: row[name] for name in ("task_id", "entry_point", "canonical_solution", "test")}


def test_helpsteer3_rows_continue_their_context() -> None:
    context = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"}]
    context.append({"role": "user", "content": "Write."})
    found = prompt({"domain": "code", "context": context, "principle": "clarity", "fulfilment": "Yes"})
    assert found.messages == tuple(Message(**turn) for turn in context)
    assert found.principle == "clarity"
    assert found.extra == {"domain": "code", "fulfilment": "Yes"}


def test_context_as_text_is_no_question() -> None:
    found = prompt({"context": "A passage.", "question": "Who?"})
    assert found.messages == asks("Who?")
    assert found.extra == {"context": "A passage."}
    assert problem({"context": "A passage."}).reason == "missing_field"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"reward_model": {"ground_truth": "1", "style": "rule"}, "answer": "2"}, "1"),
        ({"reward_model": '{"ground_truth": [1, 2]}', "answer": "2"}, [1, 2]),
        ({"reward_model": {"ground_truth": 0}, "answer": "2"}, 0),
        ({"reward_model": {"ground_truth": None}, "answer": "2"}, "2"),
        ({"reward_model": None, "ground_truth": "g", "reference": "r", "answer": "a"}, "g"),
        ({"reference": "r", "answer": "a", "solution": "s"}, "r"),
        ({"answer": "", "solution": "s"}, "s"),
        ({"answer": 7.5, "solution": "s"}, 7.5),
        ({"solution": "So \\boxed{1}, or \\boxed{\\frac{1}{2}}."}, "\\frac{1}{2}"),
        ({"solution": "So \\boxed{\\frac{1}"}, "So \\boxed{\\frac{1}"),
        ({"solution": "So \\boxed{ }."}, "So \\boxed{ }."),
        ({"answer": "2 * 9 = <<2*9=18>>18\n#### 1,800 \n"}, "1,800"),
        ({"solution": "#### Read\nx = input()\n"}, "#### Read\nx = input()\n"),
        ({"ground_truth": "assert f() == 1\n#### 18"}, "assert f() == 1\n#### 18"),
        ({"reward_model": {"ground_truth": "\\boxed{3}"}}, "\\boxed{3}"),
        ({"label": True}, None),
        ({"label": "positive"}, "positive"),
        ({"target": "t", "label": "l"}, "t"),
        ({"canonical_solution": "return 1"}, None),
        ({}, None),
    ],
)
def test_reference_comes_from_the_first_column_that_has_one(row: dict[str, Any], expected: object) -> None:
    assert prompt({"prompt": "Say.", **row}).reference == expected


def test_other_columns_are_for_rewards_and_keep_their_names() -> None:
    found = prompt({"prompt": "Say.", "solution": "s", "principle": "p", "extra_info": {"index": 1}})
    assert found.extra == {"solution": "s", "extra_info": {"index": 1}}
    assert found.id == "r1"


def test_principle_of_the_row_wins_over_the_option() -> None:
    assert prompt({"prompt": "Say.", "principle": "own"}, principle="all").principle == "own"
    assert prompt({"prompt": "Say.", "principle": " "}, principle="all").principle == "all"
    assert prompt({"prompt": "Say."}, principle="all").principle == "all"
    assert prompt({"prompt": "Say."}).principle is None


def test_same_row_with_another_principle_is_the_same_prompt() -> None:
    first, second = (prompt({"prompt": "Say.", "principle": text}) for text in ("clarity", "brevity"))
    assert (first.messages, first.ids) == (second.messages, second.ids)
    assert first.principle != second.principle


ROWS: tuple[dict[str, Any], ...] = (
    {"prompt": "Say.", "reward_model": {"ground_truth": "SECRET"}, "extra_info": '{"answer": "SECRET"}'},
    {"prompt": [{"role": "user", "content": "Say."}], "reward_model": '{"ground_truth": "SECRET"}'},
    {"question": "Say.", "answer": "SECRET\n#### SECRET"},
    {"problem": "Say.", "solution": "\\boxed{SECRET}", "answer": "SECRET"},
    {"prompt": "Say.", "canonical_solution": "SECRET", "test": "SECRET", "entry_point": "SECRET"},
    {"context": [{"role": "user", "content": "Say."}], "response": "SECRET", "fulfilment": "SECRET"},
    {"messages": [{"role": "user", "content": "Say."}], "target": "SECRET", "label": "SECRET"},
)


@pytest.mark.parametrize("tokenizer", [TOKENIZER, NO_TEMPLATE])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("principle", [None, "SECRET for all"])
@pytest.mark.parametrize("system", [None, "Be kind."])
def test_policy_sees_neither_principle_nor_reference(
    row: dict[str, Any], principle: str | None, system: str | None, tokenizer: Any
) -> None:
    found = prompt({**row, "principle": "SECRET of the row"}, tokenizer=tokenizer, principle=principle, system=system)
    for text in (render(found.messages, tokenizer, thinking=True), tokenizer.decode(found.ids)):
        assert "Say." in text
        assert "SECRET" not in text
        assert ("Be kind." in text) == (system is not None)
    assert found.principle == "SECRET of the row"


def test_tokens_are_those_of_the_template_up_to_the_answer() -> None:
    found = prompt({"prompt": "Is it clear?"})
    assert TOKENIZER.decode(found.ids) == "<|im_start|>user\nIs it clear?<|im_end|>\n<|im_start|>assistant\n"
    assert NO_TEMPLATE.decode(prompt({"prompt": "Hi."}, tokenizer=NO_TEMPLATE).ids) == "User: Hi.\n\nAssistant:"


def test_reasoning_is_left_to_the_template() -> None:
    switch = "{% if enable_thinking is defined %}SWITCHED{% endif %}"
    assert "SWITCHED" not in TOKENIZER.decode(prompt({"prompt": "Hi."}, tokenizer=templated(switch)).ids)


def templated(more: str) -> Any:
    return answering_tokenizer(CHAT_TEMPLATE + more)


def test_system_turn_is_added_where_there_is_none() -> None:
    own = [{"role": "system", "content": "Own."}, {"role": "user", "content": "Hi."}]
    assert prompt({"prompt": own}, system="Ours.").messages == (Message("system", "Own."), Message("user", "Hi."))
    assert prompt({"prompt": "Hi."}, system="Ours.").messages == (Message("system", "Ours."), Message("user", "Hi."))
    assert prompt({"prompt": "Hi."}).messages == asks("Hi.")


def test_prompt_longer_than_the_limit_is_rejected() -> None:
    length = len(prompt({"prompt": "Is it clear?"}).ids)
    assert isinstance(read({"prompt": "Is it clear?"}, limit=length), Prompt)
    found = problem({"question": "Is it clear?"}, limit=length - 1)
    assert (found.reason, found.field) == ("prompt_too_long", "question")
    assert f"{length:,} tokens, and {length - 1:,} are the most" in found.error
    assert "--max-prompt-tokens" in found.error


def turns(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": "Hi."} for role in roles]


@pytest.mark.parametrize(
    ("row", "reason", "field", "words"),
    [
        ({"prompt": turns("user", "assistant")}, "bad_value", "prompt", "no turn is continued; leave that turn out"),
        ({"messages": turns("user", "assistant")}, "bad_value", "messages", "no turn is continued"),
        ({"prompt": turns("system")}, "bad_value", "prompt", "add the one by 'user'"),
        ({"prompt": ""}, "empty_prompt", "prompt", "says something"),
        ({"prompt": " \n"}, "empty_prompt", "prompt", "says something"),
        ({"prompt": []}, "empty_prompt", "prompt", "says something"),
        ({"prompt": None}, "empty_prompt", "prompt", "says something"),
        ({"prompt": [{"role": "user", "content": ""}]}, "empty_prompt", "prompt", "says something"),
        ({"prompt": 7}, "bad_type", "prompt", "neither a text nor a list of messages"),
        ({"prompt": [{"role": "user", "content": None}]}, "bad_type", "prompt", "role and content as texts"),
        ({"prompt": ["Hi."]}, "bad_type", "prompt", "list of messages"),
        ({"input": "Hi.", "output": "x"}, "missing_field", "prompt", "(but input, output)"),
        ({}, "missing_field", "prompt", "--map prompt=COLUMN"),
        ({"prompt": "Hi.", "reward_model": "rule"}, "bad_type", "reward_model", "ground_truth"),
        ({"prompt": "Hi.", "reward_model": [1]}, "bad_type", "reward_model", "ground_truth"),
        ({"prompt": "Hi.", "principle": ["clear"]}, "bad_type", "principle", "must be a text, this is a list"),
    ],
)
def test_row_that_cannot_be_used_is_rejected_with_a_remedy(
    row: dict[str, Any], reason: str, field: str, words: str
) -> None:
    found = problem(row)
    assert (found.reason, found.field) == (reason, field)
    assert words in found.error
    assert found.error.endswith(".")


def test_template_that_refuses_a_conversation_is_a_problem_of_the_row() -> None:
    refusing = templated("{{ raise_exception('roles must alternate') }}")
    found = problem({"prompt": "Hi."}, tokenizer=refusing)
    assert found.reason == "bad_value"
    assert "roles must alternate" in found.error
