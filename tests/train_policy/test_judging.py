"""Rows of principles as prompts of a judge: what is asked, what is cut, and what it must never be told."""

from typing import Any

import pytest

from stages.core.chat import Message
from stages.core.rows import Problem
from stages.rewards.judge_prompt import SYSTEM, judge_messages
from stages.train_policy.arrays import Prompt
from stages.train_policy.judging import read_judged
from stages.train_policy.reading import tokenise
from tests.tiny_families import answering_tokenizer

TOKENIZER = answering_tokenizer()
ROW = {"prompt": "Add 2 and 3.", "completion": "5", "principle": "brevity", "label": True, "domain": "math"}
HELPSTEER3 = {
    "context": [{"role": "user", "content": "Add 2 and 3."}],
    "response": "5",
    "principle": "brevity",
    "fulfilment": "Yes",
    "domain": "math",
}


def read(row: dict[str, Any], **options: Any) -> Prompt | Problem:
    settings: dict[str, Any] = {"tokenizer": TOKENIZER, "principle": None, "role": "user", "limit": None}
    return read_judged({"id": "r1", **row}, **settings | options)


def prompt(row: dict[str, Any], **options: Any) -> Prompt:
    found = read(row, **options)
    assert isinstance(found, Prompt), found
    return found


def test_the_prompt_is_that_of_a_judge() -> None:
    found = prompt(ROW)
    assert found.messages == judge_messages([Message("user", "Add 2 and 3.")], "5", "brevity")
    assert found.messages[0] == Message("system", SYSTEM)
    assert found.ids == tokenise(found.messages, TOKENIZER)
    assert (found.reference, found.principle, found.extra) == (True, "brevity", {"label": True, "domain": "math"})


def test_helpsteer3_rows_ask_the_same() -> None:
    ours, theirs = prompt(ROW), prompt(HELPSTEER3)
    assert (theirs.messages, theirs.ids, theirs.reference) == (ours.messages, ours.ids, True)
    assert prompt(HELPSTEER3 | {"fulfilment": "No"}).reference is False


@pytest.mark.parametrize("role", ["user", "principle"])
def test_no_label_reaches_the_prompt(role: str) -> None:
    rows = [ROW | {"label": label, "agreement": share, "evidence": []} for label, share in ((True, 1.0), (False, 0.0))]
    yes, no = (prompt(row, role=role) for row in rows)
    assert (yes.reference, no.reference) == (True, False)
    assert (yes.messages, yes.ids) == (no.messages, no.ids)


def test_the_principle_decides_the_prompt_and_may_have_a_role_of_its_own() -> None:
    assert prompt(ROW).ids != prompt(ROW | {"principle": "clarity"}).ids
    assert prompt(ROW, role="principle").messages == (
        Message("user", "Add 2 and 3."),
        Message("assistant", "5"),
        Message("principle", "brevity"),
    )


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_principle_is_needed(value: str | None) -> None:
    found = read(ROW | {"principle": value})
    assert isinstance(found, Problem)
    assert (found.reason, found.field) == ("no_principle", "principle")
    assert prompt(ROW | {"principle": value}, principle="clarity").principle == "clarity"


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"label": None}, "missing_field", "label"),
        ({"label": 0.7}, "bad_value", "label"),
        ({"completion": None}, "missing_field", "completion"),
        ({"principle": 3}, "bad_type", "principle"),
        ({"prompt": [1]}, "bad_type", "prompt"),
        ({"completion": [{"role": "user", "content": "5"}]}, "bad_value", "completion"),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], reason: str, field: str) -> None:
    found = read(ROW | change)
    assert isinstance(found, Problem)
    assert (found.reason, found.field) == (reason, field)


def test_long_conversations_are_cut_and_principles_never() -> None:
    whole = prompt(ROW)
    row = ROW | {"completion": "five " * 400}
    limit = len(whole.ids) + 40
    assert len(prompt(row).ids) > limit
    cut = prompt(row, limit=limit)
    assert len(cut.ids) <= limit
    assert "[...]" in cut.messages[1].content
    assert "brevity" in cut.messages[1].content
    refused = read(row, limit=20)
    assert isinstance(refused, Problem)
    assert refused.reason == "principle_too_long"
    assert "--rm-max-length" in refused.error
