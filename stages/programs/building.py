"""From the tests of a row, sorted by kind, to a suite that the sandbox runs."""

import ast
import textwrap
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from stages.core.errors import DataError
from stages.programs import can_fail, lone_comparisons, syntax
from stages.programs.answers import Stub
from stages.programs.bad_row import BadRow, bad_row
from stages.programs.forms_values import inputs_only
from stages.programs.material import UNKNOWN, Calls, Code, Inputs, Material, Scripts, Snippets, numbers
from stages.programs.oracle import oracle_tests
from stages.programs.reading_options import ReadingOptions
from stages.programs.styles import LONGEST, names_wanted, parsed, read_code
from stages.programs.task import Suite
from stages.sandbox import frames
from stages.sandbox.jobs import (
    Case,
    DataTests,
    InProcessTests,
    SplitTests,
    StdioTests,
    SuiteTests,
    Tests,
)

_MODES: Final = {DataTests: "data", SplitTests: "split", SuiteTests: "suite", StdioTests: "stdio"}


@dataclass(frozen=True, kw_only=True)
class Around:
    """What else of the row tests depend on: `given` is the code in the prompt, `checker` that of a custom checker."""

    entry_point: str | None
    given: Stub | None
    reference: str | None
    checker: str | None
    options: ReadingOptions


def suite_of(material: Material, column: str, around: Around) -> Suite:
    """The suite of these tests, which stand in `column`; raises BadRow."""
    match material:
        case Calls():
            suite = _calls(material, column, around)
        case Inputs():
            suite = _inputs(material, column, around)
        case Scripts():
            suite = _scripts(material, column, around)
        case Snippets():
            suite = _snippets(material, column, around)
        case Code():
            suite = _code(material, column, around)
    return _in_mode(suite, column, around.options.mode)


def as_code(snippets: Snippets) -> Code | None:
    """Snippets as one text, where they are not tests of their own: they define tests, or names for each other."""
    trees = [syntax.parse(text, LONGEST) for text in snippets.texts]
    if any(tree is not None and syntax.bound(tree.body) for tree in trees):
        return Code(source="\n".join(snippets.texts), setup=snippets.setup)
    return None


def _calls(material: Calls, column: str, around: Around) -> Suite:
    options = around.options
    given = inputs_only(material, atol=options.atol, rtol=options.rtol)
    if given is not None and material.calls:
        return _inputs(given, column, around)
    lacking = next((place for place, call in enumerate(material.calls) if call.expected is UNKNOWN), None)
    if lacking is not None:
        raise bad_row("bad_tests", column, f"test {lacking} of field {column!r} says nothing of what is expected.")
    _entry_point(column, around)
    compare, rtol, atol = options.compare, options.rtol, options.atol
    if material.tuples_as_lists and compare == "python":
        compare, rtol, atol = "approx", 0.0, 0.0
    cases = tuple(Case(args=call.args, expected=call.expected, kwargs=call.kwargs) for call in material.calls)
    tests = DataTests(cases=cases, compare=compare, rtol=rtol, atol=atol)
    try:
        for call in tests.calls:
            frames.pack(["c", 0, "", *call])
    except (DataError, frames.ProtocolError) as error:
        raise bad_row(
            "bad_tests", column, f"a test of field {column!r} cannot be given to a program: {error}"
        ) from None
    return Suite(tests=tests, names=material.names)


def _inputs(material: Inputs, column: str, around: Around) -> Suite:
    if around.reference is None:
        raise bad_row(
            "no_reference",
            column,
            f"field {column!r} has inputs without results; a field 'reference' or 'canonical_solution' must tell them.",
        )
    suite = oracle_tests(
        around.reference,
        _entry_point(column, around),
        material.inputs,
        atol=material.atol,
        rtol=material.rtol,
        compare=around.options.compare,
        oracle=material.oracle,
        names=material.names,
    )
    _refuse_long(suite.tests, column)
    return suite


