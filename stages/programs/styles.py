"""In which style code holds tests (assertions, `check(candidate)`, unittest or pytest), and what becomes of it."""

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from stages.programs import can_fail, entry_points, lone_comparisons, syntax
from stages.programs.bad_row import bad_row
from stages.programs.check_split import has_check, split_check, split_statements

LONGEST: Final = 8 << 20
"""Characters of tests that are looked into."""


class Styled(NamedTuple):
    """Tests that are code: set-up and cases, or else a `suite` that imports the solution from `modules`.

    `wanted`: the names that the tests read and do not bind. `idle`: the first test that cannot fail and what it
    lacks, where there is one.
    """

    setup: str
    cases: tuple[str, ...]
    suite: str | None
    modules: tuple[str, ...]
    wanted: frozenset[str]
    idle: tuple[str, str] | None


@lru_cache(maxsize=64)
def read_code(source: str, column: str, entry_point: str) -> Styled:
    """The tests in a text of code; raises BadRow. Kept for the next rows, which often have the same tests."""
    tree = parsed(source, column)
    if lone_comparisons.asserted(tree, entry_point):
        source = ast.unparse(tree)
    wanted = names_wanted([tree])
    if not has_check(tree) and _is_suite(tree):
        modules = entry_points.of_suite(tree)[1]
        idle = can_fail.idle_of_suite(tree, entry_point)
        return Styled("", (), _without_starts(tree, source), modules or ("solution",), wanted, idle)
    setup, cases = (split_check if has_check(tree) else split_statements)(tree, source, entry_point)
    return Styled(setup, cases, None, (), wanted, _idle(setup, cases, entry_point))


def _idle(setup: str, cases: Sequence[str], entry_point: str) -> tuple[str, str] | None:
    """The set-up is part of a test where there is but one."""
    before = ast.parse(setup).body
    for place, case in enumerate(cases):
        test = ast.parse(case).body
        lack = can_fail.lacking([*before, *test] if len(cases) == 1 else test, before, entry_point)
        if lack is not None:
            return str(place), lack
    return None


def names_wanted(trees: Sequence[ast.Module]) -> frozenset[str]:
    """The names that code reads and does not bind at its top."""
    read = {name for tree in trees for part in tree.body for name in syntax.read(part)}
    return frozenset(read - {name for tree in trees for name in syntax.bound(tree.body)})


def parsed(source: str, column: str, what: str = "the code") -> ast.Module:
    """The tree of tests; raises BadRow where they do not parse."""
    tree = syntax.parse(source, LONGEST)
    if tree is None:
        raise bad_row("bad_tests", column, f"{what} of field {column!r} does not parse: {syntax.why_not(source)}.")
    return tree


def _is_suite(tree: ast.Module) -> bool:
    """Whether code is written in the style of unittest or pytest."""
    classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
    cases = [one for one in classes for base in one.bases if ast.unparse(base).endswith("TestCase")]
    named = [*(one.name for one in classes if one.name.startswith("Test")), *syntax.functions(tree)]
    return bool(cases) or any(name.lower().startswith("test") for name in named)


def _without_starts(tree: ast.Module, source: str) -> str:
    """A suite without the calls at its top that would run its tests while it is read."""
    kept = [part for part in tree.body if not _starts(part)]
    return source if len(kept) == len(tree.body) else ast.unparse(ast.Module(kept, []))


def _starts(part: ast.stmt) -> bool:
    match part:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name.lower().startswith("test")
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="unittest" | "pytest"), attr="main"))):
            return True
    return False
