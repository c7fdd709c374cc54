"""What a row says itself of each of its solutions: whether it is right, and the score of a judge."""

from typing import Final

from stages.core.rows import Row
from stages.programs import cells
from stages.programs.bad_row import bad_row
from stages.sandbox.frames import Value

TRUTH_COLUMNS: Final = ("truth", "label", "is_solved", "correct", "passed", "graded_list")
"""Where it may stand whether solutions are right; the first that a row has and that says so counts, be it empty."""
JUDGE_COLUMN: Final = "judge"

_PERHAPS_TRUTH: Final = frozenset({"label", "correct", "passed"})
"""Names that other things have, too, such as classes and counts."""
_LOWEST: Final = 1
_HIGHEST: Final = 5


def truths(row: Row, count: int) -> list[bool | None]:
    """Whether each solution is right, None where the row does not say; raises BadRow."""
    for column in TRUTH_COLUMNS:
        if column not in row:
            continue
        value = cells.listed(row[column])
        several = isinstance(value, list)
        try:
            found = [cells.truth_value(item) for item in (value if several else [value])]
        except ValueError:
            if column in _PERHAPS_TRUTH:
                continue
            text = f"field {column!r} is {cells.shown(value)}; it must be true or false"
            raise bad_row("bad_type", column, f"{text}, or a list with one for each solution.") from None
        if not several and found == [None]:
            return [None] * count
        if not several and count > 1 and column in _PERHAPS_TRUTH:
            continue
        _check_length(found, column, count)
        return found
    return [None] * count


def judges(row: Row, count: int) -> list[float | None]:
    """The score of each solution from 1 to 5, None where the row has none; raises BadRow."""
    value = cells.listed(row.get(JUDGE_COLUMN))
    if value is None or value == "":
        return [None] * count
    values = value if isinstance(value, list) else [value]
    _check_length(values, JUDGE_COLUMN, count)
    return [_score(item) for item in values]


def _score(value: Value) -> float | None:
    try:
        score = cells.number(value)
    except ValueError:
        score = 0.0
    if score is None or _LOWEST <= score <= _HIGHEST:
        return score
    bounds = f"a number from {_LOWEST} to {_HIGHEST}, or null"
    raise bad_row("bad_value", JUDGE_COLUMN, f"field {JUDGE_COLUMN!r} is {cells.shown(value)}; it must be {bounds}.")


def _check_length(values: list[Value], column: str, count: int) -> None:
    if len(values) != count:
        raise bad_row("bad_value", column, f"field {column!r} has {len(values)} values for {count} solutions.")
