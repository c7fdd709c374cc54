"""Worker processes on this machine: hand out parts, collect records, replace a worker that dies.

The death of a worker costs its part another try, never the run; a part that kills worker after worker is left undone
while the others finish. Workers die with their parent.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from stages.core.disk import told_of_disk
from stages.core.errors import Interrupted, RlbffError
from stages.core.job import Job, Transform
from stages.core.manifest import Done
from stages.core.progress import Progress
from stages.core.runner import log, work

MOST_TRIES: Final = 3
"""How often a part is tried before it is left undone."""

_TELL_EVERY: Final = 64


def run_parts(job: Job, parts: Sequence[int], workers: int, progress: Progress, here: Transform | None = None) -> None:
    """Do `parts` with at most `workers` processes; with one worker or one part, in this process.

    `here` is the transform to use in this process, for a stage that has opened it already.

    Raises:
        Interrupted: a part killed its worker `MOST_TRIES` times; all others are done. RlbffError: what a part raised.
    """
    log(job.root, "start", parts=len(parts))
    if min(workers, len(parts)) <= 1:
        transform = here
        for part in parts:
            transform = transform or job.stage.open(job.config, job.root)
            record(job, work(job, part, transform, progress.advance))
    else:
        _Pool(job, parts, progress).run(min(workers, len(parts)))
    log(job.root, "end")


def record(job: Job, done: Done) -> None:
    """Note in the log that a part is finished."""
    log(job.root, "part", part=done.part, rows=done.rows["in"])


def death_of(part: int, cause: str, *, last: bool) -> str:
    """What is said when the worker on a part dies; `last` if the part is not tried again."""
    fate = " for the last time; the part is left undone." if last else "; the part is tried again."
    return f"The worker on part-{part:05d} died ({cause}){fate}"


def left_undone(parts: Sequence[int]) -> Interrupted:
    """The error for parts that killed every worker, once all others are done."""
    names = ", ".join(f"part-{part:05d}" for part in sorted(parts))
    return Interrupted(
        f"{names} killed its worker {MOST_TRIES} times (out of memory?); all other parts are done. "
        "Run the same command again, with fewer --workers or smaller --rows-per-shard."
    )


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    part: int


class _Pool:
    def __init__(self, job: Job, parts: Sequence[int], progress: Progress) -> None:
        self._job = job
        self._queue = deque(parts)
        self._progress = progress
        self._tries = Counter[int]()
        self._workers: list[_Worker] = []
        self._hopeless: list[int] = []

    def run(self, workers: int) -> None:
        try:
            while self._queue or self._workers:
                while self._queue and len(self._workers) < workers:
                    self._workers.append(self._start(self._queue.popleft()))
                for connection in wait([worker.connection for worker in self._workers]):
                    self._hear(next(worker for worker in self._workers if worker.connection is connection))
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
        if self._hopeless:
            raise left_undone(self._hopeless)

    def _start(self, part: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(self._job, theirs), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours, part)
        self._send(worker, part)
        return worker

    def _send(self, worker: _Worker, part: int) -> None:
        worker.part = part
        self._tries[part] += 1
        try:
            worker.connection.send(part)
        except BrokenPipeError:
            return  # its death is noticed at the next wait

    def _hear(self, worker: _Worker) -> None:
        try:
            kind, value = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._bury(worker)
            return
        if kind == "rows":
            self._progress.advance(value)
        elif kind == "done":
            record(self._job, value)
            if self._queue:
                self._send(worker, self._queue.popleft())
            else:
                self._dismiss(worker)
        else:
            raise value

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join()

    def _bury(self, worker: _Worker) -> None:
        self._dismiss(worker)
        code = worker.process.exitcode
        cause = signal.Signals(-code).name if code and code < 0 else f"exit code {code}"
        last = self._tries[worker.part] >= MOST_TRIES
        self._progress.warn(death_of(worker.part, cause, last=last))
        (self._hopeless if last else self._queue).append(worker.part)


def _serve(job: Job, connection: Connection) -> None:
    """The life of a worker: part numbers in, records out, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()
    teller = _Teller(connection)
    try:
        transform = job.stage.open(job.config, job.root)
        while True:
            part = connection.recv()
            done = work(job, part, transform, teller.advance)
            teller.flush()
            connection.send(("done", done))
    except (EOFError, BrokenPipeError):
        return
    except RlbffError as error:
        connection.send(("error", error))
    except OSError as error:
        connection.send(("error", told_of_disk(error) or _bug(error)))
    except Exception as error:  # noqa: BLE001 - a bug must reach the parent, which ends the run with its traceback
        connection.send(("error", _bug(error)))


def _bug(error: Exception) -> RuntimeError:
    text = "".join(traceback.format_exception(error))
    return RuntimeError(f"in a worker process:\n{text}")


class _Teller:
    """Sends the count of finished rows now and then, since a message for each would cost more than the row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = 0

    def advance(self, rows: int) -> None:
        self._rows += rows
        if self._rows >= _TELL_EVERY:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._connection.send(("rows", self._rows))
            self._rows = 0


def _die_with_parent() -> None:
    if sys.platform == "linux":
        prctl: Callable[..., Any] = ctypes.CDLL(None, use_errno=True).prctl
        set_death_signal = 1
        prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() == 1:  # the parent died before the call
            os._exit(1)
