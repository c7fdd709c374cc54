"""From a row to a prompt for a policy, which sees that alone, and what its completions are checked against."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from stages.core.chat import Message
from stages.core.rows import Row
from stages.eval.answers import Answer
from stages.eval.fields import Unfit, messages_field

PROMPTS: Final = ("prompt", "problem", "question", "query")
"""Where the conversation is looked for; the first that is not null."""

REFERENCES: Final = (
    "ground_truth",
    "reference",
    "answer",
    "final_answer",
    "expected_answer",
    "gt",
    "target",
    "solution",
)
"""Where the reference is looked for where `reward_model` holds none; the first that is not null."""

_MARKED: Final = re.compile(r"####[ \t]*(\S[^\n]*?)\s*\Z")


class PolicyPrompt(NamedTuple):
    """A prompt. `reference` is in whatever form the row has it; `extra` are all columns besides id and prompt."""

    answers: tuple[Answer, ...]
    id: str
    messages: tuple[Message, ...]
    reference: object
    principle: str | None
    extra: Mapping[str, object]
    source: str | None


def read(row: Row, file: str) -> PolicyPrompt:
    """A row of the prompts table, or of a set of problems: `prompt`, `problem`, `question` or `query`, and a reference.

    Of a reference text that ends with a line `#### x`, as in GSM8K, x is taken.
    """
    name = next((name for name in PROMPTS if row.get(name) is not None), PROMPTS[0])
    messages = messages_field(row, name)
    if messages[-1].role != "user" or not messages[-1].content.strip():
        raise Unfit("bad_value", name, f"field {name!r} must end with what a user says, and that must not be empty.")
    principle, source = row.get("principle"), row.get("data_source")
    return PolicyPrompt(
        answers=(),
        id=row["id"],
        messages=messages,
        reference=_reference(row),
        principle=principle if isinstance(principle, str) else None,
        extra={key: value for key, value in row.items() if key not in ("id", name, "principle")},
        source=source if isinstance(source, str) else None,
    )


def _reference(row: Row) -> object:
    given: Any = row.get("reward_model")
    held = given.get("ground_truth") if isinstance(given, dict) else None
    value = held if held is not None else next((row[name] for name in REFERENCES if row.get(name) is not None), None)
    marked = _MARKED.search(value) if isinstance(value, str) else None
    return marked[1] if marked else value
