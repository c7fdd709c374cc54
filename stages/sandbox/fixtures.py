"""What tests ask for by name: the fixtures of a suite, what runs before and after modules, classes and functions.

Definitions only; `staging.py` sets them up and undoes them. What pytest offers beyond `_OFFERED` is refused by name:
most of it concerns the program's process, where the tests are not.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from stages.sandbox.frames import Value
from stages.sandbox.outcomes import BadTests
from stages.sandbox.pytest_marks import Parameters

MODULE: Final = 0
CLASS: Final = 1
FUNCTION: Final = 2
_SCOPES: Final = {"session": MODULE, "package": MODULE, "module": MODULE, "class": CLASS, "function": FUNCTION}


class FixtureMark(NamedTuple):
    """What `pytest.fixture` says of a function."""

    scope: Value
    params: tuple[Value, ...] | None
    autouse: bool
    name: str | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Fixture:
    """One definition. `bound`: `make` takes the test's instance first. `before`: the one of the same name it hides."""

    name: str
    make: Callable[..., Value]
    scope: int = FUNCTION
    params: tuple[Parameters, ...] | None = None
    autouse: bool = False
    bound: bool = False
    before: "Fixture | None" = None

    @property
    def needs(self) -> list[str]:
        """The names of the fixtures it asks for."""
        return wanted(self.make, bound=self.bound)


Known = dict[str, Fixture]


def fixture(
    function: Value = None,
    *,
    scope: Value = "function",
    params: Sequence[Value] | None = None,
    autouse: bool = False,
    ids: object = None,  # names of runs, which have numbers here
    name: str | None = None,
) -> Value:
    """`pytest.fixture`."""

    def mark(made: Value) -> Value:
        made.rlbff_fixture = FixtureMark(scope, None if params is None else tuple(params), autouse, name)
        return made

    return mark if function is None else mark(function)


def is_fixture(thing: object) -> bool:
    """Whether a function is marked as a fixture."""
    return isinstance(getattr(thing, "rlbff_fixture", None), FixtureMark)


def of_module(names: dict[str, Value]) -> Known:
    """The fixtures that all tests of a suite may use."""
    known = dict(_OFFERED)
    before, after = ("setUpModule", "setup_module"), ("tearDownModule", "teardown_module")
    _add(known, _around("module", MODULE, names.get, before, after))
    _add(known, _around("function", FUNCTION, names.get, ("setup_function",), ("teardown_function",)))
    for name, value in list(names.items()):
        if inspect.isfunction(value) and is_fixture(value):
            _add(known, _defined(name, value, bound=False))
    return known


def of_class(case: Value, known: Known) -> Known:
    """The same for the tests of one class, which may define more and does not use those of bare functions."""
    known = {name: one for name, one in known.items() if name not in _NARROW}
    if "unittest" in sys.modules and issubclass(case, sys.modules["unittest"].TestCase):
        _add(known, Fixture(name="_around_class", make=_unittest_class(case), scope=CLASS, autouse=True))
    else:
        find = _in_class(case)
        _add(known, _around("class", CLASS, find, ("setup_class",), ("teardown_class",)))
    _add(known, _around("method", FUNCTION, None, ("setup_method",), ("teardown_method",)))
    for base in reversed(case.__mro__):
        for name, value in vars(base).items():
            if inspect.isfunction(value) and is_fixture(value):
                _add(known, _defined(name, value, bound=True))
    return known


def wanted(function: Callable[..., object], *, bound: bool) -> list[str]:
    """The names that a function asks for: parameters without a default."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    return [one.name for one in parameters if one.default is one.empty and one.kind in kinds]


def closure(first: Sequence[str], known: Known, given: set[str], test: str) -> list[Fixture]:
    """All fixtures that a test needs, wider scopes first; raises BadTests for a name that nothing defines."""
    found: dict[str, Fixture] = {}
    names = [name for name in first if name not in given]
    for name in names:
        if name == "request" or name in found:
            continue
        if name not in known:
            raise BadTests(f"{test}: fixture {name!r} is not available. Define it in the suite, or leave the test out")
        found[name] = one = known[name]
        while name in one.needs:
            names += _others(one, given)
            if one.before is None:
                raise BadTests(f"{test}: fixture {name!r} asks for itself")
            one = one.before
        names += _others(one, given)
    return sorted(found.values(), key=lambda one: one.scope)


def _others(one: Fixture, given: set[str]) -> list[str]:
    return [need for need in one.needs if need not in given and need != one.name]


def _add(known: Known, one: Fixture | None) -> None:
    if one is not None:
        known[one.name] = replace(one, before=known.get(one.name))


def _defined(name: str, function: Value, *, bound: bool) -> Fixture:
    mark: FixtureMark = function.rlbff_fixture
    if mark.scope not in _SCOPES:
        raise BadTests(f"fixture {name!r}: the scope {mark.scope!r} is none of {', '.join(_SCOPES)}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise BadTests(f"fixture {name!r} is a coroutine, which nobody awaits. Make it a plain function")
    params = None if mark.params is None else tuple(map(_parameters, mark.params))
    return Fixture(
        name=mark.name or name,
        make=function,
        scope=_SCOPES[mark.scope],
        params=params,
        autouse=mark.autouse,
        bound=bound,
    )


def _parameters(value: Value) -> Parameters:
    return value if isinstance(value, Parameters) else Parameters((value,))


def _around(
    what: str, scope: int, find: Callable[[str], Value] | None, before: Sequence[str], after: Sequence[str]
) -> Fixture | None:
    """A fixture that calls the first function found before, and the first after; with the thing it stands around."""

    def make(request: Value) -> Iterator[None]:
        look = find or (lambda name: getattr(request.instance, name, None))
        for names, last in ((before, False), (after, True)):
            function = next(filter(None, map(look, names)), None)
            if function is not None:
                takes_one = bool(inspect.signature(function).parameters)
                function(*([getattr(request, "function" if what == "method" else what)] if takes_one else []))
            if not last:
                yield

    if find is not None and not any(map(find, (*before, *after))):
        return None
    return Fixture(name=f"_around_{what}", make=make, scope=scope, autouse=True)


def _in_class(case: type) -> Callable[[str], Value]:
    return lambda name: getattr(case, name, None)


def _unittest_class(case: Value) -> Callable[[], Iterator[None]]:
    def make() -> Iterator[None]:
        try:
            case.setUpClass()
            yield
            case.tearDownClass()
        finally:
            case.doClassCleanups()

    return make


def _folder() -> Value:
    # Loaded by the few suites that ask for it: what a tester's zygote holds, each of its children carries.
    import pathlib
    import tempfile

    return pathlib.Path(tempfile.mkdtemp())


class _Folders:
    """`tmp_path_factory`."""

    def mktemp(self, basename: str, numbered: bool = True) -> Value:
        """A fresh folder."""
        folder = _folder() / (basename + ("0" if numbered else ""))
        folder.mkdir()
        return folder

    def getbasetemp(self) -> Value:
        """The folder in which all lie."""
        return _folder().parent


_OFFERED: Final = {
    "tmp_path": Fixture(name="tmp_path", make=_folder),
    "tmp_path_factory": Fixture(name="tmp_path_factory", make=_Folders, scope=MODULE),
}
_NARROW: Final = ("_around_class", "_around_method", "_around_function")
"""Names of fixtures that one class or bare functions have for themselves."""
