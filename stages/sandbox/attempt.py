"""One attempt at a program: its processes, the pipes between them, and the account of how they ended.

A program that dies in one test gets another attempt for the rest; attempts share one budget.
"""

import contextlib
import signal
import socket
from typing import Final, NamedTuple, Self

from stages.sandbox import frames
from stages.sandbox.spawn import Child, Ended, Zygote, ZygoteGone
from stages.sandbox.verdict import Outcome, printable
from stages.sandbox.watch import STDERR_KEPT, Budget, Capture, Stop, Watch

_DYING: Final = 0.1


class Zygotes(NamedTuple):
    """Who forks the program's process and who the tester's: two, so that neither sees the other's folder."""

    programs: Zygote
    testers: Zygote


class Attempt:
    """Processes that belong together; leaving the context ends them and books what they used."""

    def __init__(self, zygotes: Zygotes, budget: Budget) -> None:
        self._zygotes = zygotes
        self._budget = budget
        self._children: list[tuple[Child, Zygote]] = []
        self._captures: list[Capture] = []
        self._sockets: list[socket.socket] = []
        self._unsent: bytes | memoryview = b""
        self.ended: Ended | None = None
        """How the program's process ended; known after `end`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.end()
        except ZygoteGone:
            # A signal that ended the wait must not be lost over a zygote that does not answer.
            if kind is None:
                raise
        finally:
            for child, _zygote in self._children:
                child.close()
            for capture in self._captures:
                capture.close()
            for one in self._sockets:
                one.close()

    def program(self, source: str, entry: str | None, calls: bytes = b"") -> socket.socket:
        """Start the solution's process and give it the program; the other end of its channel.

        `calls` are packed frames that wait behind the program while it loads, which saves wake-ups.
        """
        ours, theirs = self.pair()
        unsent = _put(ours, frames.pack(["program", source, entry]) + calls)
        printed = self.capture(STDERR_KEPT)
        self._start(
            self._zygotes.programs, "solution", {1: printed.write_end, 2: printed.write_end, 3: theirs.fileno()}
        )
        printed.hand_over()
        theirs.close()
        if calls:
            # What did not fit is sent while answers are heard: a program need not read.
            self._unsent = unsent
        else:
            self._hand(ours, unsent)
        return ours

    def script(self, source: str, stdin: int) -> tuple[Capture, Capture]:
        """Start a whole program that reads `stdin`; what it prints on stdout and stderr."""
        ours, theirs = self.pair()
        unsent = _put(ours, frames.pack(["program", source]))
        out, errors = self.capture(self._budget.limits.output), self.capture(STDERR_KEPT)
        descriptors = {0: stdin, 1: out.write_end, 2: errors.write_end, 3: theirs.fileno()}
        self._start(self._zygotes.programs, "script", descriptors)
        out.hand_over()
        errors.hand_over()
        theirs.close()
        self._hand(ours, unsent)
        return out, errors

    def tester(self, channel: socket.socket | None) -> socket.socket:
        """Start the tester's process, with the other end of the program's channel; where it reports."""
        ours, theirs = self.pair()
        descriptors = {4: theirs.fileno()}
        if channel is not None:
            descriptors[3] = channel.fileno()
        self._start(self._zygotes.testers, "tester", descriptors)
        theirs.close()
        if channel is not None:
            channel.close()
        return ours

    def watch(self, link: socket.socket | None) -> Watch:
        """Watch all processes started so far."""
        watch = Watch(self._budget, [child for child, _ in self._children], link, self._captures)
        if self._unsent:
            watch.say(self._unsent)
        watch.folders = [str(zygote.work) for _, zygote in self._children if zygote.sees_folder]
        return watch

    def tester_is_busier(self) -> bool:
        """Whether the tester has used more CPU time than the program."""
        return len(self._children) == 2 and self._children[1][0].cpu() > self._children[0][0].cpu()

    def stopped(self, stop: Stop) -> tuple[Outcome, str]:
        """What a reason to stop means for the test that was running. Ends the processes."""
        if stop in (Stop.CLOSED, Stop.EXIT):
            return self.crashed()
        self.end()
        return _STOPPED[stop]

    def crashed(self) -> tuple[Outcome, str]:
        """What it means that the program's process ended by itself. Ends the others."""
        # Its channel closes a moment before it can be waited for.
        return self._death(self.end(_DYING))

    def end(self, patience: float = 0.0) -> Ended:
        """Kill all processes that have not ended after `patience` seconds; how the first of them ended."""
        if self.ended is None:
            for child, _ in self._children:
                ended = child.end(patience)
                self._budget.add(ended.cpu, ended.rss_kb)
                self.ended = self.ended or ended
        return self.ended or Ended(0, 0, 0.0, 0, by_itself=False)

    def stderr(self) -> str:
        """The first bytes that the program printed, made harmless."""
        for capture in self._captures:
            capture.take()
        return printable(bytes(self._captures[-1].data)) if self._captures else ""

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two connected ends that are closed with the attempt."""
        ends = socket.socketpair()
        self._sockets += ends
        return ends

    def capture(self, kept: int) -> Capture:
        """A pipe whose first bytes are kept."""
        capture = Capture(kept)
        self._captures.append(capture)
        return capture

    def _start(self, zygote: Zygote, role: str, descriptors: dict[int, int]) -> None:
        self._children.append((zygote.spawn(role, int(self._budget.left()) + 2, descriptors), zygote))

    def _hand(self, channel: socket.socket, rest: bytes | memoryview) -> None:
        """Give a fresh child the rest of its program: it runs nothing foreign yet, so it reads at once or is dead."""
        if not rest:
            return
        channel.settimeout(self._budget.limits.test_wall)
        with contextlib.suppress(OSError):
            channel.sendall(rest)
        channel.setblocking(True)

    def _death(self, ended: Ended) -> tuple[Outcome, str]:
        limits = self._budget.limits
        if not ended.by_itself:
            return Outcome.CRASH, "closed its channel"
        if ended.signal == signal.SIGXCPU or (ended.signal == signal.SIGKILL and ended.cpu > limits.test_cpu):
            return Outcome.TIMEOUT, "CPU time"
        if ended.signal == signal.SIGKILL and ended.rss_kb * 1024 > 0.8 * limits.memory:
            return Outcome.MEMORY, "killed for memory"
        if ended.signal:
            return Outcome.CRASH, f"ended by signal {ended.signal}"
        return Outcome.CRASH, f"ended with status {ended.code}"


def _put(channel: socket.socket, data: bytes) -> memoryview:
    """Put as much into a channel that nobody reads yet as it holds; the rest."""
    view = memoryview(data)
    with contextlib.suppress(BlockingIOError):
        while view:
            view = view[channel.send(view, socket.MSG_DONTWAIT) :]
    return view


_STOPPED: Final = {
    Stop.TEST_TIME: (Outcome.TIMEOUT, "time for one test"),
    Stop.PROGRAM_TIME: (Outcome.TIMEOUT, "time for the whole program"),
    Stop.OUTPUT: (Outcome.OUTPUT_LIMIT, "printed more than allowed"),
    Stop.ANSWERS: (Outcome.OUTPUT_LIMIT, "answered with more than allowed"),
    Stop.FOLDER: (Outcome.OUTPUT_LIMIT, "wrote more files than allowed"),
    Stop.THREADS: (Outcome.MEMORY, "more threads than allowed"),
    Stop.PROTOCOL: (Outcome.PROTOCOL_ERROR, "a malformed frame"),
}
