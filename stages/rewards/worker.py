"""One worker process of rewards, seen from its parent: started, handed an item, read from, and ended with its group.

When it is late, and what that means, is decided in workers.py; what runs inside it is worker_main.py.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from stages.core.errors import ConfigError
from stages.rewards.item import RewardItem
from stages.rewards.worker_main import HEADER

_BOOT: Final = "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); from stages.rewards.worker_main import main"
_TAIL: Final = 4096
_DEATH_S: Final = 2.0
_READ: Final = 1 << 16


class WorkerSetup(NamedTuple):
    """What a worker serves: `module:function`, called with the arguments (JSON), gives the scorer of an item.

    `memory` bounds its address space in bytes, None: as the parent's. `folder` is put first on the path of modules once
    the target's own is imported.
    """

    target: str
    arguments: Mapping[str, object]
    memory: int | None = None
    folder: str | None = None


class Worker:
    """A process of its own session. All pipes are non-blocking; `since` is when it started, or got its item."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.process = _start(setup)
        self.ready = False
        self.item: int | None = None
        self.since = time.monotonic()
        self.closed = False
        self.outbox = b""
        self._inbox = bytearray()
        self._errors = bytearray()
        self.requests, self.answers, self.errors = (
            stream.fileno() for stream in (self.process.stdin, self.process.stdout, self.process.stderr) if stream
        )
        for pipe in (self.requests, self.answers, self.errors):
            os.set_blocking(pipe, False)

    def hand(self, number: int, item: RewardItem) -> None:
        """Put an item into the outbox. Raises what pickle raises for an item that cannot travel."""
        data = pickle.dumps((number, item._replace(extra=dict(item.extra))))
        self.outbox = len(data).to_bytes(HEADER, "big") + data
        self.item, self.since = number, time.monotonic()
        self._errors.clear()

    def write(self) -> None:
        """Send what the pipe takes now."""
        try:
            self.outbox = self.outbox[os.write(self.requests, self.outbox) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.outbox, self.closed = b"", True

    def read_answers(self) -> None:
        """Take in what there is; `closed` is set when there will be no more."""
        piece = _read(self.answers)
        self.closed |= piece == b""
        self._inbox += piece or b""

    def read_errors(self) -> bool:
        """Take in what it printed, of which the last is kept; False when there will be no more."""
        piece = _read(self.errors)
        self._errors += piece or b""
        del self._errors[:-_TAIL]
        return piece != b""

    def next_answer(self) -> dict[str, object] | None:
        """The next answer that has arrived whole."""
        size = int.from_bytes(self._inbox[:HEADER], "big")
        if len(self._inbox) < max(HEADER, HEADER + size):
            return None
        answer = json.loads(self._inbox[HEADER : HEADER + size])
        del self._inbox[: HEADER + size]
        assert isinstance(answer, dict)
        return answer

    def died(self) -> bool:
        """Whether the process has ended; it stays unreaped, so that its group keeps its number until `end`."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> int:
        """Kill the process with its whole group; gives the exit status, of `signal.SIGKILL` where it still ran."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self.process.kill()
        status = self.process.wait()
        self.read_errors()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return status

    def death(self) -> str:
        """End a worker whose pipe has closed, and say in words how it ended and what it printed last."""
        until = time.monotonic() + _DEATH_S
        while not self.died() and time.monotonic() < until:
            time.sleep(0.002)
        status = self.end()
        how = f"ended with exit code {status}"
        if status < 0:
            how = f"was killed by {signal.Signals(-status).name}"
            how += " (out of memory?)" if status == -signal.SIGKILL else ""
        return f"its process {how}{self.last_words()}"

    def last_words(self) -> str:
        """The last line that was printed during this item, as a clause; empty where there is none."""
        lines = self._errors.decode(errors="replace").strip().splitlines()
        return f"; it printed last: {lines[-1].strip()[-200:]}" if lines else ""


def _start(setup: WorkerSetup) -> subprocess.Popen[bytes]:
    fields = {**setup._asdict(), "parent": os.getpid()}
    pipe = subprocess.PIPE
    # one thread a worker, and the same order of sets in each of them, unless the user has said otherwise
    environ = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"} | os.environ
    command = [sys.executable, "-P", "-c", f"{_BOOT}; main()", json.dumps(fields), json.dumps(sys.path)]
    try:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True, env=environ
        )
    except OSError as error:
        raise ConfigError(
            f"A process for rewards cannot be started ({error}); try a smaller --reward-workers."
        ) from None


def _read(pipe: int) -> bytes | None:
    """What there is; empty at the end, None where there is nothing yet."""
    try:
        return os.read(pipe, _READ)
    except BlockingIOError:
        return None
