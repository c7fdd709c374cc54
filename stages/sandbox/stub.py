"""What a test sees in place of the solution: functions that send their arguments away and wait for the value.

Runs in the tester's process. Nothing that comes back can be more than plain data: exceptions are rebuilt
(raised.py), changed arguments are copied into the caller's own objects, and every fault of the other side is remembered
outside the reach of a test's `except`.
"""

import _thread
from collections.abc import Callable

from stages.sandbox import frames
from stages.sandbox.codec import NotPlain, encode
from stages.sandbox.decode import decode
from stages.sandbox.frames import Value
from stages.sandbox.loop_ends import reached_handler
from stages.sandbox.raised import rebuilt


class SolutionGone(BaseException):
    """The solution's process ended or broke the protocol; not an Exception, so that fewer tests swallow it."""


class NotPlainResult(TypeError):
    """The solution returned something that cannot cross."""


class Solution:
    """The channel to the solution's process, and what went wrong on it."""

    def __init__(self, channel: int, names: dict[str, Value]) -> None:
        """Speak over `channel`; `names`: the test's global names, where its own classes are found."""
        self.gone: str | None = None
        self.not_plain: str | None = None
        self.out_of_memory = False
        self.awaits = False
        """Whether the tests await what coroutine functions give; otherwise they get it awaited."""
        self.calls = 0
        """How often the program was at work for the tests, or lacked what they ask for."""
        self._turns = 0
        self._ends: list[StopIteration] = []
        self.names = names
        self._channel = channel
        self._answers = frames.Reader(channel)
        self._turn = _thread.allocate_lock()

    def begin(self) -> None:
        """Forget what concerned an earlier test."""
        self.not_plain, self.out_of_memory = None, False
        self._ends.clear()

    def ended_a_loop(self) -> bool:
        """Whether a StopIteration of the program ended a loop of the test, as if all its cases had been seen."""
        return not all(reached_handler(end, globals()) for end in self._ends)

    def loaded(self) -> tuple[str, str] | None:
        """Wait for the program to load: None, or (status, detail)."""
        answer = self._receive()
        if answer == ["loaded"]:
            return None
        match answer:
            case ["load", str(status), str(detail)]:
                return status, detail
        raise self._broken("protocol_error")

    def stub(self, name: str) -> Callable[..., Value]:
        """The function of that name, as far as a test can tell."""

        def function(*args: Value, **kwargs: Value) -> Value:
            return self.call(name, args, kwargs)

        function.__name__ = function.__qualname__ = name
        return function

    def find(self, name: str) -> Value:
        """What the solution's module has under that name now: a stub for what can be called, else plain data.

        Raises AttributeError where there is nothing, NotPlainResult for other things, and SolutionGone.
        """
        with self._turn:
            answer = self._asked("v", name)
            if answer == ["f", self._turns]:
                return self.stub(name)
            try:
                return self._answer(answer, ())
            except BaseException:
                self.calls += 1
                raise

    def call(self, name: str, args: tuple[Value, ...], kwargs: dict[str, Value]) -> Value:
        """Call the solution's function; raises what it raised, NotPlainResult or SolutionGone."""
        with self._turn:
            self.calls += 1
            try:
                sent = [encode(list(args)), encode(kwargs)]
            except NotPlain as error:
                raise TypeError(f"a test passes something that cannot cross: {error}") from None
            match self._asked("a" if self.awaits else "c", name, *sent):
                case ["w", list(answer)] if self.awaits:
                    return self._awaitable(answer, args)
                case answer:
                    return self._answer(answer, args)

    def _asked(self, kind: str, *what: Value) -> frames.Frame:
        if self.gone is not None:
            raise SolutionGone(self.gone)
        self._turns += 1
        try:
            frames.send(self._channel, [kind, self._turns, *what])
        except frames.ChannelClosed:
            raise self._broken("crash") from None
        return self._receive()

    def _awaitable(self, answer: frames.Frame, args: tuple[Value, ...]) -> Value:
        try:
            return _later(self._answer(answer, args), None)
        except SolutionGone:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever the program raised, it does so when it is awaited
            return _later(None, error)

    def _answer(self, answer: frames.Frame, args: tuple[Value, ...]) -> Value:
        turn = self._turns
        try:
            match answer:
                case ["r", int(answered), value, changed] if answered == turn:
                    result = self._decode(value)
                    if changed is not None:
                        _copy_back(args, self._decode(changed))
                    return result
                case ["n", int(answered), str(why)] if answered == turn:
                    self.not_plain = why
                    raise NotPlainResult(f"not plain data: {why}")
                case ["e", int(answered), str(kind), str(text), list(bases), given] if answered == turn:
                    self.out_of_memory |= kind == "MemoryError"
                    raise self._rebuilt(kind, text, bases, given)
        except frames.ProtocolError:
            pass
        raise self._broken("protocol_error")

    def _rebuilt(self, kind: str, text: str, bases: list[Value], given: Value) -> BaseException:
        arguments = None if given is None else self._decode(given)
        if arguments is not None and type(arguments) is not list:
            raise frames.ProtocolError("arguments of an exception that are no list")
        error = rebuilt(kind, text, bases, arguments)
        if isinstance(error, StopIteration):
            self._ends.append(error)
        return error

    def _decode(self, value: Value) -> Value:
        return decode(value, self.names.get, live=True)

    def _receive(self) -> frames.Frame:
        try:
            return self._answers.receive()
        except frames.ChannelClosed:
            raise self._broken("crash") from None
        except frames.ProtocolError:
            raise self._broken("protocol_error") from None

    def _broken(self, why: str) -> SolutionGone:
        self.gone = why
        return SolutionGone(why)


async def _later(value: Value, error: BaseException | None) -> Value:
    if error is not None:
        raise error
    return value


def _copy_back(args: tuple[Value, ...], changed: Value) -> None:
    """Give the caller's mutable arguments the contents that the call left in its copies."""
    if type(changed) is not list or len(changed) != len(args):
        raise frames.ProtocolError("arguments changed in number")
    for own, other in zip(args, changed, strict=True):
        if isinstance(own, (list, bytearray)) and isinstance(other, (list, bytearray)):
            own[:] = other
        elif (isinstance(own, dict) and isinstance(other, dict)) or (isinstance(own, set) and isinstance(other, set)):
            own.clear()
            own.update(other)
        elif type(own).__name__ == "deque" and type(other).__name__ == "deque":
            own.clear()
            own.extend(other)
        elif type(own).__name__ == "ndarray" and getattr(other, "shape", None) == own.shape:
            own[...] = other
