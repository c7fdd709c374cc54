"""Which tests a unittest or pytest style suite holds, each as a name and a function that runs it.

Test functions, Test classes and unittest's cases, each once for each set of its parameters; what they ask for is in
`fixtures.py` and set up by `staging.py`. The order is that of definition, so that a suite can go on in another process
after the first one has died in the middle. Tests that are skipped, or expected to fail, whatever the program, say
nothing about any program, and are no tests here.
"""

import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from stages.sandbox import fixtures, unittest_cases
from stages.sandbox.fixtures import CLASS, FUNCTION, MODULE, Fixture, Known
from stages.sandbox.frames import Value
from stages.sandbox.outcomes import BadTests
from stages.sandbox.pytest_marks import Mark, Parameters, left_out, marks_of, parameter_sets
from stages.sandbox.staging import Item, Stage

Test = tuple[str, Callable[[], object]]


def collect(names: dict[str, Value], *, asked: Callable[[], bool]) -> list[Test]:
    """Every test among the global names of an executed suite; raises BadTests for a suite that cannot be run.

    `asked`: whether the suite has called the program so far. Then the program may be why a test is left out, and the
    test stays, to be reported as not run.
    """
    place = _Place(
        names=names, module=sys.modules[names["__name__"]], known=fixtures.of_module(names), marks=marks_of(names)
    )
    items = list(_of(names, place))
    if not asked():
        items = [item for item in items if item.left_out is None]
    if not items:
        raise BadTests("the test suite holds no test that says something about a program")
    stage = Stage()
    following = [*items[1:], None]
    return [(one.name, partial(stage.run, one, _ends(one, after))) for one, after in zip(items, following, strict=True)]


