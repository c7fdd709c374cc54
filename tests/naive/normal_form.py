"""The normal form by rewriting the syntax tree in several passes, and printing what is left."""

import ast
import builtins
import warnings
from typing import Any


def normal_form(source: str) -> str | None:
    """The rewritten tree as ast.dump shows it; None where the program does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    imported = _imported(tree)
    kept = set(dir(builtins)) | _attributes(tree) | {name for name, origins in imported.items() if len(origins) > 1}
    bound = _bound(tree)
    numbers: dict[str, str] = {}

    def replace(name: str) -> str:
        if name in kept or (name not in bound and name not in imported):
            return name
        if name in imported:
            return name if name in bound else f"from {imported[name]}"
        return numbers.setdefault(name, f"${len(numbers)}")

    return ast.dump(_Rewritten(replace).visit(tree))


class _Rewritten(ast.NodeTransformer):
    """Names replaced; docstrings and annotations gone. Children are visited in the order of their fields."""

    def __init__(self, replace: Any) -> None:
        self.replace = replace

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and first.value.value
            if isinstance(text, str):
                node.body = node.body[1:]
        if isinstance(node, ast.AnnAssign):
            plain = ast.Assign([node.target], node.value) if node.value else ast.AnnAssign(node.target, None, None, 0)
            node = plain
        for field in ("annotation", "returns", "type_comment", "kind"):
            if hasattr(node, field):
                setattr(node, field, None)
        for field, value in ast.iter_fields(node):
            if isinstance(value, str) and self._is_name(node, field):
                setattr(node, field, self.replace(value))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self.replace(name) for name in node.names]
        if isinstance(node, ast.alias):
            node.asname = self.replace(node.asname or node.name.split(".")[0])
        return self.generic_visit(node)

    @staticmethod
    def _is_name(node: ast.AST, field: str) -> bool:
        kinds = {
            "id": ast.Name,
            "arg": ast.arg,
            "name": (
                ast.FunctionDef,
                ast.AsyncFunctionDef,
                ast.ClassDef,
                ast.ExceptHandler,
                ast.MatchAs,
                ast.MatchStar,
            ),
            "rest": ast.MatchMapping,
        }
        return field in kinds and isinstance(node, kinds[field])


def _imported(tree: ast.AST) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    found.setdefault(alias.asname, set()).add(alias.name)
                else:
                    found.setdefault(alias.name.split(".")[0], set()).add(alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origin = f"{'.' * node.level}{node.module or ''}:{alias.name}"
                found.setdefault(alias.asname or alias.name, set()).add(origin)
    return found


def _attributes(tree: ast.AST) -> set[str]:
    found = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    for holder in ast.walk(tree):
        if isinstance(holder, ast.ClassDef):
            for statement in holder.body:
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    found.add(statement.name)
                else:
                    found |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and type(n.ctx) is ast.Store}
    return found


def _bound(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
        elif isinstance(node, ast.MatchMapping):
            found |= {node.rest} if node.rest else set()
        elif isinstance(
            node,
            ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar,
        ):
            found |= {node.name} if node.name else set()
    return found
