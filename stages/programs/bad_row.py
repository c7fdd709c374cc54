"""How the readers of this room say that a row is wrong: an exception that carries the problem as it is stored."""

from stages.core.rows import Problem
from stages.programs import cells
from stages.sandbox.frames import Value


class BadRow(Exception):
    """Raised while a row is read; caught by `read_row`, which returns `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.error)
        self.problem = problem


def bad_row(reason: str, field: str, error: str) -> BadRow:
    """Why the row is rejected: a short name to count by, the column at fault, one sentence with the remedy."""
    return BadRow(Problem(reason, field, error))


def wrong_type(field: str, wanted: str, value: Value, place: int | None = None) -> BadRow:
    """The value is of another kind than the column holds; `place`: where it stands in the column's list."""
    if value is None and place is None:
        return bad_row("missing_field", field, f"field {field!r} is missing; it must be {wanted}.")
    name = repr(field) if place is None else f"'{field}[{place}]'"
    return bad_row("bad_type", field, f"field {name} is {cells.shown(value)}; it must be {wanted}.")