def _ends(item: Item, after: Item | None) -> int:
    """The widest scope that ends between two tests."""
    if after is None:
        return MODULE
    return FUNCTION if item.case is not None and after.case is item.case else CLASS


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where tests stand: in the module, or in a class, whose name then begins theirs."""

    names: dict[str, Value]
    module: types.ModuleType
    known: Known
    marks: list[Mark]
    case: Value = None
    prefix: str = ""


def _of(found: dict[str, Value], place: _Place) -> Iterator[Item]:
    """The tests among names; what the suite imports is none of its tests."""
    for name, value in list(found.items()):
        if getattr(value, "__module__", None) != place.names["__name__"]:
            continue
        if isinstance(value, type):
            if unittest_cases.is_case(value):
                yield from _unittests(name, value, place)
            elif name.startswith("Test") and _is_plain(value):
                inner = _inside(name, value, place)
                yield from _of(_members(value), inner)
        elif name.startswith("test") and not fixtures.is_fixture(value):
            function = getattr(value, "__func__", value)
            if inspect.isfunction(function):
                yield from _expanded(place.prefix + name, name, function, place)


def _inside(name: str, case: Value, place: _Place) -> _Place:
    known = fixtures.of_class(case, place.known)
    marks = [*marks_of(case), *place.marks]
    prefix = f"{place.prefix}{name}."
    return _Place(names=place.names, module=place.module, known=known, marks=marks, case=case, prefix=prefix)


def _members(case: type) -> dict[str, Value]:
    """The attributes of a class with those of its bases first; a name that a class sets anew stands where it was."""
    return {name: value for base in reversed(case.__mro__[:-1]) for name, value in vars(base).items()}


def _is_plain(case: Value) -> bool:
    """Whether pytest would take a class for a collection of tests."""
    made = case.__init__ is object.__init__ and case.__new__ is object.__new__
    return made and getattr(case, "__test__", True) is not False


def _unittests(name: str, case: Value, place: _Place) -> Iterator[Item]:
    inner = _inside(name, case, place)
    for method in unittest_cases.names_of(case):
        function = getattr(case, method)
        _refuse_generator(inner.prefix + method, function)
        marks = [*marks_of(function), *inner.marks]
        yield Item(
            name=inner.prefix + method,
            call=lambda instance, _: unittest_cases.run(instance),
            asks=[],
            fixtures=fixtures.closure(_first(inner.known, marks), inner.known, set(), inner.prefix + method),
            known=inner.known,
            function=function,
            module=place.module,
            case=case,
            left_out=unittest_cases.left_out(case, function) or left_out(marks, place.names),
            make_instance=partial(case, method),
        )


def _expanded(title: str, name: str, function: Callable[..., object], place: _Place) -> Iterator[Item]:
    """A test function once for each combination of its parameters and of those of its fixtures."""
    _refuse_generator(title, function)
    marks = [*marks_of(function), *place.marks]
    held = place.case is not None and not isinstance(inspect.getattr_static(place.case, name), staticmethod)
    asks = fixtures.wanted(function, bound=held)
    given, runs = _parametrized(title, marks)
    used = fixtures.closure([*_first(place.known, marks), *asks], place.known, given, title)
    _refuse_unused(title, given | {key for run in runs for key in run.chosen}, asks, used)
    for one in used:
        if one.params is not None and not any(one.name in run.chosen for run in runs):
            runs = [run.having(one, number, row) for run in runs for number, row in enumerate(one.params)]
    several = len(runs) != 1 or bool(runs[0].given or runs[0].chosen)
    for number, run in enumerate(runs):
        yield Item(
            name=f"{title}[{number}]" if several else title,
            call=partial(_call, function, name if held else None),
            asks=asks,
            fixtures=used,
            known=place.known,
            function=function,
            module=place.module,
            case=place.case,
            given=run.given,
            chosen=run.chosen,
            left_out=unittest_cases.skipped(function) or left_out([*run.marks, *marks], place.names),
            make_instance=place.case or (lambda: None),
        )


def _call(function: Callable[..., object], method: str | None, instance: Value, values: dict[str, Value]) -> object:
    return function(**values) if method is None else getattr(instance, method)(**values)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One combination: values of parameters, and (number, value) of each fixture's parameter."""

    given: dict[str, Value]
    chosen: dict[str, tuple[int, Value]]
    marks: tuple[Mark, ...] = ()

    def having(self, one: Fixture, number: int, row: Parameters) -> "_Run":
        """The same, with a parameter for a fixture."""
        return _Run(
            given=self.given, chosen=self.chosen | {one.name: (number, row.values[0])}, marks=self.marks + row.marks
        )


def _parametrized(title: str, marks: list[Mark]) -> tuple[set[str], list[_Run]]:
    """The names that parameters take the place of, and all combinations; the decorator next to the test is first."""
    sets = [parameter_sets(mark, title) for mark in marks if mark.name == "parametrize"]
    runs = []
    for rows in itertools.product(*(list(enumerate(rows)) for _, rows, _ in sets)):
        given: dict[str, Value] = {}
        chosen: dict[str, tuple[int, Value]] = {}
        for (keys, _, indirect), (number, row) in zip(sets, rows, strict=True):
            for key, value in zip(keys, row.values, strict=True):
                if key in indirect:
                    chosen[key] = (number, value)
                else:
                    given[key] = value
        runs.append(_Run(given=given, chosen=chosen, marks=tuple(mark for _, row in rows for mark in row.marks)))
    return {key for keys, _, indirect in sets for key in keys if key not in indirect}, runs


def _first(known: Known, marks: list[Mark]) -> list[str]:
    """The fixtures that a test has without asking."""
    named = [name for mark in marks if mark.name == "usefixtures" for name in mark.args]
    return [*(name for name, one in known.items() if one.autouse), *named]


def _refuse_generator(title: str, function: object) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise BadTests(f"{title} is a generator: nobody runs what it holds. Remove its yield")


def _refuse_unused(title: str, given: set[str], asks: list[str], used: list[Fixture]) -> None:
    names = {*asks, *(one.name for one in used), *(need for one in used for need in one.needs)}
    for name in sorted(given - names):
        raise BadTests(f"{title} has parameters for {name!r}, which it does not take")
