"""Waiting for a child under limits: its frames, what it prints, its CPU time, the clock, its folder, its threads.

The caller never blocks on a child: everything it says is read piece by piece, and whatever limit it crosses first is
the reason to stop.
"""

import os
import select
import socket
import time
from enum import StrEnum
from typing import Final

from stages.sandbox import folder
from stages.sandbox.frames import Frame, FrameBuffer, ProtocolError
from stages.sandbox.limits import Limits
from stages.sandbox.spawn import Child

_PIECE: Final = 1 << 16
_TICK: Final = 0.1
_MOST_ENTRIES: Final = 1024
"""Files and folders of one program: on a busy disk each takes a millisecond or more to remove."""
STDERR_KEPT: Final = 2048
MOST_ANSWERED: Final = 32 << 20
"""Bytes of answers of one program, over all tests: reading them takes our time, and not the program's."""


class Stop(StrEnum):
    """Why no further frame comes."""

    CLOSED = "closed"
    EXIT = "exit"
    TEST_TIME = "test time"
    PROGRAM_TIME = "program time"
    OUTPUT = "output"
    ANSWERS = "answers"
    FOLDER = "folder"
    THREADS = "threads"
    PROTOCOL = "protocol"


class Capture:
    """What a child writes to one of its outputs: the first bytes are kept, the rest is counted."""

    def __init__(self, kept: int) -> None:
        self.read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.read_end, False)
        self.data = bytearray()
        self.count = 0
        self._kept = kept

    def take(self) -> bool:
        """Read what is there; False once nothing more can come."""
        try:
            piece = os.read(self.read_end, _PIECE)
        except BlockingIOError:
            return True
        self.count += len(piece)
        self.data += piece[: max(0, self._kept - len(self.data))]
        return bool(piece)

    def hand_over(self) -> None:
        """Close our copy of the end that the child has got."""
        os.close(self.write_end)
        self.write_end = -1

    def close(self) -> None:
        """Close both ends."""
        for end in (self.read_end, self.write_end):
            if end >= 0:
                os.close(end)


class Budget:
    """What one program may still use, over all the processes that it needs."""

    def __init__(self, limits: Limits) -> None:
        self.limits: Final = limits
        self.started: Final = time.monotonic()
        self.spent = 0.0
        self.answered = 0
        self.largest_kb = 0
        self.near_limit = False

    def left(self) -> float:
        """CPU seconds left; 0 where the clock has run out, too, or the program has answered too much."""
        late = time.monotonic() - self.started > self.limits.program_wall
        return 0.0 if late or self.answered > MOST_ANSWERED else max(0.0, self.limits.program_cpu - self.spent)

    def add(self, cpu: float, rss_kb: int) -> None:
        """Book an ended process."""
        self.spent += cpu
        self.largest_kb = max(self.largest_kb, rss_kb)


class Watch:
    """The children of one attempt, watched together; the first of them is the program."""

    def __init__(
        self, budget: Budget, children: list[Child], link: socket.socket | None, captures: list[Capture]
    ) -> None:
        """`link`: where frames are exchanged. With none, the exit of the first child is what is waited for."""
        self._budget = budget
        self._children = children
        self._captures = captures
        self._buffer = FrameBuffer()
        self._link = link
        self._out = memoryview(b"")
        self._poll = select.poll()
        if link is None:
            self._poll.register(children[0].exit, select.POLLIN)
        else:
            link.setblocking(False)
            self._poll.register(link, select.POLLIN)
        for capture in captures:
            self._poll.register(capture.read_end, select.POLLIN)
        self.folders: list[str] = []
        self.begin_test()

    def begin_test(self) -> None:
        """From here on, time counts towards the next test."""
        self._test_wall = self._looked = time.monotonic()
        self._test_cpu = self._cpu()

    def say(self, data: bytes | memoryview) -> None:
        """Send bytes while listening, so that two full buffers never wait for each other."""
        assert self._link is not None
        self._out = memoryview(bytes(self._out) + data)
        self._write()

    def next(self) -> Frame | Stop:
        """The next frame, or why there is none."""
        while True:
            try:
                if (frame := self._buffer.next()) is not None:
                    self._note_time()
                    return frame
            except ProtocolError:
                return Stop.PROTOCOL
            events = self._poll.poll(1000 * self._patience())
            look = not events or time.monotonic() - self._looked > _TICK
            if look and (stop := self._limit()) is not None:
                return stop
            for descriptor, event in events:
                if (stop := self._read(descriptor, event)) is not None:
                    return stop

    def _read(self, descriptor: int, event: int) -> Stop | None:
        for capture in self._captures:
            if descriptor == capture.read_end:
                if not capture.take():
                    self._poll.unregister(descriptor)
                return Stop.OUTPUT if capture.count > self._budget.limits.output else None
        if self._link is None:
            return self._drained()
        if event & select.POLLOUT:
            self._write()
        if event & ~select.POLLOUT:
            try:
                data = self._link.recv(1 << 18)
            except BlockingIOError:
                return None
            except OSError:
                data = b""
            if not data:
                return Stop.CLOSED
            self._budget.answered += len(data)
            if self._budget.answered > MOST_ANSWERED:
                return Stop.ANSWERS
            self._buffer.feed(data)
        return None

    def _drained(self) -> Stop:
        """Read what an ended child left in the pipes."""
        for capture in self._captures:
            before = -1
            while capture.count != before:
                before = capture.count
                capture.take()
                if capture.count > self._budget.limits.output:
                    return Stop.OUTPUT
        return Stop.EXIT

    def _write(self) -> None:
        assert self._link is not None
        try:
            while self._out:
                self._out = self._out[self._link.send(self._out) :]
        except BlockingIOError:
            pass
        except OSError:
            self._out = memoryview(b"")
        self._poll.modify(self._link, select.POLLIN | (select.POLLOUT if self._out else 0))

    def _cpu(self) -> float:
        return sum(child.cpu() for child in self._children)

    def _patience(self) -> float:
        """Seconds until the next look at the limits; several threads spend CPU time faster than the clock."""
        left = self._budget.limits.test_cpu - (time.monotonic() - self._test_wall)
        return min(_TICK, left) if left > 0.01 else _TICK / 4

    def _limit(self) -> Stop | None:
        limits, budget = self._budget.limits, self._budget
        cpu, now = self._cpu(), time.monotonic()
        self._looked = now
        if budget.spent + cpu > limits.program_cpu or now - budget.started > limits.program_wall:
            return Stop.PROGRAM_TIME
        if cpu - self._test_cpu > limits.test_cpu or now - self._test_wall > limits.test_wall:
            return Stop.TEST_TIME
        if any(folder.larger_than(path, limits.folder, _MOST_ENTRIES) for path in self.folders):
            return Stop.FOLDER
        if any(child.threads() > limits.threads for child in self._children):
            return Stop.THREADS
        return None

    def _note_time(self) -> None:
        """Note a test that took most of its time, so that its verdict can be looked at again."""
        if time.monotonic() - self._test_wall > 0.8 * self._budget.limits.test_cpu:
            self._budget.near_limit |= self._cpu() - self._test_cpu > 0.8 * self._budget.limits.test_cpu
