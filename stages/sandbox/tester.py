"""The tester's process: runs the tests against stubs, and reports each outcome as soon as it is known.

Frames in, on the report channel: ["split", setup, cases, first, entry], ["suite", source, first, entry, modules],
["inproc", program] before one of these, or ["checker", source, input, output, expected]. Frames out: ["names", names of
a suite's tests], ["load", status, detail] where the program does not load, ["bad", detail] where the tests themselves
do not, then ["ready"], for each test ["result", number, outcome, detail], and ["done"].
"""

import os
import sys
import types
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from stages.sandbox import frames, pytest_stand_in, suite, unittest_cases
from stages.sandbox.awaiting import tests_await
from stages.sandbox.codec import DEEP
from stages.sandbox.frames import Value
from stages.sandbox.outcomes import BadTests, Failed, SetUpFailed, Skipped
from stages.sandbox.solution import CHANNEL, Recursion, describe, load
from stages.sandbox.stub import Solution, SolutionGone

REPORT: Final = 4
CHECKER_RAISES: Final = "the checker raises "
_DETAIL: Final = 500
_T = TypeVar("_T")


def serve() -> None:
    """Hear what is to be tested, test it, and end."""
    orders = frames.Reader(REPORT)
    order = orders.receive()
    sys.setrecursionlimit(DEEP)
    names = fresh_names()
    solution = Solution(CHANNEL, names)
    try:
        if order[0] == "checker":
            _check(order[1:], names)
        elif order[0] == "inproc":
            _in_process(order[1], orders.receive(), names, solution)
        else:
            run_apart(order, names, solution)
    except BadTests as error:
        # A set-up that has called the program fails because of the program.
        if solution.calls and isinstance(error, SetUpFailed):
            frames.send(REPORT, ["load", "load_error", str(error)[:_DETAIL]])
        else:
            remedy = _remedy(error)
            frames.send(REPORT, ["bad", str(error)[: _DETAIL - len(remedy)] + remedy])
    except SolutionGone as gone:
        frames.send(REPORT, ["load", str(gone), ""])
    finally:
        os._exit(0)


def fresh_names() -> dict[str, Value]:
    """The global names in which tests run."""
    if "pytest" not in sys.modules:
        sys.modules["pytest"] = pytest_stand_in.module()
    # Dataclasses look their module up.
    module = sys.modules["__tests__"] = types.ModuleType("__tests__")
    module.__dict__["__builtins__"] = __builtins__
    return module.__dict__


def run_apart(order: frames.Frame, names: dict[str, Value], solution: Solution) -> None:
    """The usual way: the program runs elsewhere, and tests see stubs."""
    problem = solution.loaded()
    if problem is not None:
        frames.send(REPORT, ["load", *problem])
        return
    if order[0] == "suite" and (beyond := unittest_cases.beyond(order[1])) is not None:
        raise BadTests(f"the test suite uses {beyond}, but what a program warns or logs does not reach its tests")
    solution.awaits = tests_await([order[1], *order[2]] if order[0] == "split" else [order[1]])
    entry = order[4] if order[0] == "split" else order[3]
    if entry is None and order[0] == "split":
        raise BadTests("tests in code call the program's entry point, and none is named. Name it in the program")
    _run(order, names, solution, {} if entry is None else {entry: solution.stub(entry)}, solution.find)


def _in_process(program: str, order: frames.Frame, names: dict[str, Value], solution: Solution) -> None:
    """The flagged way: program and tests share this process, so the program can forge what is reported."""
    found, problem = load(program, "__solution__", Recursion(0))
    if problem is not None:
        frames.send(REPORT, ["load", *problem])
        return
    public = {name: value for name, value in found.items() if not name.startswith("__")}
    _run(order, names, solution, public, found.__getitem__)


def _run(
    order: frames.Frame,
    names: dict[str, Value],
    solution: Solution,
    entries: dict[str, Value],
    find: Callable[[str], Value],
) -> None:
    if order[0] == "split":
        _, setup, cases, first, entry = order
        tests = _cases(setup, cases, names, entries | {"candidate": entries.get(entry)})
    else:
        _, source, first, entry, modules = order
        _offer(modules, entries, find)
        names.update(entries)
        tests = _collected(source, names, solution)
        frames.send(REPORT, ["names", [name for name, _ in tests]])
    frames.send(REPORT, ["ready"])
    for number in range(first, len(tests)):
        outcome, detail = _outcome(tests[number][1], solution)
        frames.send(REPORT, ["result", number, outcome, detail[:_DETAIL]])
        if solution.gone is not None:
            return
    frames.send(REPORT, ["done"])


