"""Whether a value or an output is the expected one.

Runs in the caller's process on decoded plain data, so no comparison calls foreign code. The named ways are those of
HumanEval and EvalPlus (`python`, `approx`, `set`, `multiset`) and of the usual judges of programs (`exact`, `tokens`).
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Final

from stages.sandbox.codec import encode
from stages.sandbox.frames import Value
from stages.sandbox.jobs import Comparison, OutputComparison

_NUMBER_TEXT: Final = 400


def equal(actual: Value, expected: Value, how: Comparison, *, rtol: float, atol: float) -> bool:
    """Whether a returned value is the expected one.

    "python": ==, so True equals 1 and a list differs from a tuple. "strict": types equal at every level, too.
    "approx": numbers within |a - b| <= atol + rtol |b|, NaN equals NaN. "set", "multiset": the order of
    elements does not count; values without elements, and dicts, are compared by ==.
    """
    try:
        if how == "approx":
            return _close(actual, expected, rtol, atol)
        return _WAYS[how](actual, expected)
    except ArithmeticError:
        # A signalling NaN of decimal equals nothing, and raises when it is compared.
        return False


def same_output(actual: str, expected: str, how: OutputComparison, *, rtol: float, atol: float) -> bool:
    """Whether a printed text is the expected one.

    "exact": white space at the end of lines and of the text does not count. "tokens": split at white space, tokens
    that are both numbers within the tolerances, others letter by letter.
    """
    if how == "exact":
        return _lines(actual) == _lines(expected)
    own, other = actual.split(), expected.split()
    return len(own) == len(other) and all(_same_token(*pair, rtol, atol) for pair in zip(own, other, strict=True))


def _python(actual: Value, expected: Value) -> bool:
    return bool(actual == expected)


def _strict(actual: Value, expected: Value) -> bool:
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)):
        return len(actual) == len(expected) and all(map(_strict, actual, expected))
    if isinstance(expected, (dict, set, frozenset)):
        return Counter(map(_exactly, actual)) == Counter(map(_exactly, expected)) and (
            not isinstance(expected, dict) or all(_strict(actual[key], expected[key]) for key in expected)
        )
    return bool(actual == expected)


def _exactly(key: Value) -> str:
    return repr(encode(key))


def _as_set(actual: Value, expected: Value) -> bool:
    own, other = _counted(actual), _counted(expected)
    if own is None or other is None:
        return own is other and _python(actual, expected)
    return own.keys() == other.keys()


def _as_multiset(actual: Value, expected: Value) -> bool:
    own, other = _counted(actual), _counted(expected)
    if own is None or other is None:
        return own is other and _python(actual, expected)
    return own == other


def _counted(values: Value) -> Counter[str] | None:
    """How often each element occurs, by its encoded form; None for what has no elements."""
    if not isinstance(values, (list, tuple, set, frozenset)):
        return None
    return Counter(repr(_canonical(value)) for value in values)


def _canonical(value: Value) -> Value:
    """A form in which values that are equal in Python's sense are written alike, for plain numbers and sequences."""
    if isinstance(value, (bool, int)):
        return int(value) if abs(value) < 2**53 else hex(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(_canonical, value)]
    return encode(value)


def _close(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    if isinstance(expected, (list, tuple)):
        return (
            isinstance(actual, (list, tuple))
            and len(actual) == len(expected)
            and all(_close(own, other, rtol, atol) for own, other in zip(actual, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(_close(actual[key], expected[key], rtol, atol) for key in expected)
        )
    numbers = (int, float, complex)
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        return _close_numbers(actual, expected, rtol, atol)
    return bool(actual == expected)


def _close_numbers(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    if actual == expected or (actual != actual and expected != expected):
        return True
    try:
        distance, allowed = abs(actual - expected), atol + rtol * abs(expected)
    except OverflowError:
        return False
    return bool(math.isfinite(distance) and distance <= allowed)


def _same_token(actual: str, expected: str, rtol: float, atol: float) -> bool:
    if actual == expected:
        return True
    own, other = _number(actual), _number(expected)
    return own is not None and other is not None and _close_numbers(own, other, rtol, atol)


def _number(text: str) -> float | None:
    # float() also takes "1_0" and digits of any script, which no judge of programs does.
    if len(text) > _NUMBER_TEXT or not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


_WAYS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "python": _python,
    "strict": _strict,
    "set": _as_set,
    "multiset": _as_multiset,
}
