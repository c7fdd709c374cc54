"""Runs a test with what it asks for: sets fixtures up, scope by scope, and undoes them in reverse.

Modules, classes and functions are set up when the first test needs them and undone after the last, so that a suite
that goes on in another process is set up there too.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Final

from stages.sandbox.awaiting import settle
from stages.sandbox.fixtures import CLASS, FUNCTION, MODULE, Fixture, Known
from stages.sandbox.frames import Value
from stages.sandbox.outcomes import Skipped

_NOTHING: Final = object()


@dataclass(kw_only=True)
class Item:
    """One run of one test. `given`: values of parameters; `chosen`: which parameter each fixture that has some gets.

    `call` gets the instance, or None, and the values by name. `case`: the class, `module`: the suite's.
    """

    name: str
    call: Callable[[Value, dict[str, Value]], Value]
    asks: list[str]
    fixtures: list[Fixture]
    known: Known
    function: Value
    module: Value
    case: Value = None
    given: dict[str, Value] = field(default_factory=dict)
    chosen: dict[str, tuple[int, Value]] = field(default_factory=dict)
    left_out: str | None = None
    instance: Value = None
    make_instance: Callable[[], Value] = lambda: None

    @property
    def cls(self) -> Value:
        """As pytest calls it."""
        return self.case


class Stage:
    """What is set up at the moment."""

    def __init__(self) -> None:
        self._made: tuple[dict[Value, Value], ...] = ({}, {}, {})
        self._undo: tuple[list[Callable[[], object]], ...] = ([], [], [])

    def run(self, item: Item, ends: int) -> None:
        """Run one test; what has the scope `ends` or a narrower one is undone after it. Raises what the test raises."""
        if item.left_out is not None:
            raise Skipped(item.left_out)
        try:
            try:
                item.instance = item.make_instance()
                made = {one.name: self._value(one, item) for one in item.fixtures}
                values = {"request": self._request(item)} | made | item.given
                settle(item.call(item.instance, {name: values[name] for name in item.asks}))
            finally:
                self._end(ends)
        except BaseException as error:
            if _is_unittests_skip(error):
                raise Skipped(f"skipped: {error}") from None
            raise

    def _value(self, one: Fixture, item: Item) -> Value:
        number, parameter = item.chosen.get(one.name, (0, _NOTHING))
        made = self._made[one.scope]
        key = (one, number)
        if key not in made:
            try:
                made[key] = (self._make(one, item, parameter), None)
            except BaseException as error:  # noqa: BLE001  # raised again for every test that needs it
                made[key] = (None, error)
        value, problem = made[key]
        if problem is not None:
            raise problem
        return value

    def _make(self, one: Fixture, item: Item, parameter: Value) -> Value:
        values = {name: self._needed(name, one, item, parameter) for name in one.needs}
        owner = [item.instance if one.scope == FUNCTION else item.case()] if one.bound else []
        value = one.make(*owner, **values)
        if inspect.isgenerator(value):
            generator, value = value, next(value)
            self._undo[one.scope].append(lambda: next(generator, None))
        return value

    def _needed(self, name: str, one: Fixture, item: Item, parameter: Value) -> Value:
        if name == "request":
            return self._request(item, one, parameter)
        if name in item.given:
            return item.given[name]
        if name == one.name:
            assert one.before is not None
            return self._value(one.before, item)
        return self._value(item.known[name], item)

    def _request(self, item: Item, one: Fixture | None = None, parameter: Value = _NOTHING) -> Value:
        scope = FUNCTION if one is None else one.scope
        request = SimpleNamespace(
            function=item.function,
            cls=item.case,
            instance=item.instance,
            module=item.module,
            node=SimpleNamespace(name=item.name.rpartition(".")[2], nodeid=item.name),
            fixturename=None if one is None else one.name,
            addfinalizer=self._undo[scope].append,
            getfixturevalue=lambda name: self._value(item.known[name], item),
        )
        setattr(request, "class", item.case)
        if parameter is not _NOTHING:
            request.param = parameter
        return request

    def _end(self, widest: int) -> None:
        """Undo everything up to a scope, whatever one of the steps raises; then raise the first error."""
        errors: list[BaseException] = []
        for scope in (FUNCTION, CLASS, MODULE)[: FUNCTION - widest + 1]:
            steps = self._undo[scope]
            while steps:
                try:
                    steps.pop()()
                except BaseException as error:  # noqa: BLE001  # the other steps are due too
                    errors.append(error)
            self._made[scope].clear()
        if errors:
            raise errors[0]


def _is_unittests_skip(error: BaseException) -> bool:
    return "unittest" in sys.modules and isinstance(error, sys.modules["unittest"].SkipTest)
