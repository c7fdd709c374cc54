"""Which programs may end otherwise when they are run again, and what several runs of one say together.

Suspects (specification of this stage, section 16; the list of names is ours): a test within a fifth of its time limit,
imports that bring chance or the clock, and sets or hashes, whose order follows PYTHONHASHSEED.
"""

import ast
from collections.abc import Sequence
from typing import Final, NamedTuple

from stages.programs.matrix import FLAKY
from stages.programs.syntax import parse
from stages.sandbox.verdict import CaseResult, Outcome, Verdict

_MODULES: Final = frozenset(
    {"random", "secrets", "uuid", "time", "datetime", "threading", "asyncio", "concurrent", "multiprocessing", "os"}
    | {"tempfile", "weakref", "gc", "numpy"}
)
_NAMES: Final = frozenset({"set", "frozenset", "hash", "id"})
_MOST_PARSED: Final = 1 << 18
_DIFFERS: Final = "runs of the program disagree"


class Result(NamedTuple):
    """One test over all runs: its name, the outcome of the first run or `flaky`, and why."""

    name: str
    outcome: str
    detail: str


def suspicious(source: str, verdict: Verdict) -> bool:
    """Whether a program that got as far as its tests may end otherwise when it is run again."""
    if not any(result.outcome is not Outcome.NOT_RUN for result in verdict.results):
        return False
    return verdict.usage.near_limit or (len(source) <= _MOST_PARSED and _depends_on_chance(source))


def together(runs: Sequence[Verdict]) -> list[Result]:
    """The tests of the first run; those that only some runs pass are flaky, and say nothing else."""
    first, *others = runs
    passed = [{result.test for result in run.results if result.outcome is Outcome.PASS} for run in others]
    return [_one(result, [result.test in names for names in passed]) for result in first.results]


def _one(result: CaseResult, others: list[bool]) -> Result:
    if any(passed != (result.outcome is Outcome.PASS) for passed in others):
        return Result(result.test, FLAKY, _DIFFERS)
    return Result(result.test, result.outcome.value, result.detail)


def _depends_on_chance(source: str) -> bool:
    tree = parse(source)
    return tree is not None and any(_is_suspect(node) for node in ast.walk(tree))


def _is_suspect(node: ast.AST) -> bool:
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.Name):
        return node.id in _NAMES
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in _MODULES
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] in _MODULES for alias in node.names)
