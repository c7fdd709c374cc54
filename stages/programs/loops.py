"""Loops over cases that are written out, as one loop an iteration: HumanEval+ and MBPP+ on the hub test so.

    for i, (inp, exp) in enumerate(zip(inputs, results)): ...

becomes `for i, (inp, exp) in [(0, (..., ...))]: ...` and so on. Only what is plain data can be written out, and only
where nothing else reads the lists that it stands in.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Final

from stages.programs import syntax

_MOST: Final = 10_000
_PLAIN: Final = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.unaryop, ast.Load)


def unrolled(body: Sequence[ast.stmt], is_test: Callable[[ast.stmt], bool]) -> list[ast.stmt]:
    """The body with the loops among its tests taken apart, and without the lists that only these loops read."""
    parts = list(body)
    for loop in [part for part in body if isinstance(part, ast.For) and is_test(part)]:
        names = syntax.read(loop.iter) - {"enumerate", "zip"}
        lists = {name: value for name in names if (value := _written_out(name, loop, parts)) is not None}
        items = _items(loop.iter, lists) if lists.keys() == names and not _breaks(loop) else None
        if items is None or len(items) > _MOST:
            continue
        place = parts.index(loop)
        parts[place : place + 1] = [_once(loop, item) for item in items]
        parts = [part for part in parts if not (syntax.bound([part]) & names and isinstance(part, ast.Assign))]
    return parts


def _written_out(name: str, loop: ast.For, parts: Sequence[ast.stmt]) -> list[ast.expr] | None:
    """The elements of the list of that name, where it is bound once and read by the head of this loop alone."""
    given = [part for part in parts if name in syntax.bound([part])]
    readers = [part for part in parts if part is not loop and name in syntax.read(part)]
    in_body = any(name in syntax.read(part) for part in loop.body)
    heads = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(loop.iter))
    match given:
        case [ast.Assign(targets=[ast.Name()], value=ast.List(elts=items) | ast.Tuple(elts=items))]:
            alone = not readers and not in_body and heads == 1 and parts.index(given[0]) < parts.index(loop)
            return items if alone and all(map(_is_plain, items)) else None
    return None


def _items(source: ast.expr, lists: dict[str, list[ast.expr]]) -> list[ast.expr] | None:
    """What a loop goes over, one expression an iteration; None where that cannot be told."""
    match source:
        case ast.Name(id=name):
            return lists[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return items if all(map(_is_plain, items)) else None
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner], keywords=[]):
            found = _items(inner, lists)
            return found and [_pair(ast.Constant(number), item) for number, item in enumerate(found)]
        case ast.Call(func=ast.Name(id="zip"), args=[*inners], keywords=[]):
            several = [_items(inner, lists) for inner in inners]
            if not several or None in several:
                return None
            return [_pair(*row) for row in zip(*(one for one in several if one is not None), strict=False)]
    return None


def _once(loop: ast.For, item: ast.expr) -> ast.For:
    return ast.For(loop.target, ast.List([item], ast.Load()), loop.body, [], lineno=loop.lineno)


def _pair(*items: ast.expr) -> ast.Tuple:
    return ast.Tuple(list(items), ast.Load())


def _breaks(loop: ast.For) -> bool:
    """Whether an iteration may end the loop, so that later ones are not reached."""
    return bool(loop.orelse) or any(isinstance(node, ast.Break) for part in loop.body for node in ast.walk(part))


def _is_plain(item: ast.expr) -> bool:
    return all(isinstance(node, _PLAIN) for node in ast.walk(item))
