"""From an input row to a prompt: the layouts that are understood.

The policy is shown the conversation and nothing else of the row; reference, principle and other columns are for
rewards. Whether a reward can use them is its own business.
"""

from collections.abc import Sequence
from typing import Any, Final

from stages.core.chat import Message
from stages.core.errors import DataError
from stages.core.rows import Problem, Row
from stages.models.generate import render
from stages.rewards.reference import find_reference
from stages.train_policy.arrays import Prompt

PROMPT_COLUMNS: Final = (
    *("prompt", "problem", "question", "question_content", "query", "text", "context", "messages"),
)
"""Where the conversation is looked for; the first that is not empty. `context` counts where it holds messages, as in
HelpSteer3: as a text it is what a question is about, and no question."""

_CHAT_ONLY: Final = ("context", "messages")
_CONSUMED: Final = ("id", "principle")


def read_prompt(
    row: Row,
    *,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful type
    principle: str | None,
    system: str | None,
    limit: int | None,
) -> Prompt | Problem:
    """The prompt of a row, tokenised up to where the completion begins, or what is wrong with the row.

    `principle` is that of rows which name none, `system` the system turn of conversations which have none, `limit` the
    most tokens of a prompt. `extra` holds all columns but id, prompt and principle; the one that the reference was
    taken from is among them, since user code asks for it by its name.
    """
    try:
        field, messages = _messages(row)
        own_principle = _text(row, "principle")
    except _BadRowError as error:
        return error.problem
    checked = find_reference(row)
    if isinstance(checked, Problem):
        return checked
    if system is not None and messages[0].role != "system":
        messages = (Message("system", system), *messages)
    try:
        ids = tokenise(messages, tokenizer)
    except DataError as error:
        return Problem("bad_value", field, str(error))
    if limit is not None and len(ids) > limit:
        return Problem(
            "prompt_too_long",
            field,
            f"the prompt has {len(ids):,} tokens, and {limit:,} are the most; shorten it, or change "
            "--max-prompt-tokens or --max-new-tokens.",
        )
    extra = {name: value for name, value in row.items() if name != field and name not in _CONSUMED}
    return Prompt(row["id"], messages, ids, *checked, own_principle or principle, extra)


def tokenise(messages: Sequence[Message], tokenizer: Any) -> tuple[int, ...]:  # noqa: ANN401 - as above
    """The tokens of a chat up to where the answer begins. Raises DataError if the chat template refuses it."""
    text = render(messages, tokenizer, thinking=True)
    # a chat template writes the special tokens itself
    with_special = tokenizer.chat_template is None
    return tuple(tokenizer(text, add_special_tokens=with_special, verbose=False)["input_ids"])


class _BadRowError(Exception):
    def __init__(self, reason: str, field: str, error: str) -> None:
        super().__init__(error)
        self.problem = Problem(reason, field, error)


def _messages(row: Row) -> tuple[str, tuple[Message, ...]]:
    """The column that holds the conversation, and its turns."""
    for field in PROMPT_COLUMNS:
        value = row.get(field)
        if value in (None, "", []) or (isinstance(value, str) and field in _CHAT_ONLY):
            continue
        messages = (Message("user", value),) if isinstance(value, str) else _chat(value, field)
        _check_last(messages, field)
        return field, messages
    found = next((field for field in PROMPT_COLUMNS if field in row and row[field] in (None, "", [])), None)
    if found is not None:
        raise _BadRowError("empty_prompt", found, f"field {found!r} is empty; a prompt says something.")
    others = ", ".join(name for name in row if name != "id") or "nothing else"
    text = f"there is no field 'prompt' (but {others}); name the one to read with --map prompt=COLUMN."
    raise _BadRowError("missing_field", "prompt", text)


def _chat(value: object, field: str) -> tuple[Message, ...]:
    if isinstance(value, list) and all(isinstance(turn, dict) for turn in value):
        turns = [(turn.get("role"), turn.get("content")) for turn in value]
        if all(isinstance(role, str) and isinstance(content, str) for role, content in turns):
            return tuple(Message(role, content) for role, content in turns)
    raise _BadRowError(
        "bad_type", field, f"field {field!r} is neither a text nor a list of messages with role and content as texts."
    )


def _check_last(messages: Sequence[Message], field: str) -> None:
    role, content = messages[-1]
    if role == "assistant":
        text = "by 'assistant', and no turn is continued; leave that turn out, or put it into a column of its own."
        raise _BadRowError("bad_value", field, f"the last message of field {field!r} is {text}")
    if role == "system":
        text = f"field {field!r} ends with a message by 'system'; add the one by 'user' that is to be answered."
        raise _BadRowError("bad_value", field, text)
    if not content.strip():
        text = f"the last message of field {field!r} is empty; a prompt says something."
        raise _BadRowError("empty_prompt", field, text)


def _text(row: Row, field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise _BadRowError("bad_type", field, f"field {field!r} must be a text, this is a {type(value).__name__}.")
    return value if value and value.strip() else None
