"""What a zygote runs before its first fork: what every child runs, so that the interpreter's caches are filled once.

A function that has run often has been specialised by the interpreter, in place; a child that did it would copy the
pages. Nothing foreign runs here.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from typing import Final

from stages.sandbox import frames, solution, stub, tester
from stages.sandbox.frames import Frame, Value

_ROUNDS: Final = 10
_NOTHING: Final = 4
"""A descriptor of /dev/null, see confine.reserve_descriptors."""
_PROGRAM: Final = "def f(a, b):\n    return a\n"
_ARGUMENTS: Final[tuple[Value, ...]] = (1, "a", [1, {"f": "0x1p+0"}], {"t": [1, None]}, {"d": [["a", True]]})


def program() -> None:
    """Load a program and answer calls, as the solution's process does."""
    calls: list[Frame] = [["c", turn, "f", [given, 2], {"d": []}] for turn, given in enumerate(_ARGUMENTS * 2)]
    for _ in range(_ROUNDS):
        with _channel([["program", _PROGRAM, "f"], *calls]), contextlib.suppress(frames.ChannelClosed):
            solution.serve_calls(solution.Recursion(0))
    del sys.modules["__solution__"]


def tests() -> None:
    """Run tests against a program that gives the right answers, as the tester's process does."""
    cases = ["assert f(1, [2]) == 3", "assert candidate('a', 2) == 3"]
    replies: list[Frame] = [["loaded"], *(["r", turn + 1, 3, None] for turn in range(len(cases)))]
    for _ in range(_ROUNDS):
        names = tester.fresh_names()
        with _channel(replies):
            tester.run_apart(["split", "", cases, 0, "f"], names, stub.Solution(solution.CHANNEL, names))


@contextlib.contextmanager
def _channel(said: list[Frame]) -> Iterator[None]:
    """A channel on which everything has been said; what is answered is lost. Reports go nowhere."""
    limit = sys.getrecursionlimit()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(theirs.fileno(), solution.CHANNEL)
        ours.sendall(b"".join(map(frames.pack, said)))
        ours.shutdown(socket.SHUT_WR)
        yield
    os.dup2(_NOTHING, solution.CHANNEL)
    sys.setrecursionlimit(limit)
