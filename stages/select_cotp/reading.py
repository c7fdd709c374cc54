"""From an input row to a chain of thought: the layouts that are understood. What they do not use passes through.

Whether its chains can be used (empty, NaN, longer than allowed) is decided where chains are prepared.
"""

import difflib
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from stages.core.chat import to_chat
from stages.core.columns import is_message
from stages.core.errors import DataError
from stages.core.rows import Problem, Row
from stages.select_cotp import cells
from stages.select_cotp.arrays import F32
from stages.select_cotp.cells import BadCell, bad_cell

Chat = list[dict[str, str]]

PROMPT_COLUMNS: Final = ("prompt", "question", "problem")
COMPLETION_COLUMNS: Final = ("completion", "messages", "steps")
QUESTION_IDS: Final = ("question_id", "problem_id", "task_id")
TRUTH_COLUMNS: Final = ("correct", "is_correct", "final_answer_correct", "label")
DIFFICULTY_COLUMNS: Final = ("difficulty", "level")
TYPE_COLUMNS: Final = ("type", "domain", "subject")
"""Where each thing is looked for; the first column that has a value is read."""

CONSUMED: Final = (
    *("id", "patterns", "entropy"),
    *(*PROMPT_COLUMNS, *COMPLETION_COLUMNS, *QUESTION_IDS),
    *(name for name in TRUTH_COLUMNS if name != "label"),
)
"""The columns that are read and written again under our names; all others pass through as they are."""

_LIKE_COMPLETION: Final = ("response", "solution", "generation", "cot", "reasoning", "output", "answer", "text")
_LIKE_PROMPT: Final = ("query", "instruction", "input", "task")
_LIKE_PATTERNS: Final = ("pattern_chain", "reasoning_patterns", "pattern")
_LIKE_ENTROPY: Final = ("entropies", "token_entropy", "token_entropies")


class Cot(NamedTuple):
    """A chain of thought.

    `question_id` is the sha256 of `prompt_text` where the row names none. `prompt_text` leaves out system messages.
    `patterns` are as the row has them; `entropy` is in nats a token, NaN where the row has null. Either is None where
    the row has no such chain. `success_rate` is in [0, 1]; `difficulty` is larger for harder questions.
    """

    id: str
    question_id: str
    prompt: Chat
    prompt_text: str
    completion: Chat
    completion_text: str
    correct: bool | None
    patterns: tuple[str, ...] | None
    entropy: F32 | None
    success_rate: float | None
    difficulty: float | None
    type: str | None


def check_columns(names: Sequence[str], source: str, *, needs_patterns: bool, needs_entropy: bool) -> None:
    """Raise DataError where an input with these columns lacks one that is needed; the sentence suggests a mapping."""
    if not any(name in names for name in COMPLETION_COLUMNS):
        raise _lacks(names, source, "chain of thought", "completion", COMPLETION_COLUMNS, _LIKE_COMPLETION)
    if "messages" not in names and not any(name in names for name in PROMPT_COLUMNS):
        raise _lacks(names, source, "question", "prompt", PROMPT_COLUMNS, _LIKE_PROMPT)
    if needs_patterns and "patterns" not in names:
        other = ", have them made with --patterns rules or --llm, or leave them out with --lambda 0"
        raise _lacks(names, source, "chain of patterns", "patterns", ("patterns",), _LIKE_PATTERNS, other)
    if needs_entropy and "entropy" not in names:
        other = ", have it computed with --entropy-model, or leave it out with --lambda 1 and no other value in --sweep"
        raise _lacks(names, source, "chain of entropies", "entropy", ("entropy",), _LIKE_ENTROPY, other)


def read_cot(row: Row) -> Cot | Problem:
    """The chain of thought of one row, or what is wrong with the row."""
    try:
        return _read(row)
    except BadCell as error:
        return error.problem


