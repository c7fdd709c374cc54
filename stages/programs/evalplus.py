"""Rows of EvalPlus: inputs without results, which the canonical solution computes, and comparisons of their own.

The kinds that JSON does not have, and the tasks that are compared otherwise, are facts about HumanEval+ and MBPP+,
read in evalplus 0.3.1 (`data/mbpp.py`, `eval/_special_oracle.py`).
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from stages.core.rows import Row
from stages.programs import cells
from stages.programs.bad_row import bad_row, wrong_type
from stages.programs.material import Inputs, numbers
from stages.sandbox.frames import Value

RTOL: Final = 1e-7
"""The relative tolerance of EvalPlus' comparison of floats."""

_TUPLES: Final[tuple[tuple[tuple[int, ...], int | None, tuple[int, ...]], ...]] = (
    (
        (
            *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744),
            809,
        ),
        None,
        (1,),
    ),
    ((63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780), None, (2,)),
    ((75, 413, 444, 753), 0, (2,)),
    ((106, 750), 1, (1,)),
    ((250, 405, 446, 617, 720, 763, 808), 0, (1,)),
    ((259, 401, 445), None, (1, 2)),
    ((278,), 0, (1, 2)),
    ((307,), 0, (1,)),
    ((722,), 0, (2,)),
    ((580, 615, 791), None, tuple(range(1, 20))),
)
"""MBPP+: tasks, the argument that is concerned (None for all), and the depths at which lists stand for tuples."""

_ORACLES: Final = {
    ("humaneval", "find_zero"): "root",
    ("mbpp", "are_equivalent"): "anything",
    ("mbpp", "sum_div"): "or_zero",
    ("mbpp", "surface_Area"): "pyramid",
    ("mbpp", "digit_distance_nums"): "padded_digits",
    **{("mbpp", name): "same_set" for name in ("similar_elements", "find_char_long", "common_in_nested_lists")},
    **{("mbpp", name): "same_set" for name in ("extract_singly", "larg_nnum", "intersection_array")},
    **{("mbpp", name): "same_set" for name in ("find_dissimilar", "Diff")},
    **{("mbpp", name): "not_none" for name in ("check_str", "text_match_three", "text_starta_endb")},
}
"""The comparison (`oracle_compare.py`) of tasks that have more than one right answer, by data set and entry point."""


def inputs(row: Row) -> Inputs:
    """The inputs of a row, `base_input` before `plus_input`; raises BadRow."""
    base, plus = _lists(row, "base_input"), _lists(row, "plus_input")
    source, number = _task(row)
    restore = _restorer(number) if source == "mbpp" else tuple
    return Inputs(
        inputs=tuple(restore(given) for given in [*base, *plus]),
        names=(*numbers(len(base), "base-"), *numbers(len(plus), "plus-")),
        atol=cells.number(row.get("atol")) or 0.0,
        rtol=RTOL,
        oracle=_ORACLES.get((source, str(row.get("entry_point")))),
    )


def _lists(row: Row, column: str) -> list[list[Value]]:
    value = row.get(column)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            text = f"field {column!r} is not JSON; it must be a list of lists of arguments."
            raise bad_row("bad_tests", column, text) from None
    value = [] if value is None or value == {} else value
    if not isinstance(value, list) or not all(isinstance(given, list) for given in value):
        raise wrong_type(column, "a list of lists of arguments", value)
    return value


def _task(row: Row) -> tuple[str, int]:
    """Data set and number of a name such as Mbpp/2."""
    found = re.fullmatch(r"(humaneval|mbpp)[/_](\d+)", str(row.get("task_id", "")).lower())
    return (found[1], int(found[2])) if found else ("", -1)


def _restorer(number: int) -> Callable[[Sequence[Value]], tuple[Value, ...]]:
    """What turns the JSON of one MBPP+ input into its arguments."""
    if number == 115:  # an empty set was written as an empty object
        return lambda given: ([set(item) if isinstance(item, list) and item else {} for item in given[0]],)
    if number == 124:
        return lambda given: (float(given[0]), complex(given[1]))
    if number == 252:
        return lambda given: (complex(given[0]),)
    for tasks, which, depths in _TUPLES:
        if number in tasks:
            return lambda given: tuple(
                _tupled(value, depths) if which in (None, place) else value for place, value in enumerate(given)
            )
    return tuple


def _tupled(value: Value, depths: Sequence[int], depth: int = 1) -> Value:
    if isinstance(value, dict):
        return {key: _tupled(item, depths, depth + 1) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_tupled(item, depths, depth + 1) for item in value]
    return tuple(items) if depth in depths else items
