"""Runs in the tester's process: makes each call of the program to a trusted reference, too, and compares.

Its text is put in front of a suite by `differential.py`, so it imports the standard library alone. The program itself
stays in its own process; what is called here in its place is the tester's stub.
"""

import asyncio
import contextlib
import copy
import io
import operator
import random
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Call = tuple[tuple[Any, ...], dict[str, Any]]


class SideBySide:
    """A reference beside the program that a suite calls, and what was found so far.

    Each call is made as it is, then with arguments near its own, once for each of the seeds `near`.
    """

    def __init__(self, reference: str, entry: str | None, names: dict[str, Any], near: Sequence[int] = ()) -> None:
        """`names`: the global names of the tests, among which the entry point's stub is."""
        module = types.ModuleType("__reference__")
        sys.modules["__reference__"] = module
        exec(compile(reference, "<reference>", "exec", dont_inherit=True), module.__dict__)
        self._reference = module.__dict__
        self._entry, self._names, self._near = entry, names, near
        self._calls = 0
        self._trouble = ""
        self._doubled = self.double(entry, names[entry]) if entry else None

    def double(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The program's function, which from now on raises AssertionError where the reference does otherwise."""

        def both(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            self._calls += 1
            try:
                twin = self._reference[name]
                twin_call = copy.deepcopy((args, kwargs))
                others = [near(copy.deepcopy(twin_call), random.Random(seed)) for seed in self._near]
            except Exception as error:  # noqa: BLE001  # copying runs the arguments' own code
                self._differs(f"the reference cannot be called alike: {error!r}")
            value, raised = _called(function, (args, kwargs), Exception)
            self._compare(value, raised, *_called(twin, twin_call, BaseException), (args, twin_call[0]))
            for other in others:
                self._compare_near(function, twin, other)
            if raised is not None:
                raise raised
            return value

        return both

    def execute(self, source: str) -> None:
        """Run a set-up or a suite among the tests' own names."""
        self._offer()
        exec(compile(source, "<tests>", "exec", dont_inherit=True), self._names)

    def case(self, source: str, near: Sequence[int] = ()) -> None:
        """Run one case for the calls that it makes, whatever it says of them; fails where one differs."""
        self._offer()
        self._calls, self._trouble, self._near = 0, "", near
        with contextlib.suppress(Exception):
            exec(compile(source, "<test>", "exec", dont_inherit=True), dict(self._names))
        assert self._calls, "no call to compare"
        assert not self._trouble, self._trouble

    def offer_modules(self, modules: Sequence[str]) -> None:
        """Double what suites import from the solution's module."""
        for name in modules:
            found = sys.modules[name].__dict__
            look = found["__getattr__"]
            found["__getattr__"] = lambda wanted, look=look: self.double(wanted, look(wanted))
            if self._entry:
                found[self._entry] = self._doubled

    def _offer(self) -> None:
        if self._entry:
            self._names[self._entry] = self._names["candidate"] = self._doubled

    def _compare_near(self, function: Callable[..., Any], twin: Callable[..., Any], call: Call) -> None:
        twin_call = copy.deepcopy(call)
        twin_value, twin_raised = _called(twin, twin_call, BaseException)
        # What the reference refuses is outside of the problem.
        if twin_raised is None:
            value, raised = _called(function, call, Exception)
            self._compare(value, raised, twin_value, None, (call[0], twin_call[0]))

    def _compare(
        self,
        value: object,
        raised: BaseException | None,
        twin_value: object,
        twin_raised: BaseException | None,
        arguments: tuple[object, object],
    ) -> None:
        if _kind(raised) != _kind(twin_raised):
            self._differs(f"raises {_kind(raised)}, the reference {_kind(twin_raised)}")
        # After an exception the program's process does not send back what became of the arguments.
        if raised is None and not (_same(value, twin_value) and _same(*arguments)):
            self._differs("gives or leaves behind another value than the reference")

    def _differs(self, how: str) -> None:
        # Remembered, since a test may swallow the exception.
        self._trouble = how
        raise AssertionError(how)


def prints_alike(reference: str, given: str, output: str) -> bool:
    """Whether a script prints `output` when it reads `given`, white space at the end of lines apart."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    printed = io.BytesIO()
    sys.argv = ["main.py"]
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode("utf-8", "surrogateescape")), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(printed, "utf-8", "backslashreplace")
    try:
        exec(compile(reference, "<reference>", "exec", dont_inherit=True), module.__dict__)
    except SystemExit:
        pass
    except Exception:  # noqa: BLE001  # a script that fails has nothing that could be compared
        return False
    sys.stdout.flush()
    return _lines(printed.getvalue().decode("utf-8", "backslashreplace")) == _lines(output)


def near(value: Any, rng: random.Random) -> Any:  # noqa: ANN401
    """A plain value that differs from `value` in one to three small places, of the same type; others as they are."""
    for _ in range(rng.randint(1, 3)):
        value = _changed(value, rng)
    return value


def _changed(value: Any, rng: random.Random) -> Any:  # noqa: ANN401
    # Numbers do not grow much, since the reference's time may grow with them.
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1, value // 2, -value])
    if isinstance(value, float):
        return rng.choice([value + 1, value - 0.5, value / 2, -value])
    if isinstance(value, str):
        return "".join(
            _rearranged(list(value) or [" "], rng, lambda char: rng.choice([char.swapcase(), "a", "1", " "]))
        )
    if type(value) is list and value:
        return _rearranged(value, rng, lambda item: _changed(item, rng))
    if type(value) is tuple and value:
        # Positions in a tuple have meanings, as arguments have.
        items, place, other = list(value), rng.randrange(len(value)), rng.randrange(len(value))
        if place != other and type(items[place]) is type(items[other]) and rng.randrange(4) == 0:
            items[place], items[other] = items[other], items[place]
        else:
            items[place] = _changed(items[place], rng)
        return tuple(items)
    if type(value) is dict and value:
        key = rng.choice(list(value))
        return value | {key: _changed(value[key], rng)}
    return value


def _rearranged(items: list[Any], rng: random.Random, change: Callable[[Any], Any]) -> list[Any]:
    """The items with one of them left out, doubled, moved to another's place, or changed."""
    place, other = rng.randrange(len(items)), rng.randrange(len(items))
    how = rng.randrange(5)
    if how == 0:
        return items[:place] + items[place + 1 :]
    if how == 1:
        return items[:place] + items[other : other + 1] + items[place:]
    if how == 2:
        rest = items[:place] + items[place + 1 :]
        return rest[:other] + items[place : place + 1] + rest[other:]
    return [*items[:place], change(items[place]), *items[place + 1 :]]


def _called(function: Callable[..., Any], call: Call, caught: type[BaseException]) -> tuple[Any, BaseException | None]:
    """What a call gives, an iterator read out, or what it raises; a stub's loss of its program is not caught."""
    try:
        value = function(*call[0], **call[1])
        if isinstance(value, types.CoroutineType):
            value = asyncio.run(value)
        return (list(value) if isinstance(value, Iterator) else value), None
    except caught as error:
        return None, error


def _kind(error: BaseException | None) -> str:
    """The type's name; an exception that the stub could not rebuild has it in its text."""
    name = type(error).__name__
    return str(error).partition(":")[0] if name == "SolutionError" else name


def _same(own: object, other: object) -> bool:
    """Equal, or written alike, as NaN and arrays are."""
    for alike in (operator.eq, _written_alike):
        try:
            if bool(alike(own, other)):
                return True
        except Exception:  # noqa: BLE001  # arrays have no truth, very long numbers no text
            continue
    return False


def _written_alike(own: object, other: object) -> bool:
    return repr(own) == repr(other)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]
