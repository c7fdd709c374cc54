"""Cutting tests that are code into cases, one an assertion, so that what passes is a number and not a bit.

Running all cases says exactly what running the code as a whole says: where the assertions depend on each other
(`dependence.py`), the whole is the only case.
"""

import ast
import copy
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from stages.programs import can_fail, dependence, loops, syntax

_CHECK: Final = "check"
_LONGEST: Final = 8 << 20
"""Characters of all cases together: they cross to the tester in one message."""


class Split(NamedTuple):
    """Code that prepares all cases, run once, and the cases."""

    setup: str
    cases: tuple[str, ...]


def has_check(tree: ast.Module) -> bool:
    """Whether the code defines `check(candidate)`, as HumanEval's tests do."""
    return isinstance(syntax.functions(tree).get(_CHECK), ast.FunctionDef)


def split_check(tree: ast.Module, source: str, entry_point: str) -> Split:
    """One case for each statement of `check` that asserts something, with the statements before it that do not."""
    check = syntax.functions(tree)[_CHECK]
    assert isinstance(check, ast.FunctionDef)
    rest = [part for part in tree.body if part is not check and not _starts(part, tree)]
    whole = Split(_without_starts(tree, source), (f"{_CHECK}({entry_point})",))
    asserting = _asserting([*rest, *check.body])
    if check.decorator_list or len(check.args.args) != 1 or any(_tests(part, asserting) for part in rest):
        return whole
    groups = _cut(check.body, asserting, rest, {check.args.args[0].arg, entry_point})
    if groups is None:
        return whole
    cases = []
    for group in groups:
        cut = copy.copy(check)
        cut.body = group
        cases.append(_text([cut, ast.Expr(_call(_CHECK, entry_point))]))
    return Split(_text(rest), tuple(cases))


def split_statements(tree: ast.Module, source: str, entry_point: str) -> Split:
    """One case for each statement at the top that asserts something, likewise."""
    whole = Split("", (source,))
    asserting = _asserting(tree.body)
    for body in (loops.unrolled(tree.body, lambda part: _tests(part, asserting)), tree.body):
        calls = [_tests(part, asserting) or bool(syntax.read(part) & {entry_point, "candidate"}) for part in body]
        first = calls.index(True) if True in calls else len(body)
        groups = _groups(body[first:], asserting, body[:first], {entry_point, "candidate"})
        if groups is not None:
            return Split(_text(body[:first]), tuple(map(_text, groups)))
    return whole


def _cut(
    body: Sequence[ast.stmt], asserting: AbstractSet[str], outer: Sequence[ast.stmt], solution: AbstractSet[str]
) -> list[list[ast.stmt]] | None:
    """The statements of each case, each iteration of a loop over cases being one if it can; None as in `_groups`."""
    taken_apart = loops.unrolled(body, lambda part: _tests(part, asserting))
    return _groups(taken_apart, asserting, outer, solution) or _groups(body, asserting, outer, solution)


def _groups(
    body: Sequence[ast.stmt], asserting: AbstractSet[str], outer: Sequence[ast.stmt], solution: AbstractSet[str]
) -> list[list[ast.stmt]] | None:
    """The statements of each case; None where the body cannot be cut.

    What calls the solution behind the last assertion is a case of its own, since it may raise; what calls something
    else goes with the last one.
    """
    tests = {place for place, part in enumerate(body) if _tests(part, asserting)}
    if not tests or not dependence.separable(body, tests, outer):
        return None
    fixed = solution | dependence.PURE
    own = sorted(tests)
    ends = [place + 1 for place in own]
    before, behind = body[: ends[-1]], body[ends[-1] :]
    if any(dependence.calls_something(part) for part in behind):
        ends.append(len(body))
        if can_fail.may_fail(behind, [*outer, *before], solution):
            own.append(-1)
        else:
            del ends[-2]
    parts = [_Part(part, syntax.read(part), _only_computes(part, fixed), len(ast.unparse(part))) for part in body]
    prepared: list[_Part] = []
    groups, length, start = [], 0, 0
    for test, end in zip(own, ends, strict=True):
        new = [parts[place] for place in range(start, end) if place not in tests or place == test]
        kept = [*_needed(prepared, new), *new]
        length += sum(part.length for part in kept)
        if length > _LONGEST:
            return None
        groups.append([part.statement for part in kept])
        prepared += [parts[place] for place in range(start, end) if place not in tests]
        start = end
    return groups


class _Part(NamedTuple):
    """A statement, the names that it reads, whether it only computes a result of the solution, its length."""

    statement: ast.stmt
    reads: AbstractSet[str]
    only_computes: bool
    length: int


def _needed(before: Sequence[_Part], new: Sequence[_Part]) -> list[_Part]:
    """What prepares a case, without results of the solution that earlier cases have computed and this one ignores."""
    wanted = {name for part in new for name in part.reads}
    kept: list[_Part] = []
    for part in reversed(before):
        if not part.only_computes or syntax.bound([part.statement]) & wanted:
            wanted |= part.reads
            kept.append(part)
    return kept[::-1]


def _only_computes(part: ast.stmt, fixed: AbstractSet[str]) -> bool:
    """Whether a statement gives names what the solution computes from constants, and does no more."""
    return (
        isinstance(part, ast.Assign)
        and all(isinstance(target, ast.Name) for target in part.targets)
        and dependence.calls_something(part)
        and syntax.read(part) <= fixed
    )


def _tests(part: ast.stmt, asserting: AbstractSet[str]) -> bool:
    """Whether a statement may say that the solution is wrong."""
    if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(_asserts(node, asserting) for node in syntax.own(part))


def _asserts(node: ast.AST, asserting: AbstractSet[str]) -> bool:
    match node:
        case ast.Assert() | ast.Raise():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in asserting
        case ast.Call(func=ast.Attribute(attr=name)):
            return name.lower().startswith(("assert", "raises", "fail"))
    return False


def _asserting(body: Sequence[ast.stmt]) -> set[str]:
    """The functions of a body that assert something, themselves or through each other."""
    defined = {part.name: part for part in body if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    imported = {name for part in body if isinstance(part, ast.ImportFrom) for name in syntax.bound([part])}
    found = {name for name in imported if name.lower().startswith(("assert", "raises"))}
    while True:
        more = {
            name
            for name, part in defined.items()
            if name not in found and any(_asserts(node, found) for node in ast.walk(part))
        }
        if not more:
            return found
        found |= more


def _starts(part: ast.stmt, tree: ast.Module) -> bool:
    """Whether a statement at the top does no more than start `check`, itself or through another function."""
    match part:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name == _CHECK or _CHECK in _reached(name, tree)
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def _reached(name: str, tree: ast.Module) -> Iterator[str]:
    function = syntax.functions(tree).get(name)
    return iter(()) if function is None or name == _CHECK else syntax.called(function)


def _without_starts(tree: ast.Module, source: str) -> str:
    kept = [part for part in tree.body if not _starts(part, tree)]
    return source if len(kept) == len(tree.body) else _text(kept)


def _call(function: str, argument: str) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [ast.Name(argument, ast.Load())], [])


def _text(body: Sequence[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(list(body), [])))
