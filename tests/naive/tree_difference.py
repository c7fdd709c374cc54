"""Counts the places in which two syntax trees differ, one node at a time."""

import ast


def differences(own: object, other: object) -> int:
    """Places at which the trees part; a list whose items are in another order is one place."""
    if isinstance(own, list) and isinstance(other, list):
        if len(own) != len(other) or sorted(map(_dump, own)) == sorted(map(_dump, other)):
            return int(list(map(_dump, own)) != list(map(_dump, other)))
        return sum(differences(*pair) for pair in zip(own, other, strict=True))
    if isinstance(own, ast.AST) and type(own) is type(other):
        return sum(differences(getattr(own, field, None), getattr(other, field, None)) for field in own._fields)
    return int(type(own) is not type(other) or own != other)


def _dump(node: object) -> str:
    return ast.dump(node) if isinstance(node, ast.AST) else repr(node)
