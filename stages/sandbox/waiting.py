"""How long a zygote is waited for, and the end of one that neither answers nor ends, with all that it has started.

At level `weak` nothing keeps a program from stopping its zygote, or that of the tests.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

ANSWER = 60.0
"""Seconds for one answer, which takes milliseconds: even a machine that swaps needs no more."""
END = 5.0
"""Seconds to end by itself; nothing is lost by force, since its folder is removed from outside."""
_LOOK: Final = 0.2
_ROUNDS: Final = 100
"""How often processes that go on starting others are looked for."""


def answers(control: socket.socket, pid: int) -> bool:
    """Wait until `control` has something to read; False if its process is stopped or takes too long."""
    late = time.monotonic() + ANSWER
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    while not waiting.poll(1000 * _LOOK):
        if time.monotonic() > late or is_stopped(pid):
            return False
    return True


def until_ended(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended; end it and its descendants if it is stopped or takes too long."""
    late = time.monotonic() + END
    while True:
        try:
            process.wait(_LOOK)
        except subprocess.TimeoutExpired:
            if time.monotonic() > late or is_stopped(process.pid):
                break
        else:
            return
    # It adopts orphans as long as it lives, and loses none of them while it is stopped.
    process.send_signal(signal.SIGSTOP)
    for _ in range(_ROUNDS):
        descendants = _descendants(process.pid)
        for pid in descendants:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if all(_state(pid) in "ZX" for pid in descendants):
            break
    process.kill()
    process.wait()


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped by a signal or a tracer."""
    return _state(pid) in "Tt"


def _state(pid: int) -> str:
    """The letter of a process's state; "X" once it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "X"
    return text.rpartition(")")[2].split()[0]


def _descendants(pid: int) -> list[int]:
    """Children of all its threads, their children, and so on."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text(encoding="ascii").split())
    return found[1:]
