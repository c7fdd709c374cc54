"""Comparisons in tests that stand alone, without the `assert` that is meant, and how they get it.

Language models write such tests often; run as they are, every program passes them.
"""

import ast
from collections.abc import Set as AbstractSet
from typing import Final

from stages.programs import syntax

_BOOLEAN: Final = frozenset({"all", "any", "isinstance", "isclose", "allclose", "array_equal"})
"""Functions whose result is a truth value, so that to call them and ignore it is a slip."""


def asserted(tree: ast.Module, entry_point: str) -> bool:
    """Make assertions of statements that only compare what the solution gives (`f(1) == 2`); whether there were any.

    Not in a `with` or a `try`, which may look for what the comparison itself raises.
    """
    calls = _Solution(frozenset({entry_point, "candidate"}))
    for part in ast.walk(tree):
        if isinstance(part, ast.Assign) and calls.called_in(part.value):
            calls.results |= syntax.bound([part])
    changer = _Asserting(calls)
    changer.visit(tree)
    return changer.changed


class _Solution:
    """Tells where code calls the solution, or reads what a call of it gave."""

    def __init__(self, names: AbstractSet[str]) -> None:
        self.names = names
        self.results: set[str] = set()

    def called_in(self, part: ast.AST) -> bool:
        calls = (node.func for node in ast.walk(part) if isinstance(node, ast.Call))
        return any(
            (isinstance(func, ast.Name) and func.id in self.names)
            or (isinstance(func, ast.Attribute) and func.attr in self.names)
            for func in calls
        )


class _Asserting(ast.NodeTransformer):
    def __init__(self, calls: _Solution) -> None:
        self.calls = calls
        self.changed = False

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        told = self.calls.called_in(node.value) or bool(syntax.read(node.value) & self.calls.results)
        if not (told and _is_boolean(node.value)):
            return node
        self.changed = True
        return ast.copy_location(ast.Assert(node.value, None), node)

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        return node

    def visit_TryStar(self, node: ast.TryStar) -> ast.stmt:
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.stmt:
        return node


def _is_boolean(value: ast.expr) -> bool:
    match value:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp(values=values):  # others stand for an `if`, as `f(1) == 2 or print("wrong")` does
            return all(map(_is_boolean, values))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _BOOLEAN
    return False
