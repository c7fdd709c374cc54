"""The part of pytest that suites over functions use, in place of the package: a tester has the standard library only.

What is not here is refused by name before anything runs (`missing`), so that no program is blamed for it. `warns` and
the like are left out because they look at the program's process, where tests are not.
"""

import ast
import re
import types
from collections.abc import Callable
from typing import Final, NoReturn

from stages.sandbox import approximation, fixtures, pytest_marks
from stages.sandbox.frames import Value
from stages.sandbox.nodes import nodes_of
from stages.sandbox.outcomes import Failed, Skipped


def module() -> types.ModuleType:
    """A module to be found as `pytest`."""
    stand_in = types.ModuleType("pytest")
    stand_in.__dict__.update(_OFFERED, mark=pytest_marks.Marker())
    return stand_in


def missing(source: str) -> str | None:
    """The first thing that code asks of pytest and would not get."""
    if "pytest" not in source:
        return None
    nodes = nodes_of(source)
    modules = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "pytest"
    }
    for node in nodes:
        asked: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module == "pytest":
            asked = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            asked = [node.attr]
        for name in asked:
            if name not in _OFFERED and name not in ("mark", "*"):
                return name
    return None


class _Raised:
    """What `raises` gives: a block that must raise one of the expected exceptions, and what was raised."""

    __class_getitem__: Value = classmethod(types.GenericAlias)

    def __init__(self, expected: Value, match: Value, check: Callable[[BaseException], bool] | None) -> None:
        for kind in expected if isinstance(expected, tuple) else (expected,):
            if not isinstance(kind, type) or not issubclass(kind, BaseException):
                raise TypeError(f"raises expects an exception type, not {kind!r}")
        self._expected, self._match, self._check = expected, match, check
        self.type: type[BaseException] | None = None
        self.value: BaseException | None = None
        self.tb: types.TracebackType | None = None

    def __enter__(self) -> "_Raised":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> bool:
        if kind is None or error is None:
            raise Failed(f"DID NOT RAISE {self._expected}")
        if not issubclass(kind, self._expected):
            return False
        self.type, self.value, self.tb = kind, error, trace
        if self._match is not None:
            self.match(self._match)
        if self._check is not None and not self._check(error):
            raise AssertionError(f"the check of the exception says no: {error!r}")
        return True

    def match(self, pattern: Value) -> bool:
        """Whether the text of the exception, with its notes, holds the pattern; raises AssertionError where not."""
        text = "\n".join([str(self.value), *getattr(self.value, "__notes__", ())])
        if not re.search(pattern, text):
            raise AssertionError(f"Regex pattern {pattern!r} did not match {text[:200]!r}")
        return True

    @property
    def typename(self) -> str:
        """The name of the exception's type."""
        return type(self.value).__name__


def raises(
    expected_exception: Value, *call: Value, match: Value = None, check: Value = None, **keywords: Value
) -> _Raised:
    """As a context, or with a function and its arguments."""
    block = _Raised(expected_exception, match, check)
    if call:
        with block:
            call[0](*call[1:], **keywords)
    return block


def _fail(reason: str = "", pytrace: bool = True) -> NoReturn:  # as in pytest
    raise Failed(reason)


def _skip(reason: str = "", *, allow_module_level: bool = False) -> NoReturn:  # likewise
    raise Skipped(f"skipped: {reason}")


def _xfail(reason: str = "") -> NoReturn:
    raise Skipped(f"expected to fail: {reason}")


def _importorskip(
    modname: str,
    minversion: str | None = None,
    reason: str | None = None,
    *,
    exc_type: type[ImportError] = ImportError,
) -> Value:
    """The module of that name; a test that needs another version than there is leaves itself out."""
    import importlib

    try:
        found = importlib.import_module(modname)
    except exc_type as error:
        raise Skipped(f"skipped: {reason or error}") from None
    if minversion is not None and _numbers(getattr(found, "__version__", "")) < _numbers(minversion):
        raise Skipped(f"skipped: {reason or f'{modname} has not the version {minversion}'}")
    return found


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _main(*_: object, **__: object) -> int:
    """Suites end with it when they are run as a script."""
    return 0


for _function, _exception in ((_fail, Failed), (_skip, Skipped), (_xfail, Skipped)):
    _function.Exception = _exception  # type: ignore[attr-defined]  # as in pytest

_OFFERED: Final[dict[str, Value]] = {
    "approx": approximation.approx,
    "raises": raises,
    "fail": _fail,
    "skip": _skip,
    "xfail": _xfail,
    "importorskip": _importorskip,
    "fixture": fixtures.fixture,
    "param": pytest_marks.param,
    "main": _main,
    "ExceptionInfo": _Raised,
    "FixtureRequest": types.SimpleNamespace,
    "TempPathFactory": types.SimpleNamespace,
    "Mark": pytest_marks.Mark,
    "MarkDecorator": pytest_marks.Decorator,
    "__version__": "9.0",
}
