"""From an input row to the responses in it, each with the feedback of its annotators: the layouts that are understood.

Layouts are the feedback table itself and three of HelpSteer3. What a layout does not use passes through.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from stages.core.columns import is_message
from stages.core.errors import DataError
from stages.core.rows import Problem, Row

Chat = list[dict[str, str]]

CONSUMED: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback": ("id", "prompt", "completion", "feedback", "domain", "language"),
    "helpsteer3-feedback": (
        *("id", "context", "response1", "response2", "feedback1", "feedback2"),
        *("domain", "language"),
    ),
    "helpsteer3-preference": ("id", "context", "response1", "response2", "individual_preference", "domain", "language"),
    "helpsteer3-principle": ("id", "context", "response", "principle", "fulfilment", "domain", "language"),
}
"""The columns that each layout reads, besides the pass-through ones."""

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "helpsteer3-feedback": ("response1", "response2", "feedback1", "feedback2"),
    "helpsteer3-preference": ("response1", "response2", "individual_preference"),
    "helpsteer3-principle": ("response", "principle", "fulfilment"),
    "feedback": ("feedback",),
}
"""What a row must have to be of a layout, the most demanding first."""

_LIKE_OTHERS: Final = {
    "prompt": ("question", "instruction", "query", "input"),
    "completion": ("answer", "response", "output", "generation", "reply"),
}
_LIKE_FEEDBACK: Final = (
    "critique",
    "comment",
    "comments",
    "review",
    "annotation",
    "annotations",
    "rationale",
    "Feedback",
)


class Response(NamedTuple):
    """One response with everything that was said about it.

    `feedback` has one text an annotator, in their order; `given` is a principle and its label where the layout
    brings them ready-made.
    """

    id: str
    prompt: Chat | None
    completion: Chat | None
    feedback: tuple[str, ...]
    domain: str | None
    language: str | None
    given: tuple[str, bool] | None = None


def detect_layout(columns: Sequence[str], source: str) -> str:
    """The layout that has these columns.

    Raises:
        DataError: none has; the sentence suggests a mapping.
    """
    for layout, required in _REQUIRED.items():
        if set(required) <= set(columns):
            return layout
    likely = [name for name in columns if name in _LIKE_FEEDBACK]
    likely += difflib.get_close_matches("feedback", columns, n=1, cutoff=0.6)
    found = ", ".join(name for name in columns if name != "id") or "none"
    others = [
        f",{ours}={next(name for name in names if name in columns)}"
        for ours, names in _LIKE_OTHERS.items()
        if ours not in columns and not {*names}.isdisjoint(columns)
    ]
    hint = f"--map feedback={likely[0] if likely else 'COLUMN'}{''.join(others)}"
    raise DataError(f"{source} has no column 'feedback' (its columns: {found}); name the one to read with {hint}.")


def read_responses(row: Row, layout: str) -> list[Response] | Problem:
    """The responses of one row, or what is wrong with it."""
    try:
        match layout:
            case "feedback":
                return [_feedback(row)]
            case "helpsteer3-feedback":
                return _numbered(row, [_texts(row, "feedback1"), _texts(row, "feedback2")])
            case "helpsteer3-preference":
                return _numbered(row, _preferences(row))
            case "helpsteer3-principle":
                return [_principle(row)]
            case _:
                raise AssertionError(layout)
    except _BadRowError as error:
        return error.problem


class _BadRowError(Exception):
    def __init__(self, reason: str, field: str, error: str) -> None:
        super().__init__(error)
        self.problem = Problem(reason, field, error)


def _feedback(row: Row) -> Response:
    if "feedback" not in row:
        fields = ", ".join(name for name in row if name != "id")
        error = f"there is no field 'feedback' (but {fields or 'nothing else'}); name one with --map feedback=..."
        raise _BadRowError("missing_field", "feedback", error)
    texts = _texts(row, "feedback")
    if not any(texts):
        raise _BadRowError("no_feedback", "feedback", "field 'feedback' is empty; there is nothing to read.")
    prompt, completion = _chat(row, "prompt", "user"), _chat(row, "completion", "assistant")
    return Response(row["id"], prompt, completion, texts, _name(row, "domain"), _name(row, "language"))


def _numbered(row: Row, feedback: list[tuple[str, ...]]) -> list[Response]:
    if not any(text for texts in feedback for text in texts):
        raise _BadRowError("no_feedback", "feedback1", "neither response has feedback; there is nothing to read.")
    prompt = _chat(row, "context", "user")
    domain, language = _name(row, "domain"), _name(row, "language")
    return [
        Response(f"{row['id']}-{n}", prompt, _chat(row, f"response{n}", "assistant"), texts, domain, language)
        for n, texts in enumerate(feedback, start=1)
        if any(texts)
    ]


def _preferences(row: Row) -> list[tuple[str, ...]]:
    annotators = row.get("individual_preference")
    if not isinstance(annotators, list) or not all(isinstance(one, dict) for one in annotators):
        raise _bad_type("individual_preference", "a list of objects with feedback1 and feedback2", annotators)
    return [
        tuple(_text(f"individual_preference.feedback{n}", one.get(f"feedback{n}")) for one in annotators)
        for n in (1, 2)
    ]


def _principle(row: Row) -> Response:
    principle, fulfilment = row.get("principle"), row.get("fulfilment")
    if not isinstance(principle, str) or not principle.strip():
        raise _bad_type("principle", "a text", principle)
    if fulfilment not in ("Yes", "No"):
        raise _BadRowError("bad_value", "fulfilment", f"field 'fulfilment' is {fulfilment!r}; it must be Yes or No.")
    given = (principle, fulfilment == "Yes")
    prompt, completion = _chat(row, "context", "user"), _chat(row, "response", "assistant")
    return Response(row["id"], prompt, completion, (), _name(row, "domain"), _name(row, "language"), given)


def _texts(row: Row, field: str) -> tuple[str, ...]:
    value = row.get(field)
    if isinstance(value, str) or value is None:
        return (_text(field, value),)
    if not isinstance(value, list):
        raise _bad_type(field, "a text or a list of texts, one per annotator", value)
    return tuple(_text(field, item) for item in value)


def _text(field: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad_type(field, "a text or a list of texts, one per annotator", value)
    return value if value.strip() else ""


def _chat(row: Row, field: str, role: str) -> Chat | None:
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        messages = [{"role": item.get("role"), "content": item.get("content")} for item in value]
        if all(is_message(message) for message in messages):
            return messages
    raise _bad_type(field, "a text or a list of messages with role and content", value)


def _name(row: Row, field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise _bad_type(field, "a text", value)
    return value


def _bad_type(field: str, wanted: str, value: object) -> _BadRowError:
    if value is None:
        return _BadRowError("missing_field", field, f"field {field!r} is missing; it must be {wanted}.")
    kind = {"dict": "an object", "list": "a list", "int": "a number", "float": "a number", "bool": "true or false"}
    got = kind.get(type(value).__name__, type(value).__name__)
    return _BadRowError("bad_type", field, f"field {field!r} is {got}; it must be {wanted}.")
