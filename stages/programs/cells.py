"""What one cell of a table says, where files such as CSV hold everything as text: a truth value, a number, a list."""

import json
import math
from typing import Final

from stages.sandbox.frames import Value

_TRUE: Final = frozenset({"true", "yes", "1", "1.0"})
_FALSE: Final = frozenset({"false", "no", "0", "0.0"})


def truth_value(value: Value) -> bool | None:
    """True or false, written so, as yes or no, or as 1 or 0; None for null, NaN and empty text.

    Raises:
        ValueError: the value is none of these.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        text = value.strip().lower()
        if not text:
            return None
        if text in _TRUE | _FALSE:
            return text in _TRUE
    elif isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise ValueError


def number(value: Value) -> float | None:
    """A finite number, or text of one; None for null and empty text.

    Raises:
        ValueError: the value is none of these.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    try:
        found = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(found):
        raise ValueError
    return found


def listed(value: Value) -> Value:
    """The value, or the list of which it is JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            pass
    return value


def shown(value: Value) -> str:
    """A value for a sentence: itself where it is short and simple, else of which kind it is."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float() if math.isnan(value):
            return "NaN"
        case int() | float() | str() if len(repr(value)) <= 40:
            return repr(value)
        case []:
            return "an empty list"
    kinds = {"dict": "an object", "list": "a list", "int": "a long number", "str": "a text"}
    return kinds.get(type(value).__name__, type(value).__name__)
