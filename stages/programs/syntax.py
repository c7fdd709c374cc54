"""What can be seen of Python code without running it: whether it parses, which names it binds, reads and calls."""

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 1 << 20
"""Characters of a program that are looked into; parsing takes about a hundred times as many bytes."""

BUILTINS: Final = frozenset(dir(builtins))

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def parse(source: str, longest: int = LONGEST) -> ast.Module | None:
    """The code's tree, None where it is no Python or too long to be looked into."""
    if len(source) > longest:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in foreign code is not our business
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def why_not(source: str) -> str:
    """What the parser says of code that `parse` refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"{type(error).__name__}{line}: {getattr(error, 'msg', error)}"
    return "it is too long"


def functions(tree: ast.Module) -> dict[str, Function]:
    """The functions that a module defines at its top, the last of each name."""
    return {node.name: node for node in tree.body if isinstance(node, Function)}


def methods(tree: ast.Module, class_name: str) -> set[str]:
    """The names of the methods of a class at the top of a module."""
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    return {part.name for node in found for part in node.body if isinstance(part, Function)}


def bound(statements: Iterable[ast.stmt]) -> set[str]:
    """All names that statements may bind in the scope that they stand in."""
    return {name for statement in statements for node in own(statement) for name in _bound_by(node)}


def own(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is below it in the same scope; of functions, classes and lambdas themselves only the head."""
    yield node
    below: Iterable[ast.AST]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        below = [*node.decorator_list, node.args]
    elif isinstance(node, ast.ClassDef):
        below = [*node.decorator_list, *node.bases]
    elif isinstance(node, ast.Lambda):
        below = [node.args]
    elif isinstance(node, _COMPREHENSIONS):
        below = [part for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]
    else:
        below = ast.iter_child_nodes(node)
    for child in below:
        yield from own(child)


def read(node: ast.AST) -> set[str]:
    """All names of other scopes that the code may read, however deep."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    inside: set[str] = set()
    for child in ast.iter_child_nodes(node):
        inside |= read(child)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        inside.add(node.target.id)
    if isinstance(node, _COMPREHENSIONS):
        stored = {name for part in node.generators for inner in ast.walk(part.target) for name in _bound_by(inner)}
        return inside - stored
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        body = node.body if isinstance(node.body, list) else []
        shared = {name for part in body for inner in ast.walk(part) for name in _declared(inner)}
        return (inside - {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)} - bound(body)) | shared
    return inside


def called(node: ast.AST) -> Iterator[str]:
    """The plain names that the code calls, in the order of the text."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        assert isinstance(call.func, ast.Name)
        yield call.func.id


def looks_like_code(text: str) -> bool:
    """Whether a line of the text begins as lines of programs do, and lines of prose do not."""
    return _CODE.search(text) is not None


_CODE: Final = re.compile(
    r"^[ \t]*(?:(?:async )?def \w+[ \t]*\(|class \w+[ \t]*[:(]|from [\w.]+ import |import \w+|return\b|@\w+"
    r"|(?:for|while|if|with|try|elif|else)\b.*:[ \t]*(?:#.*)?$|print\(|[A-Za-z_]\w*(?:\[.*\])?[ \t]*[-+*/]?=[^=])",
    re.MULTILINE,
)


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name is not None:
            yield node.name
        case ast.MatchMapping() if node.rest is not None:
            yield node.rest


def _declared(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
