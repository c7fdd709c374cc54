"""The tests of a task as text: for people, for a model to read, and to tell new ones from old ones."""

import ast
from collections.abc import Iterator
from typing import Final

from stages.programs.syntax import parse
from stages.programs.task import Task
from stages.sandbox.frames import Value
from stages.sandbox.jobs import Case, DataTests, SplitTests, StdioCase, StdioTests, SuiteTests
from stages.verify_code.forms import oracle_calls
from stages.verify_code.proposals import Proposal, call_text, stdin_text

_LONGEST_VALUE: Final = 500
"""Characters of an expected value that a test's text shows."""


def text_of(proposal: Proposal) -> str:
    """A test for people: what is called, and what it gives."""
    match proposal.content:
        case Case(expected=expected):
            return f"{proposal.text} == {_short(expected)}"
        case StdioCase(expected=expected):
            return f"{proposal.text} -> stdout {_short(expected)}"
        case source:
            return proposal.text if source.startswith("_verify(") else source


def shown_tests(task: Task) -> list[str]:
    """The tests of a task as text for a model."""
    match None if task.suite is None else task.suite.tests:
        case DataTests(cases=cases):
            return [f"{_text(task, case)} == {_short(case.expected)}" for case in cases]
        case StdioTests(cases=cases):
            return [f"{stdin_text(case.stdin)} -> stdout {_short(case.expected)}" for case in cases]
        case SplitTests(cases=cases, setup=setup):
            calls = [call_text(task.entry_point or "", given) for given, _ in oracle_calls(task)]
            return calls or [*([setup] if setup else []), *cases]
        case SuiteTests(source=source):
            return [source]
    return []


def existing_texts(task: Task) -> set[str]:
    """The tests of a task in the form of a proposal's text, as far as they have one."""
    match None if task.suite is None else task.suite.tests:
        case DataTests(cases=cases):
            return {_text(task, case) for case in cases}
        case StdioTests(cases=cases):
            return {stdin_text(case.stdin) for case in cases}
        case SplitTests(cases=cases):
            calls = {call_text(task.entry_point or "", given) for given, _ in oracle_calls(task)}
            return calls | {text for case in cases for text in _texts_in(case, task.entry_point or "")}
    return set()


def _texts_in(case: str, entry_point: str) -> Iterator[str]:
    tree = parse(case)
    if tree is None:
        return
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Assert):
        yield ast.unparse(tree)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in (entry_point, "candidate")
        ):
            yield ast.unparse(ast.Call(ast.Name(entry_point), node.args, node.keywords))


def _text(task: Task, case: Case) -> str:
    try:
        return call_text(task.entry_point or "", case.args, case.kwargs)
    except ValueError:  # a number of more digits than Python writes
        return f"{task.entry_point}(...)"


def _short(value: Value) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "..."
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
