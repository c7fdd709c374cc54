"""Which tests a unittest or pytest style suite holds, each as a name and a function that runs it.

Of pytest it knows what suites over functions use: test functions and Test classes, parametrize, fixtures without
scope, skip and expected failure (`pytest_stand_in.py`). The order is that of definition, so that a suite can go on in
another process after the first one has died in the middle.
"""

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator

from stages.sandbox.frames import Value
from stages.sandbox.pytest_stand_in import Marks, Skipped, marks_of

Test = tuple[str, Callable[[], object]]


def collect(names: dict[str, Value]) -> list[Test]:
    """Every test among the global names of an executed suite."""
    tests: list[Test] = []
    for name, value in list(names.items()):
        if isinstance(value, type) and "unittest" in sys.modules and issubclass(value, unittest().TestCase):
            tests += _unittests(value)
        elif isinstance(value, type) and name.startswith("Test"):
            tests += _methods(value, names)
        elif inspect.isfunction(value) and name.startswith("test"):
            tests += _expanded(name, value, names)
    return tests


def unittest() -> Value:
    """The module, which is loaded by suites that use it and by no other process."""
    return sys.modules["unittest"]


def _unittests(case: Value) -> Iterator[Test]:
    for name in unittest().TestLoader().getTestCaseNames(case):
        yield f"{case.__name__}.{name}", lambda name=name: _run_unittest(case(name))  # type: ignore[misc]


def _run_unittest(test: Value) -> None:
    result = unittest().TestResult()
    unittest().TestSuite([test]).run(result)
    if result.failures:
        raise AssertionError(result.failures[0][1].strip().splitlines()[-1])
    if result.errors:
        raise RuntimeError(result.errors[0][1].strip().splitlines()[-1])
    if result.unexpectedSuccesses:
        raise AssertionError("passes, though it is expected to fail")


def _methods(case: type, names: dict[str, Value]) -> Iterator[Test]:
    for name, function in vars(case).items():
        if name.startswith("test") and inspect.isfunction(function):
            yield from _expanded(f"{case.__name__}.{name}", function, names, case)


def _expanded(
    name: str, function: Callable[..., object], names: dict[str, Value], case: type | None = None
) -> list[Test]:
    """A test function once for each combination of its parameters."""
    marks = marks_of(function)
    if not marks.parameters:
        return [(name, lambda: _run(function, {}, names, marks, case))]
    combinations = itertools.product(*reversed(marks.parameters))
    return [
        (f"{name}[{number}]", lambda chosen=chosen: _run(function, _merged(chosen), names, marks, case))  # type: ignore[misc]
        for number, chosen in enumerate(combinations)
    ]


def _merged(chosen: tuple[dict[str, Value], ...]) -> dict[str, Value]:
    return {name: value for part in chosen for name, value in part.items()}


def _run(
    function: Callable[..., object], given: dict[str, Value], names: dict[str, Value], marks: Marks, case: type | None
) -> None:
    if marks.skip:
        return
    try:
        with _Fixtures(names, case) as fixtures:
            values = {name: given.get(name, fixtures) for name in _wanted(function)}
            values = {name: fixtures.value(name) if value is fixtures else value for name, value in values.items()}
            function(*fixtures.instance, **values)
    except Skipped:
        return
    except Exception:
        if marks.fails:
            return
        raise
    if marks.fails and marks.strict:
        raise AssertionError("passes, though it is expected to fail")


class _Fixtures:
    """The fixtures of one test: made when asked for, undone in reverse order."""

    def __init__(self, names: dict[str, Value], case: type | None) -> None:
        self._names = names
        self._made: dict[str, Value] = {}
        self._to_finish: list[Iterator[Value]] = []
        self.instance: tuple[Value, ...] = () if case is None else (case(),)

    def __enter__(self) -> "_Fixtures":
        self._call("setup_method")
        return self

    def __exit__(self, *_: object) -> None:
        for generator in reversed(self._to_finish):
            next(generator, None)
        self._call("teardown_method")

    def value(self, name: str) -> Value:
        """What the fixture of that name gives."""
        if name not in self._made:
            fixture = self._names.get(name)
            if fixture is None or not marks_of(fixture).fixture:
                raise LookupError(f"fixture {name!r} is not defined")
            made = fixture(**{needed: self.value(needed) for needed in _wanted(fixture)})
            if inspect.isgenerator(made):
                self._to_finish.append(made)
                made = next(made)
            self._made[name] = made
        return self._made[name]

    def _call(self, name: str) -> None:
        if self.instance and hasattr(self.instance[0], name):
            method = getattr(self.instance[0], name)
            method(*([None] * len(inspect.signature(method).parameters)))


def _wanted(function: Callable[..., object]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.name != "self" and one.default is one.empty]
