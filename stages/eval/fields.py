"""Reads one field of a benchmark's row as what the layout says it is, or says why it is not."""

import math
from typing import Any, Final

from stages.core.chat import Message
from stages.core.columns import is_message
from stages.core.rows import Problem, Row
from stages.eval.answers import prompt_text


class Unfit(Exception):
    """A row that does not fit the layout; carries the Problem it is rejected with. Never leaves the stage."""

    def __init__(self, reason: str, field: str | None, error: str) -> None:
        super().__init__(error)
        self.problem = Problem(reason, field, error)


def text_field(row: Row, name: str) -> str:
    """A text, or a conversation: one message stands for its content, several are joined with their roles."""
    return prompt_text(messages_field(row, name))


def messages_field(row: Row, name: str) -> tuple[Message, ...]:
    """A conversation; a text is one message of the user."""
    value = _present(row, name)
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, list) and value and all(is_message(item) for item in value):
        return tuple(Message(**item) for item in value)
    raise _bad_type(name, value, "a text or a list of messages")


def texts_field(row: Row, name: str, count: int | None = None) -> tuple[str, ...]:
    """A list of texts, of `count` if that is given."""
    value = _present(row, name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _bad_type(name, value, "a list of texts")
    _check_count(name, value, count)
    return tuple(value)


def number_field(row: Row, name: str) -> float:
    """A finite number."""
    return _number(name, _present(row, name))


def numbers_field(row: Row, name: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers; each may stand in a list of its own."""
    value = _present(row, name)
    if not isinstance(value, list):
        raise _bad_type(name, value, "a list of numbers")
    _check_count(name, value, count)
    return tuple(_number(name, item[0] if isinstance(item, list) and len(item) == 1 else item) for item in value)


def count_field(row: Row, name: str) -> int:
    """A whole number that is not negative."""
    value = _present(row, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _bad_type(name, value, "a whole number")
    return value


def choice_field(row: Row, name: str, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 - one of the choices
    """One of a few values."""
    value = _present(row, name)
    if value not in choices or isinstance(value, bool) != isinstance(choices[0], bool):
        shown = ", ".join(str(choice) for choice in choices)
        raise Unfit("bad_value", name, f"field {name!r} is {_shown(value)}; it must be one of {shown}.")
    return value


def bool_field(row: Row, name: str) -> bool:
    """True or false."""
    value = _present(row, name)
    if not isinstance(value, bool):
        raise _bad_type(name, value, "true or false")
    return value


def no_scores(name: str) -> Unfit:
    """The row has no score of its own, and none was named."""
    return Unfit(
        "no_score",
        name,
        f"the row has no {name!r}; name a table of scores with --scores, or a reward model with --scores rm:MODEL.",
    )


def no_verdict(name: str) -> Unfit:
    """The row has no verdict of its own, and no judge was named."""
    return Unfit("no_verdict", name, f"the row has no {name!r}; name a judge with --llm URL, or --llm local:MODEL.")


def _present(row: Row, name: str) -> Any:  # noqa: ANN401 - any JSON value but null
    value = row.get(name)
    if value is None:
        raise Unfit("missing", name, f"field {name!r} is missing or null.")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _bad_type(name, value, "made of finite numbers")
    return float(value)


def _check_count(name: str, value: list[Any], count: int | None) -> None:
    if count is not None and len(value) != count:
        raise Unfit("bad_length", name, f"field {name!r} has {len(value)} entries; it must have {count}.")


def _bad_type(name: str, value: object, wanted: str) -> Unfit:
    return Unfit("bad_type", name, f"field {name!r} is {_shown(value)}; it must be {wanted}.")


_SHOWN: Final = 40


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
