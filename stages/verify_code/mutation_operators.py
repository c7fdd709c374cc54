"""What a mutation operator changes in a syntax tree: ten operators, each a function from a node to edits.

An edit sets one field of one node, so that it can be applied to a tree and taken back. Which parts of a program may be
changed, and which of the edits are used, is decided in `mutants.py`.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeGuard


class Edit(NamedTuple):
    """Set `holder.field` to `value`. People are shown the texts of `before`, and of `after` once it is applied."""

    operator: str
    line: int
    holder: ast.AST
    field: str
    value: object
    before: ast.AST
    after: ast.AST


class Place(NamedTuple):
    """A node with its parent, the line of its statement, and how often each name is bound in the program."""

    node: ast.AST
    parent: ast.AST
    line: int
    bindings: Counter[str]


Change = tuple[ast.AST, str, object, ast.AST]
"""Holder, field, value, and the node to show."""


def edits(place: Place) -> Iterator[Edit]:
    """All edits of all operators at one node."""
    for name, operator in OPERATORS.items():
        for holder, field, value, shown in operator(place):
            # A dropped statement has no text of its own in which to show what became of it.
            after = ast.Pass() if name == "statement" else shown
            yield Edit(name, getattr(place.node, "lineno", place.line), holder, field, value, shown, after)


def _arithmetic(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _replaced(place, node.operand)
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
        if not any(map(_is_sequence, operands)):
            yield from ((node, "op", other(), node) for other in _OTHER_ARITHMETIC.get(type(node.op), ()))


def _comparison(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            for other in _OTHER_COMPARISON[type(operator)]:
                yield node, "ops", _with(node.ops, number, other()), node


def _boolean(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.BoolOp):
        yield node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And(), node
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _replaced(place, node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, "value", not node.value, place.parent


def _constant(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield node, "value", node.value + 1, place.parent
        yield node, "value", node.value - 1, place.parent


def _bounds(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.Slice):
        yield from _slice(node, place.parent)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        for number, bound in enumerate(node.args[:2]):
            if not isinstance(bound, ast.Starred) and not _ends_in_number(bound):
                for shift in (ast.Add(), ast.Sub()):
                    yield node, "args", _with(node.args, number, _shifted(bound, shift)), node


def _slice(node: ast.Slice, shown: ast.AST) -> Iterator[Change]:
    if node.step is not None:
        yield node, "step", None, shown
        return
    absent: dict[str, ast.expr] = {"lower": ast.Constant(1), "upper": ast.UnaryOp(ast.USub(), ast.Constant(1))}
    for field, value in absent.items():
        bound = getattr(node, field)
        yield node, field, value if bound is None else None, shown
        if bound is not None and not _ends_in_number(bound):
            yield node, field, _shifted(bound, ast.Add()), shown


def _condition(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        if not _has_opposite(node.test):
            yield node, "test", ast.UnaryOp(ast.Not(), node.test), node
    elif isinstance(node, ast.comprehension):
        for number, test in enumerate(node.ifs):
            if not _has_opposite(test):
                yield node, "ifs", _with(node.ifs, number, ast.UnaryOp(ast.Not(), test)), node


def _statement(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.stmt) and _can_be_dropped(node, place.bindings):
        holder, field, value, _ = _replaced(place, ast.Pass())
        yield holder, field, value, node


def _arguments(place: Place) -> Iterator[Change]:
    node = place.node
    if not isinstance(node, ast.Call) or any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called in _SYMMETRIC | _OF_TWO_KINDS:
        return
    for number in range(len(node.args) - 1):
        swapped = [*node.args[:number], node.args[number + 1], node.args[number], *node.args[number + 2 :]]
        yield node, "args", swapped, node


def _return(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.Return) and node.value is not None:
        is_truth = isinstance(node.value, ast.Compare | ast.BoolOp)
        if not _has_opposite(node.value):
            yield node, "value", ast.UnaryOp(ast.Not(), node.value) if is_truth else ast.Constant(None), node


def _string(place: Place) -> Iterator[Change]:
    node = place.node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node, "value", node.value[:-1] if node.value else " ", place.parent


OPERATORS: Final[dict[str, Callable[[Place], Iterator[Change]]]] = {
    "arithmetic": _arithmetic,
    "comparison": _comparison,
    "boolean": _boolean,
    "constant": _constant,
    "bounds": _bounds,
    "condition": _condition,
    "statement": _statement,
    "arguments": _arguments,
    "return": _return,
    "string": _string,
}

_OTHER_ARITHMETIC: Final[dict[type[ast.operator], tuple[type[ast.operator], ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv, ast.Mult),
    ast.Pow: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
}
_OTHER_COMPARISON: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SYMMETRIC: Final = frozenset({"max", "min", "gcd", "lcm", "hypot"})
"""Functions that do not mind the order of their arguments: every such mutant would be equivalent."""
_OF_TWO_KINDS: Final = frozenset({"isinstance", "issubclass", "map", "filter", "reduce", "getattr", "hasattr"})
"""Functions whose arguments are of different kinds: every such mutant would raise a TypeError."""
_DROPPED: Final = (ast.If, ast.AugAssign, ast.Raise, ast.Break, ast.Continue, ast.Delete, ast.Assert)


def _can_be_dropped(node: ast.stmt, bindings: Counter[str]) -> bool:
    """Whether the program can go on without it: not where it is what gives a name its only value."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        bound = [one.id for target in node.targets for one in ast.walk(target) if _is_stored(one)]
        return all(bindings[name] > 1 for name in bound)
    return isinstance(node, _DROPPED)


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _ends_in_number(bound: ast.expr) -> bool:
    """Whether a bound is a number or `n + 1`: then the operator of constants shifts it."""
    return _is_number(bound.right if isinstance(bound, ast.BinOp) else bound)


def _is_sequence(node: ast.expr) -> bool:
    """Whether an operand is a text or a list as it stands: arithmetic other than its own only raises a TypeError."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp)


def _has_opposite(test: ast.expr) -> bool:
    """Whether another operator already gives the negation: that of comparisons, or that of `not`."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not)
    opposite = ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], opposite)


def _shifted(bound: ast.expr, operator: ast.operator) -> ast.expr:
    return ast.BinOp(bound, operator, ast.Constant(1))


def _with(items: Sequence[Any], number: int, item: object) -> list[object]:
    return [*items[:number], item, *items[number + 1 :]]


def _replaced(place: Place, new: ast.AST) -> Change:
    """Put another node in the place of this one."""
    node, parent = place.node, place.parent
    for field, value in ast.iter_fields(parent):
        if value is node:
            return parent, field, new, parent
        if isinstance(value, list):
            for number, item in enumerate(value):
                if item is node:
                    return parent, field, _with(value, number, new), parent
    raise AssertionError("a node is not among the fields of its parent")
