"""How the readers of this room say that a row is wrong: an exception that carries the problem as it is stored."""

from stages.core.rows import Problem


class BadRow(Exception):
    """Raised while a row is read; caught by `read_row`, which returns `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.error)
        self.problem = problem


def bad_row(reason: str, field: str, error: str) -> BadRow:
    """Why the row is rejected: a short name to count by, the column at fault, one sentence with the remedy."""
    return BadRow(Problem(reason, field, error))


def wrong_type(field: str, wanted: str, value: object) -> BadRow:
    """The value is of another kind than the column holds."""
    if value is None:
        return bad_row("missing_field", field, f"field {field!r} is missing; it must be {wanted}.")
    kinds = {"dict": "an object", "list": "a list", "int": "a number", "float": "a number", "bool": "true or false"}
    kinds |= {"str": "a text"}
    got = "an empty list" if value == [] else kinds.get(type(value).__name__, type(value).__name__)
    return bad_row("bad_type", field, f"field {field!r} is {got}; it must be {wanted}.")
