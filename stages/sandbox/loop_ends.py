"""Whether a StopIteration was caught by a test, or ended a loop of it unseen.

A program that raises StopIteration inside `all(map(check, cases))` ends the loop as if all cases had been seen. What is
caught by code has the catcher's frame as the outermost of its traceback, at an instruction that a handler covers; what
an iterator in C takes for its end has a frame of the stub (CPython 3.11) or of the function that was called (later).
A handler that lets it pass, in a function that a loop in C calls, is taken for one that caught it.
"""

from collections.abc import Iterator, Mapping
from types import CodeType


def reached_handler(error: BaseException, stub: Mapping[str, object]) -> bool:
    """Whether the exception came to a handler outside of the stub, whose global names are `stub`."""
    trace = error.__traceback__
    if trace is None:
        # Taken off it, as unittest's assertRaises does with what it has caught.
        return True
    return trace.tb_frame.f_globals is not stub and _is_covered(trace.tb_frame.f_code, trace.tb_lasti)


def _is_covered(code: CodeType, offset: int) -> bool:
    """By the exception table of CPython 3.11 and later: starts, lengths, targets and depths, in units of two bytes."""
    table = iter(code.co_exceptiontable)
    while (first := next(table, None)) is not None:
        start, length = _number(first, table), _number(next(table), table)
        _number(next(table), table)
        _number(next(table), table)
        if 2 * start <= offset < 2 * (start + length):
            return True
    return False


def _number(first: int, table: Iterator[int]) -> int:
    value = first & 63
    while first & 64:
        first = next(table)
        value = value << 6 | first & 63
    return value
