"""SIGINT and SIGTERM become the exception Interrupted in the main thread, so that a stage stores what is finished."""

import atexit
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from stages.core.errors import Interrupted

_SAME_SIGNAL_S: Final = 2.0


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted at the first signal; one that comes more than two seconds later kills as it would without us.

    Signals in between are taken for echoes of the first: `timeout` and shells signal a process and its group. They
    may come when the block is over, so that after a signal the handlers of before do not come back, and even while the
    interpreter ends, which takes every handler away but leaves alone what is ignored.
    """
    first: list[float] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            atexit.register(_ignore)
            raise Interrupted(
                f"Stopped by {signal.Signals(number).name}. What is finished is stored; the same command goes on there."
            )
        if time.monotonic() - first[0] > _SAME_SIGNAL_S:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if not first:
                signal.signal(number, handler)


def _ignore() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
