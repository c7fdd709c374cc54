"""The parts of a test's code, for those who ask what it uses before it runs."""

import ast


def nodes_of(source: str) -> list[ast.AST]:
    """All nodes of the code; none where it does not parse, which whoever compiles it will say."""
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
