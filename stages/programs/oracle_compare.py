"""Whether a solution's result is as good as the reference's. Runs in the tester's process: its text goes there.

So it imports nothing but the standard library. `python` is what EvalPlus means: equal, or of one type and numerically
close; tolerances are at least 1e-6 where the reference gives floats.
"""

import collections
import copy
import math
import typing

Value = typing.Any
Same = typing.Callable[[Value, Value, float, float], bool]


def verify(
    candidate: typing.Callable[..., Value],
    reference: typing.Callable[..., Value],
    args: tuple[Value, ...],
    how: str,
    tolerances: tuple[float, float],
) -> None:
    """Raise AssertionError unless both give the same for copies of the arguments; `tolerances`: relative, absolute."""
    expected = read_out(reference(*copy.deepcopy(args)))
    actual = read_out(candidate(*copy.deepcopy(args)))
    if how in ORACLES:
        right = ORACLES[how](actual, expected, args, tolerances) or (
            how != "root" and numerically(actual, expected, *tolerances)
        )
    else:
        right = WAYS[how](actual, expected, *tolerances)
    assert right, f"gives {actual!r:.200}, the reference {expected!r:.200}"


def read_out(value: Value) -> Value:
    """An iterator as the list of what it gives, since two iterators are never equal."""
    return list(value) if hasattr(value, "__next__") else value


def python(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """Equal, or close as EvalPlus has it."""
    return bool(actual == expected) or numerically(actual, expected, rtol, atol)


def numerically(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """Of one type and length, and close in every number; only where a tolerance is given, or floats are expected."""
    sequence = isinstance(expected, (list, tuple))
    floats = isinstance(expected, float) or (
        sequence and len(expected) > 0 and all(isinstance(item, float) for item in expected)
    )
    if atol == 0 and not floats:
        return False
    if type(actual) is not type(expected) or (sequence and len(actual) != len(expected)):
        return False
    return _numbers_close(actual, expected, rtol, atol or 1e-6)


def strict(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """Equal, and of the same type at every level."""
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)):
        pairs = zip(actual, expected)  # noqa: B905  # of equal length where it counts
        return len(actual) == len(expected) and all(strict(own, other, rtol, atol) for own, other in pairs)
    if isinstance(expected, (set, frozenset)):
        return collections.Counter(map(_typed, actual)) == collections.Counter(map(_typed, expected))
    if isinstance(expected, dict):
        keys = [collections.Counter(map(_typed, part)) for part in (actual, expected)]
        return keys[0] == keys[1] and all(strict(actual[key], expected[key], rtol, atol) for key in expected)
    return bool(actual == expected)


def approx(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """Equal but for numbers within the tolerances and for lists in place of tuples; NaN equals NaN."""
    if isinstance(expected, (list, tuple)):
        if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
            return False
        return all(approx(own, other, rtol, atol) for own, other in zip(actual, expected))  # noqa: B905
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            return False
        return all(approx(actual[key], expected[key], rtol, atol) for key in expected)
    numbers = (int, float, complex)
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        return (actual != actual and expected != expected) or _near(actual, expected, rtol, atol)
    return bool(actual == expected)


def same_set(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """The same elements, in whatever order and number; equal where there are none on either side."""
    own, other = _elements(actual), _elements(expected)
    if own is None or other is None:
        return own is other and bool(actual == expected)
    return all(x in other for x in own) and all(x in own for x in other)


def multiset(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    """The same elements as often, in whatever order; equal where there are none on either side."""
    own, other = _elements(actual), _elements(expected)
    if own is None or other is None:
        return own is other and bool(actual == expected)
    return len(own) == len(other) and all(own.count(item) == other.count(item) for item in own)


def root(actual: Value, expected: Value, args: tuple[Value, ...], tolerances: tuple[float, float]) -> bool:
    """HumanEval/32: any zero of the polynomial with these coefficients, the constant one first."""
    value = sum(coefficient * math.pow(actual, power) for power, coefficient in enumerate(args[0]))
    return bool(abs(value) <= tolerances[1])


def pyramid(actual: Value, expected: Value, args: tuple[Value, ...], tolerances: tuple[float, float]) -> bool:
    """Mbpp/581: the height of the square pyramid may also be read as the perpendicular one."""
    edge, height = args
    surface = round(edge**2 + 2 * edge * math.sqrt(edge**2 / 4 + height**2))
    return bool(actual == expected) or bool(abs(actual - surface) <= tolerances[1])


def padded_digits(actual: Value, expected: Value, args: tuple[Value, ...], tolerances: tuple[float, float]) -> bool:
    """Mbpp/558: the sum of the differences of digits, the shorter number filled with zeros."""
    texts = [str(number) for number in args]
    texts = [text.zfill(max(map(len, texts))) for text in texts]
    distance = sum(abs(int(one) - int(other)) for one, other in zip(*texts))  # noqa: B905
    return actual in (expected, distance)


ORACLES: dict[str, typing.Callable[[Value, Value, tuple[Value, ...], tuple[float, float]], bool]] = {
    "root": root,
    "anything": lambda actual, expected, args, tolerances: True,  # Mbpp/164 is too vague for more
    "or_zero": lambda actual, expected, args, tolerances: bool(actual == expected or actual == 0),
    "pyramid": pyramid,
    "padded_digits": padded_digits,
    "same_set": lambda actual, expected, args, tolerances: set(actual) == set(expected),
    "not_none": lambda actual, expected, args, tolerances: (
        (actual if isinstance(actual, bool) else actual is not None) == (expected is not None)
    ),
}

WAYS: dict[str, Same] = {
    "python": python,
    "strict": strict,
    "approx": approx,
    "set": same_set,
    "multiset": multiset,
}


def _numbers_close(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    if isinstance(expected, (list, tuple)):
        if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
            return False
        return all(_numbers_close(own, other, rtol, atol) for own, other in zip(actual, expected))  # noqa: B905
    numbers = (int, float, complex)
    return isinstance(actual, numbers) and isinstance(expected, numbers) and _near(actual, expected, rtol, atol)


def _near(actual: Value, expected: Value, rtol: float, atol: float) -> bool:
    if actual == expected:
        return True
    try:
        distance = abs(actual - expected)
        return bool(math.isfinite(distance) and distance <= atol + rtol * abs(expected))
    except OverflowError:
        return False


def _typed(value: Value) -> tuple[str, str]:
    return type(value).__name__, repr(value)


def _elements(values: Value) -> list[Value] | None:
    return list(values) if isinstance(values, (list, tuple, set, frozenset)) else None
