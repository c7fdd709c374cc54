"""Which kind of tests a task can be given, and how proposals become tests that the sandbox runs. Runs nothing."""

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from stages.programs.task import Task
from stages.sandbox.frames import Value
from stages.sandbox.jobs import (
    Case,
    DataTests,
    InProcessTests,
    Program,
    SplitTests,
    StdioCase,
    StdioTests,
    Tests,
)
from stages.verify_code import close
from stages.verify_code.augment_prompt import Kind
from stages.verify_code.config import VerifyCodeConfig
from stages.verify_code.proposals import LARGEST, Proposal

IN_PROCESS: Final = "inproc"
NO_ENTRY_POINT: Final = "no_entry_point"

_ASKED_NAME: Final = "_result_and_arguments"
_ASKED: Final = """

def _result_and_arguments(*arguments):
    result = {entry}(*arguments)
    steps = hasattr(result, "__next__")
    return (list(result) if steps else result), arguments, steps
"""
_ORACLE: Final = re.compile(r"_verify\(candidate, (\(.*\)), '(\w+)'\)", re.DOTALL)
_CLOSE: Final = """{source}

def _same(own, right):
    return _rlbff_close(own, right, {rtol!r}, {atol!r})
"""


def why_not(task: Task) -> str | None:
    """Why no test can be proposed for a task: it is tried in process, or nothing says which function is called."""
    if task.suite is not None and isinstance(task.suite.tests, InProcessTests):
        return IN_PROCESS
    is_script = task.suite is not None and isinstance(task.suite.tests, StdioTests)
    return None if is_script or task.entry_point is not None else NO_ENTRY_POINT


def kind_of(task: Task, *, trusted: bool) -> Kind:
    """What a model is asked for; `trusted`: a reference says what is right."""
    if task.suite is not None and isinstance(task.suite.tests, StdioTests):
        return "stdin" if trusted else "runs"
    return "arguments" if trusted else "assertions"


def reference_program(task: Task, kind: Kind) -> Program:
    """The reference as it is asked for expected values: of a function also what it leaves in its arguments."""
    assert task.reference is not None
    if kind == "stdin":
        return Program(source=task.reference)
    return Program(source=task.reference + _ASKED.format(entry=task.entry_point), entry_point=_ASKED_NAME)


def completed(proposal: Proposal, value: Value, task: Task, config: VerifyCodeConfig) -> Proposal | None:
    """A proposed input with what `reference_program` gives for it.

    None where that is no Python literal, which a test could not hold, is larger than LARGEST, or is no output at all. A
    suite that compares with the reference in a way of its own (programs/oracle.py) gets tests of its own form.
    """
    if isinstance(proposal.content, StdioCase):
        text = str(value)
        case = StdioCase(stdin=proposal.content.stdin, expected=text)
        return proposal._replace(content=case) if text.strip() and len(text) <= LARGEST else None
    assert isinstance(proposal.content, Case)
    match value:
        case (result, tuple(left), bool(steps)) if _is_literal(result) and _is_literal(left):
            pass
        case _:
            return None
    arguments = proposal.content.args
    if _own_comparison(task, config) is not None:
        return proposal._replace(content=Case(args=arguments, expected=result))
    if (oracle := oracle_of(task)) is not None:
        return proposal._replace(content=f"_verify(candidate, {arguments!r}, {oracle!r})")
    return proposal._replace(content=_as_code(task.entry_point or "", proposal, result, left, steps=steps))


def tests_of(contents: Sequence[Case | StdioCase | str], kind: Kind, task: Task, config: VerifyCodeConfig) -> Tests:
    """Tests of one kind, with expected values, as one suite, a test each in order."""
    given = None if task.suite is None else task.suite.tests
    if kind in ("stdin", "runs"):
        assert isinstance(given, StdioTests)
        return replace(given, cases=tuple(one for one in contents if isinstance(one, StdioCase)))
    own = _own_comparison(task, config)
    if kind == "arguments" and own is not None:
        return replace(own, cases=tuple(one for one in contents if isinstance(one, Case)))
    setup = given.setup if isinstance(given, SplitTests) else ""
    if kind == "arguments" and oracle_of(task) is None:
        setup = _CLOSE.format(source=inspect.getsource(close), rtol=config.rtol, atol=config.atol)
    return SplitTests(setup=setup, cases=tuple(one for one in contents if isinstance(one, str)))


def oracle_of(task: Task) -> str | None:
    """The way of comparison of a suite that programs/oracle.py made, None for any other."""
    calls = oracle_calls(task)
    return calls[0][1] if calls else None


def oracle_calls(task: Task) -> list[tuple[tuple[Value, ...], str]]:
    """Arguments and way of comparison of each test of a suite that programs/oracle.py made; empty for any other."""
    tests = None if task.suite is None else task.suite.tests
    found = [_ORACLE.fullmatch(case) for case in tests.cases] if isinstance(tests, SplitTests) else []
    return [(ast.literal_eval(one[1]), one[2]) for one in found if one is not None and _is_tuple(one[1])]


def some_of(tests: Tests, chosen: Sequence[int]) -> Tests:
    """Some of the cases of a suite that `tests_of` made."""
    match tests:
        case DataTests():
            return replace(tests, cases=tuple(tests.cases[number] for number in chosen))
        case SplitTests():
            return replace(tests, cases=tuple(tests.cases[number] for number in chosen))
        case StdioTests():
            return replace(tests, cases=tuple(tests.cases[number] for number in chosen))
    raise AssertionError(tests)


def _own_comparison(task: Task, config: VerifyCodeConfig) -> DataTests | None:
    """The task's tests, or none at all, compared in the way that is asked for, if that is another than ==."""
    given = None if task.suite is None else task.suite.tests
    if isinstance(given, DataTests):
        return None if given.compare == "python" else given
    if config.compare == "python":
        return None
    return DataTests(cases=(), compare=config.compare, rtol=config.rtol, atol=config.atol)


def _as_code(entry_point: str, proposal: Proposal, result: Value, left: tuple[Value, ...], *, steps: bool) -> str:
    """A test as code. An iterator is read out (`steps`); arguments that the reference changes are looked at, too."""
    assert isinstance(proposal.content, Case)
    read_out = "list({})" if steps else "{}"
    arguments = proposal.content.args
    if repr(left) == repr(arguments):
        return _assert(read_out.format(proposal.text), result)
    called = _assert(read_out.format(f"{entry_point}(*_given)"), result)
    return "\n".join((f"_given = {list(arguments)!r}", called, _assert("_given", list(left))))


def _assert(what: str, value: Value) -> str:
    if _has_float(value):
        return f"assert _same({what}, {value!r})"
    return f"assert {what} is {value!r}" if value is None else f"assert {what} == {value!r}"


def _is_tuple(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), tuple)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def _is_literal(value: Value) -> bool:
    """Whether Python reads the value's text as a value again, and it is not too long."""
    try:
        text = repr(value)
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return len(text) <= LARGEST


def _has_float(value: Value) -> bool:
    if isinstance(value, float | complex):
        return True
    if isinstance(value, dict):
        return any(map(_has_float, value.values()))
    return isinstance(value, list | tuple | set | frozenset) and any(map(_has_float, value))
