"""Repeated attempts at problems: how many samples each problem has, and how many of them are right.

Shapes: N problems.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.rows import Row
from stages.eval.answers import Answer, digest
from stages.eval.fields import Unfit, bool_field, count_field, text_field

_NAMES = ("problem_id", "question_id", "task_id", "prompt_id")
_TEXTS = ("prompt", "question")


class Attempts(NamedTuple):
    """Samples of one problem in one row. `problem` is None where the row says nothing of it and holds all of them."""

    answers: tuple[Answer, ...]
    problem: bytes | None
    num: int
    right: int


class Counts(NamedTuple):
    """Samples and right samples of every problem, both (N,)."""

    num: NDArray[np.int64]
    right: NDArray[np.int64]


def read(row: Row, file: str) -> Attempts:
    """One sample a row, or all of a problem: a list of right or not (true or 1, false or 0), or numbers `n` and `c`.

    Right is what `correct` says, else `passed`, which of a verdict counts its tests: all must have passed. The problem
    is `problem_id`, `question_id`, `task_id` or `prompt_id`, else the text of `prompt` or `question`.
    """
    if "n" in row and "c" in row:
        num, right = count_field(row, "n"), count_field(row, "c")
        if not 1 <= num >= right:
            raise Unfit("bad_value", "c", f"fields 'n' and 'c' are {num} and {right}; n is at least 1, c at most n.")
        return Attempts((), problem_of(row), num, right)
    name = "correct" if "correct" in row else "passed"
    value = row.get(name)
    if isinstance(value, list):
        if not value or not all(isinstance(one, int) and one in (0, 1) for one in value):
            raise Unfit("bad_value", name, f"field {name!r} must say 1 or 0, true or false, for each of its samples.")
        return Attempts((), problem_of(row), len(value), sum(value))
    problem = problem_of(row)
    if problem is None:
        raise Unfit("missing", _NAMES[0], f"the row names no problem; give it one of {', '.join(_NAMES + _TEXTS)}.")
    return Attempts((), problem, 1, int(_is_right(row, name)))


def problem_of(row: Row) -> bytes | None:
    """What rows of one problem share; None where the row has none of the columns."""
    for name in _NAMES:
        if row.get(name) is not None:
            return digest([name, row[name]])
    for name in _TEXTS:
        if row.get(name) is not None:
            return digest(text_field(row, name))
    return None


def counts(items: Sequence[Attempts]) -> Counts:
    """All rows of a problem together, problems in order of appearance."""
    sums: dict[object, list[int]] = {}
    for place, item in enumerate(items):
        one = sums.setdefault(place if item.problem is None else item.problem, [0, 0])
        one[0] += item.num
        one[1] += item.right
    table = np.array(list(sums.values()), dtype=np.int64).reshape(-1, 2)
    return Counts(table[:, 0], table[:, 1])


def uneven(items: Sequence[Attempts]) -> str | None:
    """A sentence about problems with different numbers of samples; None where all have as many."""
    num = counts(items).num
    if num.min() == num.max():
        return None
    return f"Problems have from {num.min():,} to {num.max():,} samples; each counts as one, whatever its number."


def _is_right(row: Row, name: str) -> bool:
    if name not in row:
        raise Unfit(
            "missing",
            "correct",
            "the row does not say whether its sample is right; name the column with --map "
            "correct=THEIRS, for example --map correct=truth.",
        )
    if name == "correct" or isinstance(row[name], bool):
        return bool_field(row, name)
    passed, total = count_field(row, "passed"), count_field(row, "total")
    if total == 0:
        raise Unfit("no_tests", "total", "no test of the verdict counts, so that it says nothing of the program.")
    return passed == total