def question_of(row: Row, columns: Sequence[str]) -> tuple[Chat, str]:
    """The question as a chat and as the text of its messages but for those of the system.

    Raises:
        BadCell: none of the columns has one, it is empty, or neither text nor chat.
    """
    name = _first(row, columns)
    if name is None:
        known = " or ".join(map(repr, columns))
        raise bad_cell(
            "missing_field", columns[0], f"field {columns[0]!r} is missing; the question must be in {known}."
        )
    chat = _chat(row[name], name, "user")
    return chat, _question_text(chat, name)


def _read(row: Row) -> Cot:
    prompt, completion, column = _turns(row)
    prompt_text = _question_text(prompt, "prompt")
    completion_text = _joined(completion)
    if not completion_text.strip():
        raise bad_cell("empty_completion", column, f"field {column!r} is empty; it must be a chain of thought.")
    entropy = cells.floats(row.get("entropy"), "entropy")
    _check_length(row, entropy)
    return Cot(
        id=row["id"],
        question_id=_question_id(row) or hashlib.sha256(prompt_text.encode("utf-8", "surrogatepass")).hexdigest(),
        prompt=prompt,
        prompt_text=prompt_text,
        completion=completion,
        completion_text=completion_text,
        correct=_correct(row),
        patterns=_patterns(row, len(completion_text)),
        entropy=entropy,
        success_rate=_success_rate(row),
        difficulty=_difficulty(row),
        type=_type(row),
    )


def _turns(row: Row) -> tuple[Chat, Chat, str]:
    """Prompt, completion, and the column of the completion."""
    name = _first(row, COMPLETION_COLUMNS)
    if name is None:
        raise bad_cell("missing_field", "completion", "field 'completion' is missing; it must be a text or a chat.")
    value = row[name]
    if name == "messages":
        chat = _chat(value, name, "user")
        if chat[-1]["role"] != "assistant" or len(chat) < 2:
            raise bad_cell("bad_value", name, "field 'messages' must be a question and, last, the assistant's answer.")
        return chat[:-1], chat[-1:], name
    prompt, _ = question_of(row, PROMPT_COLUMNS)
    if name == "steps":
        return prompt, to_chat("\n\n".join(cells.texts(value, name) or ()), "assistant"), name
    chat = _chat(value, name, "assistant")
    if len(chat) > len(prompt) and chat[: len(prompt)] == prompt:
        chat = chat[len(prompt) :]  # as some data sets repeat the prompt in front
    if chat[-1]["role"] != "assistant":
        role = chat[-1]["role"]
        raise bad_cell("bad_value", name, f"the last message of field {name!r} is by {role!r}, not by 'assistant'.")
    return prompt, chat, name


def _chat(value: object, name: str, role: str) -> Chat:
    messages = _messages(cells.listed(value))
    if messages is not None:
        return messages
    if isinstance(value, str) and name != "messages":
        return to_chat(value, role)
    if isinstance(value, list) and len(value) > 1 and all(isinstance(item, str) for item in value):
        text = f"field {name!r} holds {len(value)} texts; write a row for each sample, with the same question."
        raise bad_cell("several_samples", name, text)
    raise cells.wrong_type(name, "a text or a list of messages with role and content", value)


def _messages(value: object) -> Chat | None:
    """The value as messages cut down to role and content, where it is a list of these."""
    if not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value)):
        return None
    messages = [{"role": item.get("role"), "content": item.get("content")} for item in value]
    return messages if all(is_message(message) for message in messages) else None


def _question_text(chat: Chat, name: str) -> str:
    said = [message for message in chat if message["role"] != "system"] or chat
    if not (text := _joined(said)).strip():
        raise bad_cell("empty_prompt", name, f"field {name!r} is empty; it must be the question.")
    return text


def _joined(chat: Chat) -> str:
    return "\n\n".join(message["content"] for message in chat)


