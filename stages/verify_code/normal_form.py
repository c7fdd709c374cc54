"""When two programs are the same but for names, comments, layout and annotations: their normal form.

How alike programs are that are not the same is the business of minhash.py.
"""

import ast
import builtins
import hashlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

_BUILTINS: Final = frozenset(dir(builtins))


def normal_form(source: str) -> str | None:
    """The syntax tree of a program, one token a line from the root down; None where it does not parse.

    Names are replaced by their order of appearance, `$1`, `$2`, ...; names that an import binds by what they stand for.
    Builtins keep theirs, as do attributes, what a class body binds, and names that also occur as keyword arguments:
    programs that differ in one of these may behave differently. Constants are kept, docstrings and annotations dropped
    (specification of verify-code, section 15). Equal programs have equal forms under one version of Python only.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the program's text, of no use to whoever verifies it
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last three: NUL, surrogates, deep nesting
        return None
    return "\n".join(_tokens(tree))


def digest(form: str) -> str:
    """32 hexadecimal digits, equal where forms are: the name of a cluster of programs that are the same."""
    return hashlib.blake2b(form.encode(), digest_size=16).hexdigest()


class _Name(str):
    """A name as the program writes it, still to be replaced."""

    __slots__ = ()


class _Names:
    """What the names of a program stand for."""

    def __init__(self) -> None:
        self._bound: set[str] = set()
        self._kept: set[str] = set(_BUILTINS)
        self._imported: dict[str, str] = {}
        self._numbers: dict[str, str] = {}

    def bind(self, name: str) -> _Name:
        self._bound.add(name)
        return _Name(name)

    def keep(self, name: str) -> _Name:
        self._kept.add(name)
        return _Name(name)

    def bind_import(self, name: str, origin: str) -> _Name:
        if self._imported.setdefault(name, origin) != origin:
            self._kept.add(name)
        return _Name(name)

    def replaced(self, name: str) -> str:
        """What stands for a name, once all of the program is known; numbers follow the order of the calls."""
        if name in self._imported:
            return name if name in self._kept or name in self._bound else f"<{self._imported[name]}>"
        if name in self._kept or name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"${len(self._numbers) + 1}")


def _tokens(tree: ast.Module) -> list[str]:
    """The tree in prefix order; lists end with a bracket, so that different trees have different tokens."""
    names, tokens = _Names(), list[str]()
    ahead: list[Any] = [tree]  # nodes, lists, tokens, the next one last: no recursion, since trees may be deep
    while ahead:
        item = ahead.pop()
        if isinstance(item, ast.AST):
            if isinstance(item, ast.AnnAssign) and item.value is not None:
                item = ast.Assign([item.target], item.value)
            kind = type(item)
            parts = _PARTS[kind](item, names) if kind in _PARTS else [getattr(item, field) for field in _FIELDS[kind]]
            tokens.append(kind.__name__)
            ahead.extend(reversed(parts))
        elif isinstance(item, list):
            ahead.append("]")
            ahead.extend(reversed(item))
        else:
            tokens.append(item if isinstance(item, str) else str(item))
    return [names.replaced(token) if isinstance(token, _Name) else token for token in tokens]


_DROPPED: Final = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}
"""Fields that are annotations or comments, or that follow from where a node stands."""


_FIELDS: Final[Mapping[type[ast.AST], tuple[str, ...]]] = {
    kind: tuple(name for name in kind._fields if name not in _DROPPED)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


_Parts = Callable[[Any, _Names], list[Any]]


def _name(node: ast.Name, names: _Names) -> list[Any]:
    return [_Name(node.id) if isinstance(node.ctx, ast.Load) else names.bind(node.id)]


def _constant(node: ast.Constant, names: _Names) -> list[Any]:
    # long whole numbers cannot be written in decimals
    return [f"{node.value:x}" if type(node.value) is int else repr(node.value)]


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, names: _Names) -> list[Any]:
    return [names.bind(node.name), node.args, _without_docstring(node.body), node.decorator_list]


def _class(node: ast.ClassDef, names: _Names) -> list[Any]:
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.keep(statement.name)
            continue
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.keep(part.id)
    return [names.bind(node.name), node.bases, node.keywords, _without_docstring(node.body), node.decorator_list]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if is_text else body


def _import(node: ast.Import, names: _Names) -> list[Any]:
    parts: list[Any] = []
    for alias in node.names:
        local, origin = (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        parts += [alias.name, names.bind_import(local, origin)]
    return [parts]


def _import_from(node: ast.ImportFrom, names: _Names) -> list[Any]:
    module = "." * node.level + (node.module or "")
    parts: list[Any] = [module]
    for alias in node.names:
        parts += [alias.name, names.bind_import(alias.asname or alias.name, f"{module}:{alias.name}")]
    return [parts]


def _scope(node: ast.Global | ast.Nonlocal, names: _Names) -> list[Any]:
    return [[names.bind(name) for name in node.names]]


def _optional(name: str | None, names: _Names) -> str | None:
    return None if name is None else names.bind(name)


_PARTS: Final[Mapping[type[ast.AST], _Parts]] = {
    ast.Module: lambda node, names: [_without_docstring(node.body)],
    ast.Name: _name,
    ast.Constant: _constant,
    ast.arg: lambda node, names: [names.bind(node.arg)],
    ast.keyword: lambda node, names: [None if node.arg is None else names.keep(node.arg), node.value],
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.AnnAssign: lambda node, names: [node.target],
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _scope,
    ast.Nonlocal: _scope,
    ast.ExceptHandler: lambda node, names: [node.type, _optional(node.name, names), node.body],
    ast.MatchAs: lambda node, names: [node.pattern, _optional(node.name, names)],
    ast.MatchStar: lambda node, names: [_optional(node.name, names)],
    ast.MatchMapping: lambda node, names: [node.keys, node.patterns, _optional(node.rest, names)],
}
"""The parts of nodes that bind names or hold what is dropped; all others have their fields as parts."""
