"""The answers in a row, each with its program, its truth and its score where they are known."""

import json
from collections.abc import Sequence
from typing import Final

from stages.core.chat import to_chat
from stages.core.rows import Row
from stages.programs import labels
from stages.programs.answers import Stub, callable_as, program_in, whole_program
from stages.programs.bad_row import bad_row, wrong_type
from stages.programs.task import Chat, Solution
from stages.sandbox.frames import Value
from stages.sandbox.jobs import MAX_SOURCE

_PROGRAMS: Final = ("solution", "solutions", "code_list", "code")
_COMPLETIONS: Final = ("completion", "completions", "samples")
ANSWER_COLUMNS: Final = (*_PROGRAMS, *_COMPLETIONS)
"""Where answers are looked for; `code` is the reference instead where a row is one of MBPP."""

_OR_PARTS: Final = ', or a list of parts {"type": "text", "text": ...}'


def find_solutions(row: Row, entry_point: str | None, given: Stub | None, stop: Sequence[str]) -> tuple[Solution, ...]:
    """All solutions of a row, at least one; raises BadRow.

    `entry_point`: what a program must define, None for scripts; `given`: the code in the prompt; `stop`: see
    `answers.py`. Where a row has both programs and completions, in equal number, they belong together.
    """
    programs, column = _programs(row)
    completions, other = _completions(row)
    if programs and completions and len(programs) != len(completions):
        if "input_output" not in row:  # there, `solutions` are people's
            raise bad_row("bad_value", column, f"{len(programs)} in {column!r} but {len(completions)} in {other!r}.")
        programs = []
    count = len(programs) or len(completions)
    if not count:
        raise bad_row(
            "no_solution", "solution", "the row has no solution and no completion; there is nothing to verify."
        )
    sources: list[str | None] = []
    for number in range(count):
        if programs:
            source = whole_program(programs[number], entry_point)
        else:
            source = program_in(_said(completions[number], other), entry_point, given, stop)
        sources.append(source if source is None or entry_point is None else callable_as(source, entry_point))
    chats = completions or [to_chat(program, "assistant") for program in programs]
    truths, judges = labels.truths(row, count), labels.judges(row, count)
    parts = enumerate(zip(chats, sources, truths, judges, strict=True))
    return tuple(
        Solution(number=number, completion=chat, source=source, truth=truth, judge=judge)
        for number, (chat, source, truth, judge) in parts
    )


def messages(value: Value, field: str) -> Chat:
    """A list of messages, cut down to role and content; of content in parts, the texts, a line each. Raises BadRow."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise wrong_type(field, "a text or a list of messages with role and content", value)
    chat = []
    for place, item in enumerate(value):
        said = {"role": item.get("role"), "content": _joined(item.get("content"))}
        for name, text in said.items():
            if not isinstance(text, str):
                what = f"message {place} of field {field!r} has {'no' if text is None else 'a wrong'} {name}"
                raise bad_row("bad_type", field, f"{what}; it must be a text{_OR_PARTS if name == 'content' else ''}.")
        chat.append({"role": said["role"], "content": _whole_text(said["content"], field)})
    return chat


def _joined(content: Value) -> Value:
    """The texts of content that is a list of parts, as APIs take it; other content as it is."""
    if not isinstance(content, list) or not content:
        return content
    texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "\n".join(texts) if len(texts) == len(content) else content


def _programs(row: Row) -> tuple[list[str], str]:
    for column in _PROGRAMS:
        value = row.get(column)
        if value is None or (column == "code" and "test_list" in row):
            continue
        if column in ("solution", "code"):
            return [_whole_text(value, column)], column
        items = _listed(value, column)
        return [_whole_text(item, column, place) for place, item in enumerate(items)], column
    return [], ""


def _completions(row: Row) -> tuple[list[Chat], str]:
    for column in _COMPLETIONS:
        value = row.get(column)
        if value is None:
            continue
        several = column != "completion" or (isinstance(value, list) and value and isinstance(value[0], (str, list)))
        items = _listed(value, column) if several else [value]
        return [_chat(item, column, place if several else None) for place, item in enumerate(items)], column
    return [], ""


def _chat(value: Value, column: str, place: int | None) -> Chat:
    if isinstance(value, str):
        return to_chat(_whole_text(value, column, place), "assistant")
    if not isinstance(value, list):
        raise wrong_type(column, "a text or a list of messages with role and content", value, place)
    return messages(value, column)


def _said(chat: Chat, column: str) -> str:
    """What the assistant said last, without its reasoning."""
    turns = [message["content"] for message in chat if message["role"] == "assistant"]
    if not turns:
        raise bad_row("bad_value", column, f"no message of field {column!r} is by 'assistant'; the answer must be.")
    return turns[-1].rpartition("</think>")[2]


def _listed(value: Value, column: str) -> list[Value]:
    """A list, or JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            text = f"field {column!r} is a text but not JSON; it must be a list."
            raise bad_row("bad_type", column, text) from None
    if not isinstance(value, list) or not value:
        raise wrong_type(column, "a list with a text or more", value)
    return value


def _whole_text(value: Value, column: str, place: int | None = None) -> str:
    """The text, without the mark of byte order that files may begin with; `place`: where it stands in a list."""
    if not isinstance(value, str):
        raise wrong_type(column, "a text", value, place)
    if len(value) > MAX_SOURCE:
        longest = f"the longest that is read has {MAX_SOURCE}"
        raise bad_row("too_long", column, f"field {column!r} has {len(value)} characters; {longest}. Leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        text = f"field {column!r} holds half of a surrogate pair; write whole characters."
        raise bad_row("bad_text", column, text) from None
    return value.removeprefix("\ufeff")
