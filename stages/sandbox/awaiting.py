"""How tests that are coroutines are run, and whether tests await what they call."""

import ast
import inspect
from collections.abc import Iterable
from typing import Final

from stages.sandbox.frames import Value
from stages.sandbox.nodes import nodes_of
from stages.sandbox.outcomes import Failed

_MODULE: Final = "asyncio"


def settle(result: Value) -> None:
    """Await what a test returns; raises Failed for any other value than None, by which a test says nothing."""
    if inspect.isawaitable(result):
        import asyncio

        result = asyncio.run(_wait(result))
    if result is not None:
        raise Failed(f"the test returns a value of type {type(result).__name__}, which nobody looks at. Use assert.")


def tests_await(sources: Iterable[str]) -> bool:
    """Whether code awaits something, or hands something to asyncio: it then expects coroutines of coroutine functions.

    Code that does neither compares results directly, and gets them awaited.
    """
    return any(_awaits(source) for source in sources if "await" in source or _MODULE in source)


def _awaits(source: str) -> bool:
    for node in nodes_of(source):
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == _MODULE:
            return True
        if isinstance(node, ast.Name) and node.id == _MODULE:
            return True
        if isinstance(node, ast.alias) and node.name == _MODULE and node.asname is not None:
            return True
    return False


async def _wait(awaitable: Value) -> Value:
    return await awaitable
