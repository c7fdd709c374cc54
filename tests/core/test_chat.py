import subprocess
import sys
from dataclasses import replace

import pytest

from stages.core.chat import ChatRequest, Message, bare_answer, to_chat, transcript

REQUEST = ChatRequest(messages=(Message("user", "Hällo \ud800"),), model="m", schema={"b": 1, "a": [2]}, seed=3)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message("system", "Hällo \ud800"),)},
        {"model": "n"},
        {"schema": None},
        {"temperature": 0.5},
        {"max_reply_tokens": 9},
        {"seed": None},
        {"top_logprobs": 1},
        {"thinking": False},
        {"top_p": 0.9},
        {"schema": None, "sampled": True},
    ],
)
def test_everything_that_decides_the_answer_changes_the_key(change: dict[str, object]) -> None:
    assert replace(REQUEST, **change).key != REQUEST.key  # type: ignore[arg-type]


def test_key_does_not_depend_on_number_type_or_schema_order() -> None:
    assert replace(REQUEST, temperature=0, schema={"a": [2], "b": 1}).key == REQUEST.key


def test_keys_of_older_journals_are_kept() -> None:
    plain = ChatRequest(messages=(Message("user", "x"),), model="m")
    assert plain.key == "85ee281b9065652a059ca541016953388972d2c9e1c35fd93bd733e03d4b906b"
    assert replace(plain, top_p=1).key == plain.key
    assert replace(plain, sampled=True).key != plain.key


def test_key_is_the_same_in_another_process() -> None:
    code = (
        "from stages.core.chat import *\n"
        "print(ChatRequest(messages=(Message('user', 'x'),), model='m', schema={'a': 1, 'b': 2}).key)"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = ChatRequest(messages=(Message("user", "x"),), model="m", schema={"b": 2, "a": 1})
    assert other.stdout.strip() == here.key


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('  {"a": 1}\n', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\n{"a": 1}```', '{"a": 1}'),
        ('<think>\nlet me see {"b": 2}\n</think>\n\n{"a": 1}', '{"a": 1}'),
        ('<think></think>```json\n{"a": 1}\n```\n', '{"a": 1}'),
        ('reasoning without its opening tag</think>{"a": 1}', '{"a": 1}'),
        ('{"quote": "```json\\nx\\n```"}', '{"quote": "```json\\nx\\n```"}'),
        ('{"quote": "<think>a</think>"}', '{"quote": "<think>a</think>"}'),
        ("", ""),
    ],
)
def test_bare_answer_takes_off_reasoning_and_fence(text: str, bare: str) -> None:
    assert bare_answer(text) == bare


def test_plain_text_as_a_chat_column() -> None:
    assert to_chat("hi", "assistant") == [{"role": "assistant", "content": "hi"}]
    assert transcript([*to_chat("hi"), *to_chat("ho", "assistant")]) == "user: hi\n\nassistant: ho"
