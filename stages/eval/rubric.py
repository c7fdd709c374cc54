"""How a judge grades responses from 1 to 10, with a checklist and a reference where rows have them.

Shapes: N responses.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from stages.core.chat import Message
from stages.core.rows import Row
from stages.eval.answers import Answer, answer, digest, prompt_text
from stages.eval.fields import Unfit, messages_field, number_field, text_field
from stages.eval.grade import HIGHEST, LOWEST, Criteria, grading, read_grade
from stages.eval.measured import Measured, grouped_means

_MIDDLE: Final = 5.0
_STRETCH: Final = 2.0


class Graded(NamedTuple):
    """A response with what it is graded by; `grade` is None until there is one."""

    answers: tuple[Answer, ...]
    prompt: bytes
    criteria: Criteria | None
    grade: float | None
    category: str | None


def read(row: Row, file: str) -> Graded:
    """`prompt` (a text, or turns) and `completion`; `checklist` or `rubric`, `reference`; a stored `grade`."""
    messages = messages_field(row, "prompt")
    grade = number_field(row, "grade") if row.get("grade") is not None else None
    if grade is not None and not LOWEST <= grade <= HIGHEST:
        raise Unfit("bad_value", "grade", f"field 'grade' is {grade:g}; it must lie between {LOWEST} and {HIGHEST}.")
    checklist = _lines(row, "checklist" if row.get("checklist") is not None else "rubric")
    return Graded(
        answers=(answer(messages, text_field(row, "completion")),),
        prompt=digest(prompt_text(messages)),
        criteria=Criteria(checklist, _lines(row, "reference")),
        grade=grade,
        category=row["category"] if isinstance(row.get("category"), str) else None,
    )


def chats(item: Graded) -> tuple[tuple[Message, ...], ...]:
    """The one question about a response."""
    (one,) = item.answers
    assert one.texts is not None
    assert item.criteria is not None
    return (grading(one.texts.messages, one.texts.response, item.criteria),)


def with_replies(item: Graded, replies: Sequence[str]) -> Graded:
    """The response with the judge's grade, and without what it was graded by."""
    (reply,) = replies
    return item._replace(grade=read_grade(reply), criteria=None)


def measure(items: Sequence[Graded]) -> Measured:
    """`grade`, the mean as MT-Bench gives it, `rescaled`, (grade - 5) * 2 as WildBench does, and `mean_chars`.

    Over all responses and by category. Responses to one prompt are drawn together.
    """
    grades = np.array([item.grade for item in items], dtype=np.float64)
    values = {
        "grade": grades,
        "rescaled": (grades - _MIDDLE) * _STRETCH,
        "mean_chars": np.array([item.answers[0].length for item in items], dtype=np.float64),
    }
    numbers: dict[bytes, int] = {}
    clusters = np.array([numbers.setdefault(item.prompt, len(numbers)) for item in items], dtype=np.int64)
    labels = [item.category or "" for item in items]
    return grouped_means(values, labels if len(set(labels)) > 1 else None, clusters=clusters)


def _lines(row: Row, name: str) -> str | None:
    """A text, or a list of texts, one a line."""
    value: Any = row.get(name)
    if value is None or value == [] or value == "":
        return None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(f"- {one}" for one in value)
    if isinstance(value, str):
        return value
    raise Unfit("bad_type", name, f"field {name!r} must be a text or a list of texts.")
