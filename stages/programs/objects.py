"""Whether tests work with objects of a class that the solution defines, which cannot leave the program's process."""

import ast
from collections.abc import Sequence
from typing import Final

from stages.programs import syntax
from stages.programs.bad_row import bad_row

_PLAIN_BASES: Final = syntax.BUILTINS - {"object"} | {"NamedTuple", "TypedDict"}
"""Bases whose objects may be plain data."""


def refuse_objects(column: str, entry_point: str | None, reference: str | None, programs: Sequence[str | None]) -> None:
    """Raise BadRow where what the tests call is a class: in the reference, without one in most of the programs."""
    if entry_point is None or not entry_point[:1].isupper():
        return
    sources = [source for source in ((reference,) if reference is not None else programs) if source is not None]
    found = sum(entry_point in source and entry_point in _classes(source) for source in sources)
    if 2 * found > len(sources):
        raise bad_row(
            "needs_inproc",
            column,
            f"the tests of field {column!r} use objects of class {entry_point!r}, which cannot leave the program's "
            "process; run them with --mode inproc, which trusts the program.",
        )


def _classes(source: str) -> set[str]:
    """The names that a program gives to classes whose calls give objects."""
    tree = syntax.parse(source)
    parts = [] if tree is None else [part for part in tree.body if isinstance(part, ast.ClassDef)]
    return {
        part.name
        for part in parts
        if not {ast.unparse(base).rpartition(".")[2] for base in part.bases} & _PLAIN_BASES
        and not any(isinstance(inner, syntax.Function) and inner.name == "__new__" for inner in part.body)
    }
