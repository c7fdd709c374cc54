"""Whether tests in one body of code depend on each other, so that each can run without the ones before it.

A test is a statement that may fail; whatever stands before it and is no test prepares it, and is run again for each.
That says the same as running the body once unless a test leaves something for a later statement: a name, or a change
in a value that both see. All answers here err on the side of dependence.
"""

import ast
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from stages.programs import syntax

PURE: Final = frozenset(
    {
        *("abs", "all", "any", "bool", "chr", "complex", "dict", "divmod", "float", "format", "frozenset", "hasattr"),
        *("hash", "hex", "int", "isinstance", "issubclass", "len", "list", "max", "min", "ord", "pow", "print"),
        *("range", "repr", "round", "set", "sorted", "str", "sum", "tuple", "type"),
    }
)
"""Builtins that change none of their arguments (unless these are iterators)."""

_LOOKS_AROUND: Final = frozenset({"locals", "globals", "vars", "eval", "exec", "dir"})
_LEAVES: Final = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Delete)
_IMMUTABLE: Final = (ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.Load, ast.operator, ast.unaryop)
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def separable(body: Sequence[ast.stmt], tests: AbstractSet[int], outer: Sequence[ast.stmt]) -> bool:
    """Whether the statements of `body` whose places are in `tests` can each be run without the others.

    `outer`: the statements whose names the body sees from outside, which are run once for all tests.
    """
    if any(isinstance(node, _LEAVES) for part in body for node in syntax.own(part)):
        return False
    if any(syntax.read(part) & _LOOKS_AROUND for part in body):
        return False
    outer_state = changeable(outer)
    state = changeable(body, outer_state)
    links = _links([*outer, *body], state)
    later: set[str] = set()
    for place in range(len(body) - 1, -1, -1):
        part = body[place]
        touched = _spread(touches(part) & state, links)
        if place in tests and (syntax.bound([part]) | touched) & later:
            return False
        if place not in tests and touched & outer_state:
            return False  # it is run again for each test, on something that they share
        later = _exposed(part) | (later - _surely_bound(part))
    return True


def changeable(body: Sequence[ast.stmt], outer: AbstractSet[str] = frozenset()) -> set[str]:
    """The names that the body binds to something that can be changed: not a constant, a module or a function.

    `outer`: such names from outside.
    Modules count where one of them is seeded: the random numbers that a test draws then depend on the tests before.
    """
    seeded = any(isinstance(node, ast.Attribute) and node.attr == "seed" for part in body for node in ast.walk(part))
    loose = set(outer)
    for part in body:
        fixed = isinstance(part, _DEFINITIONS) or _assigns_fixed(part, loose)
        if not fixed and not (isinstance(part, (ast.Import, ast.ImportFrom)) and not seeded):
            loose |= syntax.bound([part])
    return loose | _closures(body, loose)


def touches(statement: ast.AST) -> set[str]:
    """The names whose values a statement may change: given to calls, methods called on them, looped over, stored in."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in PURE):
            found |= syntax.read(node)
        elif isinstance(node, (ast.For, ast.comprehension)):
            found |= syntax.read(node.iter)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found |= syntax.read(node.value)
        elif isinstance(node, ast.AugAssign):
            found |= syntax.read(node.value) | syntax.bound([node])
        elif isinstance(node, ast.withitem):
            found |= syntax.read(node.context_expr)
    return found


def calls_something(statement: ast.AST) -> bool:
    """Whether a statement calls anything but pure builtins, and so may do more than give a value."""
    calls = (node for node in syntax.own(statement) if isinstance(node, ast.Call))
    return any(not (isinstance(call.func, ast.Name) and call.func.id in PURE) for call in calls)


def exposed(body: Sequence[ast.stmt]) -> set[str]:
    """The names that a body may read before it has bound them itself."""
    found: set[str] = set()
    ready: set[str] = set()
    for part in body:
        found |= _exposed(part) - ready
        ready |= _surely_bound(part)
    return found


def _exposed(part: ast.stmt) -> set[str]:
    if isinstance(part, (ast.For, ast.AsyncFor)):
        inner = exposed(part.body) - syntax.bound([ast.Expr(part.target)])
        return syntax.read(part.iter) | syntax.read(part.target) | inner | exposed(part.orelse)
    if isinstance(part, (ast.With, ast.AsyncWith)):
        given = {name for item in part.items if item.optional_vars for name in _stored(item.optional_vars)}
        heads = {name for item in part.items for name in syntax.read(item.context_expr)}
        return heads | (exposed(part.body) - given)
    if isinstance(part, ast.If):
        return syntax.read(part.test) | exposed(part.body) | exposed(part.orelse)
    if isinstance(part, ast.Try):
        ends = [exposed(other) for other in (*(one.body for one in part.handlers), part.orelse, part.finalbody)]
        kinds = [syntax.read(one.type) for one in part.handlers if one.type is not None]
        return exposed(part.body).union(*ends, *kinds)
    return syntax.read(part)


def _surely_bound(part: ast.stmt) -> set[str]:
    simple = (ast.Assign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    certain = isinstance(part, simple) or (isinstance(part, ast.AnnAssign) and part.value is not None)
    return syntax.bound([part]) if certain else set()


def _stored(target: ast.expr) -> set[str]:
    return syntax.bound([ast.Expr(target)])


def _closures(body: Sequence[ast.stmt], state: AbstractSet[str]) -> set[str]:
    """The functions and classes of a body that see its changeable names, themselves or through each other."""
    named = [part for part in body if isinstance(part, _DEFINITIONS) or _assigns_fixed(part, state)]
    found: set[str] = set()
    while True:
        seen = state | found
        more = {name for part in named if syntax.read(part) & seen for name in syntax.bound([part])} - found
        if not more:
            return found
        found |= more


def _links(body: Sequence[ast.stmt], state: set[str]) -> list[set[str]]:
    """Groups of changeable names, one a statement that may give one of them a part of another."""
    groups = [(syntax.bound([part]) | syntax.read(part)) & state for part in body if not isinstance(part, ast.Assert)]
    return [group for group in groups if len(group) > 1]


def _spread(names: set[str], links: list[set[str]]) -> set[str]:
    while names:
        wider = names.union(*(group for group in links if group & names))
        if wider == names:
            break
        names = wider
    return names


def _assigns_fixed(part: ast.stmt, loose: AbstractSet[str]) -> bool:
    """Whether a statement names constants, functions, or what has a name already and cannot be changed."""
    if not isinstance(part, (ast.Assign, ast.AnnAssign)) or part.value is None:
        return False
    targets = part.targets if isinstance(part, ast.Assign) else [part.target]
    if not all(isinstance(target, ast.Name) for target in targets):
        return False
    if isinstance(part.value, ast.Name):
        return part.value.id not in loose
    return isinstance(part.value, ast.Lambda) or all(isinstance(node, _IMMUTABLE) for node in ast.walk(part.value))