def _question_id(row: Row) -> str | None:
    name = _first(row, QUESTION_IDS)
    value = row[name] if name else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # as tables with gaps hold whole numbers
    if name is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise cells.wrong_type(name, "a text or a whole number", value)


def _correct(row: Row) -> bool | None:
    # `label` beside `steps` is the number of the first wrong step
    name = _first(row, TRUTH_COLUMNS[:-1] if "steps" in row else TRUTH_COLUMNS)
    if name is None:
        return None
    hint = "; map the column of correctness with --map correct=COLUMN and this one away with --map other=label"
    return cells.truth(row[name], name, hint if name == "label" else "")


def _patterns(row: Row, chars: int) -> tuple[str, ...] | None:
    patterns = cells.texts(row.get("patterns"), "patterns")
    spans = row.get("pattern_spans")
    if patterns is None or spans is None:
        return patterns
    if not isinstance(spans, list) or not all(_is_span(span, chars) for span in spans):
        wanted = f"a list of {{start, end}} with 0 <= start <= end <= {chars:,}, the length of the completion"
        raise bad_cell("bad_value", "pattern_spans", f"field 'pattern_spans' must be {wanted}.")
    if len(spans) != len(patterns):
        text = f"field 'pattern_spans' has {len(spans)} places for {len(patterns)} patterns; give each pattern one."
        raise bad_cell("length_mismatch", "pattern_spans", text)
    return patterns


def _is_span(span: object, chars: int) -> bool:
    start, end = (span.get("start"), span.get("end")) if isinstance(span, dict) else (None, None)
    return type(start) is int and type(end) is int and 0 <= start <= end <= chars


def _check_length(row: Row, entropy: F32 | None) -> None:
    tokens = cells.number(row.get("num_tokens"), "num_tokens") if entropy is not None and len(entropy) else None
    if entropy is not None and tokens is not None and tokens != len(entropy):
        text = f"field 'entropy' has {len(entropy):,} values, but num_tokens is {tokens:,.0f}; give each token one."
        raise bad_cell("length_mismatch", "entropy", text)


def _success_rate(row: Row) -> float | None:
    rate = cells.number(row.get("success_rate"), "success_rate")
    if rate is not None and not 0 <= rate <= 1:
        raise bad_cell("bad_value", "success_rate", f"field 'success_rate' is {rate:g}; it must be between 0 and 1.")
    if rate is not None or _first(row, ("n",)) is None or _first(row, ("c",)) is None:
        return rate
    samples, right = cells.number(row["n"], "n"), cells.number(row["c"], "c")
    if samples is None or right is None:
        return None
    if not (samples >= 1 and 0 <= right <= samples):
        text = f"field 'c' is {right:g} and 'n' is {samples:g}; c must be the number of right ones among n samples."
        raise bad_cell("bad_value", "c", text)
    return right / samples


def _difficulty(row: Row) -> float | None:
    name = _first(row, DIFFICULTY_COLUMNS)
    return None if name is None else cells.degree(row[name], name)


def _type(row: Row) -> str | None:
    name = _first(row, TYPE_COLUMNS)
    value = row[name] if name else None
    if name is None or isinstance(value, str):
        return value
    raise cells.wrong_type(name, "a text", value)


def _first(row: Row, columns: Sequence[str]) -> str | None:
    """The first of the columns that has a value."""
    return next((name for name in columns if row.get(name) not in (None, "")), None)


def _lacks(
    names: Sequence[str], source: str, what: str, ours: str, known: Sequence[str], like: Sequence[str], other: str = ""
) -> DataError:
    likely = [name for name in like if name in names] or difflib.get_close_matches(ours, names, n=1, cutoff=0.6)
    found = ", ".join(name for name in names if name != "id") or "none"
    columns = " or ".join(map(repr, known))
    return DataError(
        f"{source} has no {what}: no column {columns} (its columns: {found}); name the one to read with "
        f"--map {ours}={likely[0] if likely else 'COLUMN'}{other}."
    )
