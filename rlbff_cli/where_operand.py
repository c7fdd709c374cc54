"""A side of a comparison in `--where`: its expression and what sort of value it is, in the user's words."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Sort = Literal["text", "bytes", "number", "truth", "list", "struct", "other"]

CALLED: Final[dict[Sort, str]] = {
    "text": "text",
    "bytes": "bytes",
    "number": "a number",
    "truth": "true or false",
    "list": "a list",
    "struct": "a group of fields",
    "other": "of a type that is not supported here",
}


@dataclass(frozen=True)
class Operand:
    """A pyarrow expression with its Arrow type, how the user wrote it, and whether it is a literal."""

    expression: Any
    type: Any
    written: str
    literal: bool = False

    @property
    def sort(self) -> Sort:
        """What the value is: only text meets text, and only numbers meet numbers."""
        import pyarrow.types as is_

        if is_.is_string(self.type) or is_.is_large_string(self.type):
            return "text"
        if is_.is_binary(self.type) or is_.is_large_binary(self.type):
            return "bytes"
        if is_.is_integer(self.type) or is_.is_floating(self.type):
            return "number"
        if is_.is_boolean(self.type):
            return "truth"
        if is_.is_list(self.type) or is_.is_large_list(self.type):
            return "list"
        return "struct" if is_.is_struct(self.type) else "other"


def length_hint(operand: Operand) -> str:
    """What a user who compares a list probably wants."""
    return f" Its length is len({operand.written})." if operand.sort == "list" else ""
