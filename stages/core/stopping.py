"""SIGINT and SIGTERM during training: they are noted, and the run stops at the end of the step."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_SAME_SIGNAL_S: Final = 2.0


class StopSign:
    """Whether a signal asked to stop, and which."""

    def __init__(self) -> None:
        self.name: str | None = None

    def __bool__(self) -> bool:
        return self.name is not None


@contextmanager
def noting_signals() -> Iterator[StopSign]:
    """Note the first signal instead of raising at once, so that a step can be finished and stored.

    A signal that comes more than two seconds later goes to the handlers of before, for those who will not wait;
    signals in between are taken for echoes of the first, which `timeout`, shells and torchrun send. Outside the main
    thread Python knows no handlers, and nothing is noted.
    """
    sign = StopSign()
    if threading.current_thread() is not threading.main_thread():
        yield sign
        return
    first: list[float] = []
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            sign.name = signal.Signals(number).name
        elif time.monotonic() - first[0] > _SAME_SIGNAL_S:
            signal.signal(number, before[number])
            signal.raise_signal(number)

    for kind in (signal.SIGINT, signal.SIGTERM):
        before[kind] = signal.signal(kind, handle)
    try:
        yield sign
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
