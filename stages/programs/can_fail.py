"""Whether a test that is code can fail: one that cannot is passed by every program, and says nothing of any.

A test can fail if it asserts or raises, and if it calls the solution, since that may raise. What it compares without
asserting does not count, nor does an assertion that is not reached or whose failure is caught. Where code is not
understood, the answer is that it can. How a test that asserts is cut out of others says `check_split.py`.
"""

import ast
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from stages.programs import entry_points, syntax

_CANDIDATE: Final = "candidate"
_CATCH_ASSERTIONS: Final = frozenset({"AssertionError", "Exception", "BaseException"})
_LOOKS_AROUND: Final = frozenset({"__import__", "eval", "exec", "exit", "globals", "locals", "quit", "vars"})
"""Builtins that may call anything, or end the test."""
_CALLS_NOTHING: Final = frozenset({"bool", "callable", "hasattr", "id", "isinstance", "print", "repr", "str", "type"})
"""Builtins that call none of their arguments."""
_Try = ast.Try | ast.TryStar


def lacking(test: Sequence[ast.stmt], setup: Sequence[ast.stmt], entry_point: str) -> str | None:
    """What a test lacks that cannot fail, for a sentence; None where it can. `setup`: what runs before it."""
    every = [*setup, *test]
    known = _known(every, None)
    if any(_fails(part, known) for part in test):
        return None
    read = {name for part in test for name in syntax.read(part)}
    used = [*(part for part in setup if isinstance(part, syntax.Function) and part.name in read), *test]
    nodes = [node for part in used for node in ast.walk(part)]
    passing = [node for node in nodes if isinstance(node, _Try) and _lets_pass(node)]
    if any(_asserts(node.body) for node in passing):
        return "its assertions stand in a try whose except lets them pass"
    solution = {entry_point, _CANDIDATE}
    if may_fail(test, setup, solution):
        return None
    if passing:
        return "what it does stands in a try whose except lets it pass"
    if _asserts(every):
        return "its assertions stand in a function that nothing calls"
    if any(isinstance(node, ast.Compare) and solution & syntax.read(node) for node in nodes):
        return f"it compares what {entry_point!r} gives but asserts nothing"
    return f"it asserts nothing and does not call {entry_point!r}"


def may_fail(test: Sequence[ast.stmt], setup: Sequence[ast.stmt], solution: AbstractSet[str]) -> bool:
    """Whether a test asserts, raises or calls the solution, which has these names."""
    known = _known([*setup, *test], solution)
    return any(_fails(part, known) for part in test)


def idle_of_suite(tree: ast.Module, entry_point: str) -> tuple[str, str] | None:
    """The first test of a unittest or pytest style suite that cannot fail, and what it lacks.

    Only tests that are plain: without fixtures, decorators, results and calls of methods.
    """
    bodies = [tree.body, *(part.body for part in tree.body if isinstance(part, ast.ClassDef))]
    for part in (part for body in bodies for part in body if isinstance(part, syntax.Function)):
        if part.name.lower().startswith("test") and _is_plain(part):
            lack = lacking(part.body, tree.body, entry_point)
            if lack is not None:
                return part.name, lack
    return None


class _Known(NamedTuple):
    """Names of the tests' own functions, of those that may fail among them, of the solution, and all that are bound.

    `calls_count`: whether a call of the solution does.
    """

    own: AbstractSet[str]
    failing: AbstractSet[str]
    solution: AbstractSet[str]
    bound: AbstractSet[str]
    calls_count: bool


