"""Mutants of a program: copies that differ from it in one small place, by which the strength of tests is measured.

Only what the entry point reaches is changed, not docstrings, annotations, decorators or imports. What an operator
changes is in `mutation_operators.py`; whether tests notice is found out in `measuring.py`.
"""

import ast
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from stages.verify_code.mutation_operators import Edit, Place, edits

_TEXT: Final = 100
_NOT_ENTERED: Final = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_NOT_CODE: Final = frozenset({"annotation", "returns", "decorator_list", "format_spec"})


class Mutant(NamedTuple):
    """A changed program: the operator's name, the line of the original, and the change as "a < b -> a <= b"."""

    source: str
    operator: str
    line: int
    change: str


def mutants(source: str, *, entry_point: str | None, most: int, seed: int) -> tuple[Mutant, ...]:
    """At most `most` mutants of a program in the order of its text, each other than it and than the others.

    `entry_point`: the function whose reach is mutated; None for a script, all of which is. Where there are more, a
    sample is drawn with `seed` in turn from the operators, and within an operator from the lines. Raises SyntaxError
    for a program that does not parse. Operators: the usual ones of mutation testing; the choice is ours.
    """
    with warnings.catch_warnings():
        # A mutant may compare with a literal by `is`, a docstring may hold an escape that is none.
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
        found = [edit for place in _places(tree, entry_point) for edit in edits(place)]
        # Written and read again, as the mutants are.
        seen = {ast.dump(ast.parse(ast.unparse(tree)))}
        chosen: list[tuple[int, Mutant]] = []
        for number in _spread(found, random.Random(seed)):
            if len(chosen) == most:
                break
            mutant = _applied(tree, found[number], seen)
            if mutant is not None:
                chosen.append((number, mutant))
    return tuple(mutant for _, mutant in sorted(chosen))


def _places(tree: ast.Module, entry_point: str | None) -> Iterator[Place]:
    """Every node that may be changed, with its parent, in the order of the text."""
    bound = (getattr(node, "id", getattr(node, "arg", None)) for node in ast.walk(tree) if _binds(node))
    bindings = Counter(name for name in bound if name is not None)
    tops = tree.body if entry_point is None else _reachable(tree, entry_point)
    for top in tops:
        yield from _inside(Place(top, tree, top.lineno, bindings))


def _inside(place: Place) -> Iterator[Place]:
    if isinstance(place.node, _NOT_ENTERED) or _is_docstring(place.node):
        return
    guard = _is_main_guard(place.node)
    if not guard:
        yield place
    for field, value in ast.iter_fields(place.node):
        if field in _NOT_CODE or (guard and field == "test"):
            continue
        children = value if isinstance(value, list) else [value]
        for child in children:
            if isinstance(child, ast.AST):
                line = getattr(child, "lineno", place.line)
                yield from _inside(Place(child, place.node, line, place.bindings))


def _reachable(tree: ast.Module, entry_point: str) -> list[ast.stmt]:
    """Statements of the module that the entry point needs: those that bind a name it mentions, and so on."""
    binders: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            binders[statement.name] = [statement]  # a later definition hides the earlier ones
        elif not _is_main_guard(statement):
            for name in _bound_in(statement):
                binders[name].append(statement)
    needed: list[ast.stmt] = []
    names, seen = [entry_point], {entry_point}
    while names:
        for statement in binders.get(names.pop(), ()):
            needed.append(statement)
            mentioned = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - seen
            seen |= mentioned
            names += sorted(mentioned)
    return [statement for statement in tree.body if any(statement is one for one in needed)]


def _bound_in(statement: ast.stmt) -> set[str]:
    """Names that a statement gives a value, or whose value it changes in place."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}
    return names


def _binds(node: ast.AST) -> bool:
    return isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _is_main_guard(node: ast.AST) -> bool:
    """Whether a statement is `if __name__ == ...`."""
    return isinstance(node, ast.If) and any(
        isinstance(one, ast.Name) and one.id == "__name__" for one in ast.walk(node.test)
    )


def _is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a constant: the first of a body documents it, and others do nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _spread(found: list[Edit], rng: random.Random) -> list[int]:
    """The numbers of the edits in the order in which they are tried: operators in turn, of each its lines in turn."""
    order = list(range(len(found)))
    rng.shuffle(order)
    lines: Counter[tuple[str, int]] = Counter()
    turns: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number in order:
        operator, line = found[number].operator, found[number].line
        turns[operator].append((lines[operator, line], number))
        lines[operator, line] += 1
    # Sorting is stable and each key is the turn alone, so that within a turn the order stays the drawn one.
    queues = [sorted(queue, key=lambda entry: entry[0]) for queue in turns.values()]
    longest = max(map(len, queues), default=0)
    return [queue[turn][1] for turn in range(longest) for queue in queues if turn < len(queue)]


def _applied(tree: ast.Module, edit: Edit, seen: set[str]) -> Mutant | None:
    """The mutant of an edit, None where it gives nothing new; the tree is left as it was."""
    before, old = _text(edit.before), getattr(edit.holder, edit.field)
    setattr(edit.holder, edit.field, edit.value)
    try:
        source, after = ast.unparse(tree), _text(edit.after)
        mutated = ast.parse(source)
        compile(mutated, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        # Python 3.11 cannot write every string inside an f-string, and a changed pattern may hide the next one.
        return None
    finally:
        setattr(edit.holder, edit.field, old)
    normal = ast.dump(mutated)
    if normal in seen:
        return None
    seen.add(normal)
    return Mutant(f"{source}\n", edit.operator, edit.line, f"{before} -> {after}")


def _text(node: ast.AST) -> str:
    """A node in one line: of a compound statement its head."""
    line = next(iter(ast.unparse(node).strip().splitlines()), "")
    return line if len(line) <= _TEXT else f"{line[:_TEXT]}..."
