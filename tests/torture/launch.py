"""Starts commands: as fresh processes, or as forks of one that has loaded all stages, which is quicker."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.torture.chain import ROOT

_PLAIN: Final = [sys.executable, "-m", "rlbff_cli"]


@dataclass(frozen=True)
class End:
    """How a command ended: its exit code (negative: the signal), what it wrote to stderr, and whether it hung.

    `left` counts processes of it that lived on.
    """

    code: int
    stderr: str
    hung: bool = False
    left: int = 0


class Running:
    """A command under way; `told` is the folder, outside of the output, that holds its streams."""

    def __init__(self, pid: int, told: Path, process: "subprocess.Popen[bytes] | None") -> None:
        self.pid: Final = pid
        self._told, self._process = told, process
        self._below: set[int] = set()

    def code(self) -> int | None:
        """The exit code; None while the command runs."""
        if self._process is not None:
            return self._process.poll()
        path = self._told / "code"
        return int(path.read_text()) if path.exists() else None

    def signal(self, sign: signal.Signals, pid: int | None = None) -> None:
        """Send a signal to the command, or to a process below it."""
        self._below |= set(descendants(self.pid))
        with suppress(ProcessLookupError):
            os.kill(pid or self.pid, sign)

    def wait(self, seconds: float) -> End:
        """Wait for the end of the command and of what it started; after `seconds` all of it is killed."""
        deadline = time.monotonic() + seconds
        while (code := self.code()) is None and time.monotonic() < deadline:
            time.sleep(0.004)
        hung = code is None
        if hung:
            self.signal(signal.SIGKILL)
        deadline = time.monotonic() + 20
        while any(map(alive, self._below)) and time.monotonic() < deadline:
            time.sleep(0.01)
        left = [pid for pid in self._below if alive(pid)]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self.code() is None:
            time.sleep(0.004)
        text = (self._told / "stderr").read_text(encoding="utf-8", errors="replace")
        return End(code=self.code() or 0, stderr=text, hung=hung, left=len(left))


class Launcher:
    """Starts commands, fresh or as forks of `forked.py`."""

    def __init__(self, *, forks: bool) -> None:
        self._forks = forks
        self._server: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def start(
        self, arguments: Sequence[str], folder: Path, told: Path, further: Mapping[str, str], *, fresh: bool
    ) -> Running:
        """Run `rlbff ARGUMENTS` in `folder`, with `further` variables; its streams go to files in `told`."""
        told.mkdir(parents=True)
        (told / "stderr").touch()
        if fresh or not self._forks:
            with (told / "stdout").open("wb") as out, (told / "stderr").open("wb") as errors:
                process = subprocess.Popen(
                    [*_PLAIN, *arguments],
                    cwd=folder,
                    env=environment() | further,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    start_new_session=True,
                )
            return Running(process.pid, told, process)
        order = {"arguments": list(arguments), "folder": str(folder), "told": str(told), "further": dict(further)}
        with self._lock:
            server = self._server = self._server or _start_server()
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(order) + "\n")
            server.stdin.flush()
            return Running(int(server.stdout.readline()), told, None)

    def close(self) -> None:
        """End the process that forks."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()
            self._server = None


@contextmanager
def launcher(*, forks: bool = True) -> Iterator[Launcher]:
    """A Launcher that is closed at the end; unless it `forks`, every command is a fresh process."""
    made = Launcher(forks=forks)
    try:
        yield made
    finally:
        made.close()


def environment() -> dict[str, str]:
    """The variables of this process without ours, one thread each, and our sitecustomize."""
    inherited = {
        name: text for name, text in os.environ.items() if not name.startswith(("RLBFF_", "OPENAI_", "TORTURE_"))
    }
    path = f"{ROOT / 'tests' / 'torture' / 'site'}{os.pathsep}{ROOT}"
    return inherited | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def descendants(pid: int) -> Iterator[int]:
    """The processes below a process, nearest first."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from descendants(child)


def workers_of(pid: int) -> list[int]:
    """The worker processes of a command: children that multiprocessing spawned, but for its tracker."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(child)
    return found


def alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _start_server() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.torture.forked"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