def _known(every: Sequence[ast.stmt], names: AbstractSet[str] | None) -> _Known:
    nodes = [node for part in every for node in ast.walk(part)]
    functions = [node for node in nodes if isinstance(node, syntax.Function)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    bound = {name for node in nodes if isinstance(node, ast.stmt) for name in syntax.bound([node])}
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    solution = set() if names is None else {*names, *_imported_solution(imports)}
    if names is not None:
        solution |= _aliases(nodes, solution)
        solution |= {arg.arg for function in functions for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
    helpers = {
        name for part in imports for name in syntax.bound([part]) if name.startswith(("assert", "raises", "fail"))
    }
    known = _Known({one.name for one in (*functions, *classes)}, helpers, solution, bound, names is not None)
    while True:
        more = {one.name for one in functions if any(_fails(part, known) for part in one.body)}
        more |= {
            one.name for one in classes if any(isinstance(p, syntax.Function) and p.name in more for p in one.body)
        }
        if more <= known.failing:
            return known
        known = known._replace(failing=known.failing | more)


def _fails(part: ast.AST, known: _Known) -> bool:
    """Whether code may raise when it is run: a statement, or a part of one."""
    match part:
        case ast.Assert() | ast.Raise():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Expr(value=ast.Name()):
            return False
        case ast.Try() | ast.TryStar() if _lets_pass(part):
            part = ast.Try([], part.handlers, part.orelse, part.finalbody)
        case ast.Compare():  # what it compares may be wrong, and nobody looks
            known = known._replace(solution=frozenset(), calls_count=False)
        case ast.Name(id=name):
            return name in known.failing
        case ast.Call():
            if _call_fails(part, known):
                return True
    return any(_fails(child, known) for child in ast.iter_child_nodes(part))


def _call_fails(call: ast.Call, known: _Known) -> bool:
    given = {node.id for node in (*call.args, *(one.value for one in call.keywords)) if isinstance(node, ast.Name)}
    given |= {name for node in call.args if isinstance(node, (ast.List, ast.Tuple)) for name in syntax.read(node)}
    match call.func:
        case ast.Name(id=name):
            if name in known.solution or name in known.failing or name in _LOOKS_AROUND:
                return True
            unknown = name not in known.bound and name not in syntax.BUILTINS
            passed_on = name not in known.own and name not in _CALLS_NOTHING and bool(given & known.solution)
            return known.calls_count and (unknown or passed_on)
        case ast.Attribute(value=value, attr=attr):
            if attr.lower().startswith(("assert", "raises", "fail")) or attr in known.failing or "exit" in attr:
                return True
            return bool(known.solution & ({attr} | syntax.read(value) | (set() if attr in known.own else given)))
    return known.calls_count


def _lets_pass(part: _Try) -> bool:
    """Whether a failure in the body is caught: of any kind, or of an assertion that is in it."""
    for handler in part.handlers:
        caught = _CATCH_ASSERTIONS & set(_caught(handler))
        if caught:
            return caught != {"AssertionError"} or _asserts(part.body)
    return False


def _asserts(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(node, ast.Assert) for part in body for node in ast.walk(part))


def _caught(handler: ast.ExceptHandler) -> Iterator[str]:
    if handler.type is None:
        yield "BaseException"
    else:
        yield from (node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name))


def _imported_solution(imports: Sequence[ast.Import | ast.ImportFrom]) -> set[str]:
    found: set[str] = set()
    for part in imports:
        module = part.module if isinstance(part, ast.ImportFrom) else part.names[0].name
        if entry_points.is_solution(module or ""):
            found |= syntax.bound([part])
    return found


def _aliases(nodes: Sequence[ast.AST], solution: AbstractSet[str]) -> set[str]:
    """Names that stand for the solution: `g = f`, `for g in (f, h)`."""
    found: set[str] = set()
    for node in nodes:
        source = node.value if isinstance(node, ast.Assign) else node.iter if isinstance(node, ast.For) else None
        calls = source is None or any(isinstance(inner, (ast.Call, ast.Compare)) for inner in ast.walk(source))
        if source is not None and not calls and syntax.read(source) & solution:
            target = (
                node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.For) else []
            )
            found |= {name for one in target for name in syntax.bound([ast.Expr(one)])}
    return found


def _is_plain(function: syntax.Function) -> bool:
    fixtures = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)} - {"self"}
    nodes = [node for part in function.body for node in ast.walk(part)]
    methods = any(isinstance(node, ast.Call) and not isinstance(node.func, ast.Name) for node in nodes)
    results = any(isinstance(node, (ast.Return, ast.Yield)) for node in nodes)
    return not (function.decorator_list or fixtures or methods or results)
