"""Which function of a solution the tests call, where a row does not say so."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final

from stages.programs import syntax
from stages.programs.answers import Stub

_NOT_SOLUTIONS: Final = frozenset(
    {
        *("hypothesis", "matplotlib", "mock", "networkx", "numpy", "pandas", "parameterized", "pytest", "requests"),
        *("scipy", "sklearn", "sympy", "torch"),
    }
)
_CANDIDATE: Final = "candidate"


def of_row(name: str) -> str:
    """The name that a column gives; `Solution().method`, as some LeetCode rows have it, is that of the method."""
    found = re.fullmatch(r"Solution\(\)\.(\w+)", name.strip())
    return found[1] if found else name.strip()


def of_tests(trees: Iterable[ast.Module], setup: ast.Module | None, given: Stub | None) -> str | None:
    """The function that assertions call most often, the first of those; one that the prompt defines before others."""
    trees = list(trees)
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="check"), args=[ast.Name(id=name)]) if name != _CANDIDATE:
                    return name
    if given is not None and any(_CANDIDATE in _names(tree) for tree in trees):
        return last_function(given.tree)
    known = {name for tree in [*trees, *([setup] if setup else [])] for name in syntax.bound(tree.body)}
    known |= syntax.BUILTINS | {_CANDIDATE, "check"}
    counts = Counter(name for tree in trees for name in syntax.called(tree) if name not in known | _arguments(tree))
    offered = syntax.functions(given.tree) if given is not None else {}
    best = [name for name in counts if name in offered] or list(counts)
    return max(best, key=counts.__getitem__) if best else None


def of_suite(tree: ast.Module) -> tuple[str | None, tuple[str, ...]]:
    """The first name that a suite imports from a solution, and the modules that it imports it from."""
    modules: dict[str, None] = {}
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and is_solution(node.module):
            modules[node.module] = None
            names += [alias.name for alias in node.names if alias.name != "*"]
        elif isinstance(node, ast.Import):
            modules |= {alias.name: None for alias in node.names if is_solution(alias.name)}
    if not names:
        imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        shown = {alias.asname or alias.name for alias in imports if alias.name in modules}
        names = [
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in shown
        ]
    return (names[0] if names else None), tuple(modules)


def last_function(tree: ast.Module) -> str | None:
    """The last function at the top of a module, else the last method of its class Solution."""
    names = [*syntax.functions(tree)]
    if not names:
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Solution"]
        names = [part.name for node in classes for part in node.body if isinstance(part, ast.FunctionDef)]
    return names[-1] if names else None


def is_solution(module: str) -> bool:
    """Whether a module that tests import is the solution: neither of the standard library nor a known package."""
    top = module.split(".")[0]
    return top not in sys.stdlib_module_names and top not in _NOT_SOLUTIONS


def _names(tree: ast.AST) -> set[str]:
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return arguments | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _arguments(tree: ast.Module) -> set[str]:
    """Every name that is bound somewhere below the top."""
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {
        name for node in ast.walk(tree) if isinstance(node, ast.stmt) for name in syntax.bound([node])
    }
