"""What one cell of a row of chains says: a number, a truth value, a list, as files of any kind hold them.

Files such as CSV hold everything as text. Which cell means what is the business of reading.py.
"""

import json
import math
import re
from typing import Any, Final

import numpy as np

from stages.core.rows import Problem
from stages.select_cotp.arrays import F32

_TRUE: Final = frozenset({"true", "yes", "1", "1.0"})
_FALSE: Final = frozenset({"false", "no", "0", "0.0"})
_DEGREES: Final = {"easy": 1.0, "medium": 2.0, "hard": 3.0}


class BadCell(Exception):
    """Raised while a row is read; carries the problem as it is stored, and never leaves the stage."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.error)
        self.problem = problem


def bad_cell(reason: str, field: str, error: str) -> BadCell:
    """Why the row is rejected: a short name to count by, the column at fault, one sentence with the remedy."""
    return BadCell(Problem(reason, field, error))


def wrong_type(field: str, wanted: str, value: object, hint: str = "") -> BadCell:
    """The value is of another kind than the column holds."""
    return bad_cell("bad_type", field, f"field {field!r} is {_shown(value)}; it must be {wanted}{hint}.")


def listed(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """The value, or the list of which it is JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if isinstance(found, list) else value
    return value


def number(value: object, field: str) -> float | None:
    """A finite number, or text of one; None for null and empty text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        found = float(value)
    except (ValueError, OverflowError):
        raise wrong_type(field, "a number", value) from None
    if not math.isfinite(found):
        raise wrong_type(field, "a finite number", value)
    return found


def truth(value: object, field: str, hint: str = "") -> bool | None:
    """True or false, written so, as yes or no, or as 1 or 0; None for null, NaN and empty text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value).strip().lower() if isinstance(value, bool | int | float | str) else "?"
    if not text:
        return None
    if text not in _TRUE | _FALSE:
        raise wrong_type(field, "true or false", value, hint)
    return text in _TRUE


def degree(value: object, field: str) -> float | None:
    """How hard a question is: a number, a text that ends in one such as `Level 5`, or easy, medium, hard.

    Other texts say nothing (`Level ?` does occur): None.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        found = re.search(r"-?\d+(?:\.\d+)?\Z", text)
        return float(found[0]) if found else _DEGREES.get(text)
    return number(value, field)


def texts(value: object, field: str) -> tuple[str, ...] | None:
    """A list of texts, or JSON text of one; None for null and empty text."""
    if value is None or value == "":
        return None
    value = listed(value)
    if not isinstance(value, list):
        raise wrong_type(field, "a list of texts", value)
    for place, item in enumerate(value):
        if not isinstance(item, str):
            raise bad_cell("bad_type", field, f"field '{field}[{place}]' is {_shown(item)}; it must be a text.")
    return tuple(value)


def floats(value: object, field: str) -> F32 | None:
    """A list of numbers, or JSON text of one, as float32; null, as JSON has for NaN, is NaN; None for no list."""
    if value is None or value == "":
        return None
    value = listed(value)
    if not isinstance(value, list):
        raise wrong_type(field, "a list of numbers", value)
    if not set(map(type, value)) <= {float, int, type(None)}:
        place = next(at for at, item in enumerate(value) if type(item) not in (float, int, type(None)))
        raise bad_cell("bad_type", field, f"field '{field}[{place}]' is {_shown(value[place])}; it must be a number.")
    try:
        exact = np.array(value, dtype=np.float64)
    except OverflowError:
        exact = np.array([_clipped(item) for item in value], dtype=np.float64)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, which the check of chains refuses
        return exact.astype(np.float32)


def _clipped(value: int | float | None) -> int | float | None:
    """A whole number that no float holds as an infinite one."""
    return math.copysign(math.inf, (value > 0) - 0.5) if isinstance(value, int) and abs(value) > 10**300 else value


def _shown(value: object) -> str:
    """A value for a sentence: itself where it is short and simple, else of which kind it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str) and len(repr(value)) <= 40:
        return repr(value)
    if value == []:
        return "an empty list"
    kinds = {"dict": "an object", "list": "a list", "int": "a long number", "str": "a text"}
    return kinds.get(type(value).__name__, type(value).__name__)
