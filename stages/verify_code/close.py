"""Runs in the tester's process: whether a value is the expected one where that holds numbers with decimals.

Its text is the set-up of added tests (forms.py), so it imports nothing but the standard library, and its name is none
that a program's entry point could have: the set-up calls itself by it, and must not call the program instead.
"""

from typing import Any


def _rlbff_close(own: Any, right: Any, rtol: float, atol: float) -> bool:  # noqa: ANN401
    """Whether values are equal, numbers with decimals within |own - right| <= atol + rtol |right|.

    A program that adds up in another order is not wrong; whole numbers and containers are compared exactly.
    """
    if isinstance(right, (float, complex)):
        return isinstance(own, (int, float, complex)) and abs(own - right) <= atol + rtol * abs(right)
    if isinstance(right, (list, tuple)):
        same = type(own) is type(right) and len(own) == len(right)
        return same and all(_rlbff_close(one, other, rtol, atol) for one, other in zip(own, right))  # noqa: B905
    if isinstance(right, dict):
        same = type(own) is dict and own.keys() == right.keys()
        return same and all(_rlbff_close(own[key], right[key], rtol, atol) for key in right)
    return bool(own == right)