def _cases(setup: str, cases: Sequence[str], names: dict[str, Value], entries: dict[str, Value]) -> list[suite.Test]:
    """Each case as a function that runs it among its own copy of the names that the set-up leaves."""
    what = "the set-up of the tests"
    codes = [_compiled(case, f"test {number}") for number, case in enumerate(cases)]
    names.update(entries)
    _execute(_compiled(setup, what), what, names)
    # The set-up may contain the problem's text, which defines the entry point once more, without a body.
    names.update(entries)
    return [(str(number), partial(_execute_case, code, names)) for number, code in enumerate(codes)]


def _collected(source: str, names: dict[str, Value], solution: Solution) -> list[suite.Test]:
    what = "the test suite"
    code = _compiled(source, what)
    if (unknown := pytest_stand_in.missing(source)) is not None:
        raise BadTests(f"{what} uses pytest.{unknown}, which tests apart from the program do not have. Leave it out.")
    _execute(code, what, names)
    return _set_up(lambda: suite.collect(names, asked=lambda: solution.calls > 0), what)


def _execute_case(code: types.CodeType, names: dict[str, Value]) -> None:
    exec(code, dict(names))


def _outcome(test: Callable[[], object], solution: Solution) -> tuple[str, str]:
    """Run one test; the solution's faults outweigh what the test made of them."""
    solution.begin()
    outcome, detail = "pass", ""
    try:
        test()
    except (AssertionError, Failed) as error:
        outcome, detail = "fail", describe(error)
    except Skipped as error:
        outcome, detail = "not_run", str(error)
    except SolutionGone:
        pass
    except BaseException as error:  # noqa: BLE001  # a test may raise whatever it likes
        outcome, detail = "error", describe(error)
    if solution.gone is not None:
        return solution.gone, "the program's process ended" if solution.gone == "crash" else "a malformed answer"
    if solution.not_plain is not None:
        return "not_plain", solution.not_plain
    if solution.out_of_memory and outcome != "pass":
        return "memory", detail
    if outcome == "pass" and solution.ended_a_loop():
        return "error", "a StopIteration of the program ended a loop of the test"
    return outcome, detail


def _offer(modules: Sequence[str], entries: dict[str, Value], find: Callable[[str], Value]) -> None:
    """Make the solution importable under the names that suites import it by."""
    for name in modules:
        module = types.ModuleType(name)
        module.__dict__.update(entries)
        module.__dict__["__getattr__"] = _looker(find)
        sys.modules[name] = module


def _looker(find: Callable[[str], Value]) -> Callable[[str], Value]:
    def look(name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        return find(name)

    return look


def _check(question: list[str], names: dict[str, Value]) -> None:
    """Ask a custom checker, `check(input, output, expected)`, whether the output is right."""
    source, given, output, expected = question
    _execute(_compiled(source, "the checker"), "the checker", names)
    if not callable(names.get("check")):
        raise BadTests("the checker defines no function check(input, output, expected)")
    frames.send(REPORT, ["ready"])
    try:
        right = names["check"](given, output, expected)
        said = ["pass", ""] if right is True else ["fail", "the checker says no"]
    except MemoryError:
        said = ["memory", "out of memory"]
    except BaseException as error:  # noqa: BLE001  # likewise
        said = ["fail", (CHECKER_RAISES + describe(error))[:_DETAIL]]
    frames.send(REPORT, ["result", 0, *said])
    frames.send(REPORT, ["done"])


def _remedy(error: BadTests) -> str:
    if not isinstance(error, SetUpFailed):
        return ""
    if isinstance(error.__context__, ModuleNotFoundError):
        return ". Tests can import the standard library, numpy where it is installed, and the program"
    return ". Mend it, or leave these tests out"


def _compiled(source: str, what: str) -> types.CodeType:
    try:
        return compile(source, "<test>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTests(f"{what} does not parse: {describe(error)}") from None


def _execute(code: types.CodeType, what: str, names: dict[str, Value]) -> None:
    _set_up(lambda: exec(code, names), what)


def _set_up(step: Callable[[], _T], what: str) -> _T:
    try:
        return step()
    except (SolutionGone, BadTests):
        raise
    except BaseException as error:  # noqa: BLE001  # likewise
        raise SetUpFailed(f"{what} raises {describe(error)}") from None