def _scripts(material: Scripts, column: str, around: Around) -> Suite:
    options = around.options
    if around.checker is not None:
        tree = parsed(around.checker, "checker")
        if "check" not in syntax.bound(tree.body):
            raise bad_row("bad_checker", "checker", "field 'checker' must define check(input, output, expected).")
    silent = next((place for place, case in enumerate(material.cases) if not case.expected.strip()), None)
    if silent is not None and around.checker is None:
        raise bad_row(
            "bad_tests",
            column,
            f"test {silent} of field {column!r} expects no output at all, which any silent program gives; "
            "remove or complete it.",
        )
    tests = StdioTests(
        cases=material.cases,
        compare=options.compare_output,
        rtol=options.rtol,
        atol=options.atol,
        checker=around.checker,
    )
    return Suite(tests=tests, names=material.names)


def _snippets(material: Snippets, column: str, around: Around) -> Suite:
    if (code := as_code(material)) is not None:
        return _code(code, column, around)
    texts = [textwrap.dedent(text) for text in material.texts]
    trees = [parsed(text, column, f"test {place}") for place, text in enumerate(texts)]
    entry_point = _entry_point(column, around)
    setup = parsed(material.setup, "test_setup_code").body if material.setup else []
    for place, tree in enumerate(trees):
        if lone_comparisons.asserted(tree, entry_point):
            texts[place] = ast.unparse(tree)
        if tree.body and (lack := can_fail.lacking(tree.body, setup, entry_point)) is not None:
            raise _cannot_fail(column, str(place), lack)
    tests = SplitTests(
        cases=tuple(texts), setup=_joined(_auxiliary(names_wanted(trees), around, entry_point), material.setup)
    )
    _refuse_long(tests, column)
    return Suite(tests=tests, names=material.names)


def _code(material: Code, column: str, around: Around) -> Suite:
    source = textwrap.dedent(material.source)
    if material.setup:
        parsed(material.setup, "test_setup_code")
    styled = read_code(source, column, around.entry_point or "")
    entry_point = _entry_point(column, around)
    if styled.idle is not None:
        raise _cannot_fail(column, *styled.idle)
    before = _joined(_auxiliary(styled.wanted, around, entry_point), material.setup)
    tests: SplitTests | SuiteTests
    if styled.suite is not None:
        tests = SuiteTests(source=_joined(before, styled.suite), modules=styled.modules)
    else:
        tests = SplitTests(cases=styled.cases, setup=_joined(before, styled.setup))
    _refuse_long(tests, column)
    return Suite(tests=tests, names=numbers(len(styled.cases)))


def _auxiliary(wanted: AbstractSet[str], around: Around, entry_point: str) -> str:
    """What the prompt's code has beside the entry point, where the tests read a name of it (HumanEval/32, 38, 50)."""
    if around.given is None:
        return ""
    parts = [
        part for part in around.given.tree.body if not (isinstance(part, syntax.Function) and part.name == entry_point)
    ]
    return ast.unparse(ast.Module(parts, [])) if wanted & syntax.bound(parts) else ""


def _in_mode(suite: Suite, column: str, mode: str) -> Suite:
    own = _MODES[type(suite.tests)]
    if mode in ("auto", own):
        return suite
    if mode == "inproc" and isinstance(suite.tests, (SplitTests, SuiteTests)):
        return Suite(tests=InProcessTests(tests=suite.tests), names=suite.names)
    raise bad_row(
        "bad_mode", column, f"the tests of field {column!r} are for mode {own}; they cannot be run in mode {mode}."
    )


def _entry_point(column: str, around: Around) -> str:
    if around.entry_point is None:
        raise bad_row(
            "no_entry_point",
            "entry_point",
            f"the tests of field {column!r} do not say which function they call; name it in a field 'entry_point'.",
        )
    return around.entry_point


def _cannot_fail(column: str, test: str, lack: str) -> BadRow:
    error = f"test {test} of field {column!r} passes with any program: {lack}; complete it or leave it out."
    return bad_row("test_without_check", column, error)


def _joined(*texts: str) -> str:
    return "\n".join(text for text in texts if text.strip())


def _refuse_long(tests: Tests, column: str) -> None:
    """Tests that are code cross to the tester in one frame."""
    texts = [tests.source] if isinstance(tests, SuiteTests) else []
    texts += [tests.setup, *tests.cases] if isinstance(tests, SplitTests) else []
    if sum(map(len, texts)) > LONGEST // 6:
        try:
            frames.pack(["split", *texts])
        except frames.ProtocolError as error:
            text = f"the tests of field {column!r} are too long: {error}; shorten them."
            raise bad_row("bad_tests", column, text) from None
