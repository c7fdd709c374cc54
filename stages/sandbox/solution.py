"""The solution's process: runs the foreign program and answers calls of its functions. Knows no test.

Frames in: ["program", source, entry], then ["c", turn, name, args, kwargs], or "a" for "c" from one who awaits. Frames
out: ["loaded"] or ["load", status, detail]; then for each call ["r", turn, value, changed arguments or null], ["e",
turn, type name, text, known bases, arguments or null] or ["n", turn, why the value cannot cross]. The answer to one who
awaits is ["w", answer] where the function gave a coroutine, which has been awaited. ["v", turn, name] asks for what the
module has under a name, which ["f", turn] says can be called.
"""

import os
import sys
import types
from typing import Final

from stages.sandbox import frames
from stages.sandbox.codec import DEEP, NotPlain, encode
from stages.sandbox.decode import decode
from stages.sandbox.frames import Value
from stages.sandbox.raised import name_of, text_of, written

CHANNEL: Final = 3
_UNCHANGING: Final = (int, str, bool, type(None))
"""Types of arguments, as they cross, that no call can change."""
_OBJECT: Final = "{} is a class, whose objects cannot leave the program; run such tests in mode inproc"


def serve() -> None:
    """Load the program, then answer calls until the other side is gone."""
    try:
        serve_calls(Recursion(_depth() + 1))
    except frames.ChannelClosed:
        pass
    finally:
        os._exit(0)


class Recursion:
    """The two recursion limits of one process: deep for the harness, the program's own inside `with`."""

    def __init__(self, depth: int) -> None:
        """Give the program what it would have at the bottom of a stack, which is `depth` frames below."""
        self._own = sys.getrecursionlimit() + depth
        sys.setrecursionlimit(DEEP)

    def __enter__(self) -> None:
        """Start of foreign code."""
        sys.setrecursionlimit(self._own)

    def __exit__(self, *_: object) -> None:
        """End of foreign code, which may have asked for another limit."""
        self._own = sys.getrecursionlimit()
        sys.setrecursionlimit(DEEP)


def load(source: str, name: str, recursion: Recursion) -> tuple[dict[str, Value], tuple[str, str] | None]:
    """Run a program's text as module `name`; its names, and the (status, detail) of what went wrong."""
    module = types.ModuleType(name)
    names = module.__dict__
    sys.modules[name] = module
    try:
        code = compile(source.removeprefix("\ufeff"), "<solution>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return names, ("syntax_error", describe(error))
    try:
        with recursion:
            exec(code, names)
    except BaseException as error:  # noqa: BLE001  # whatever a program raises, SystemExit too, ends it and not us
        return names, ("memory" if isinstance(error, MemoryError) else "load_error", describe(error))
    return names, None


def answer(names: dict[str, Value], call: frames.Frame, recursion: Recursion) -> frames.Frame:
    """Call the program's function; the frame that says what came of it."""
    asked, turn, name, args, kwargs = call
    later = False
    arguments = decode(args, names.get, live=True)
    keywords = decode(kwargs, names.get, live=True)
    own = False
    try:
        with recursion:
            function = names[name]
            result = function(*arguments, **keywords)
            own = isinstance(function, type) and function in type(result).__mro__
            if type(result) is types.CoroutineType:
                later = asked == "a"
                result = _awaited(result)
    except BaseException as error:  # noqa: BLE001  # likewise
        return _answer(["e", turn, *written(error)], later=later)
    try:
        value = encode(result, reduce=not own)
    except NotPlain as error:
        return _answer(["n", turn, _OBJECT.format(name) if own else str(error)], later=later)
    except BaseException as error:  # noqa: BLE001  # an iterator's code runs while it is read out
        return _answer(["e", turn, *written(error)], later=later)
    return _answer(["r", turn, value, _changed(arguments, args)], later=later)


def look_up(names: dict[str, Value], turn: int, name: str) -> frames.Frame:
    """What the program's module has under a name: plain data, that it can be called, or an AttributeError."""
    if name not in names:
        return ["e", turn, *written(AttributeError(f"the solution has no {name!r}"))]
    if callable(names[name]):
        return ["f", turn]
    try:
        return ["r", turn, encode(names[name]), None]
    except BaseException as error:  # noqa: BLE001  # an iterator's code runs while it is read out
        return ["n", turn, f"{name!r} of the solution: {describe(error)}"[:500]]


def describe(error: BaseException) -> str:
    """Type and text of an exception, whose own methods may do anything."""
    return f"{name_of(error)}: {text_of(error)}"


def serve_calls(recursion: Recursion) -> None:
    """Load the program that the channel brings, and answer its calls; raises ChannelClosed at the end."""
    channel = frames.Reader(CHANNEL)
    _, source, entry = channel.receive()
    names, problem = load(source, "__solution__", recursion)
    if problem is None and entry is not None and not callable(names.get(entry)):
        what = "is not defined" if entry not in names else "cannot be called"
        problem = ("no_entry_point", f"{entry} {what}")
    if problem is not None:
        frames.send(CHANNEL, ["load", *problem])
        return
    frames.send(CHANNEL, ["loaded"])
    while True:
        call = channel.receive()
        try:
            reply = look_up(names, *call[1:]) if call[0] == "v" else answer(names, call, recursion)
            packed = frames.pack(reply)
        except (frames.ProtocolError, RecursionError, MemoryError) as error:
            packed = frames.pack(["n", call[1], describe(error)[:200]])
        frames.send_packed(CHANNEL, packed)


def _answer(frame: frames.Frame, *, later: bool) -> frames.Frame:
    return ["w", frame] if later else frame


def _changed(arguments: Value, before: Value) -> Value:
    """The arguments as the call left them, None where it changed none or where they no longer can cross."""
    if all(type(one) in _UNCHANGING for one in before):
        return None
    try:
        after = encode(arguments)
    except BaseException:  # noqa: BLE001  # they are in the program's hands
        return None
    return None if after == before else after


def _awaited(coroutine: Value) -> Value:
    import asyncio

    return asyncio.run(coroutine)


def _depth() -> int:
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth
