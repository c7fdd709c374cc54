"""The caller's hands on a zygote: start it, fork a child, end a child, and find out that it is gone or stopped."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from stages.core.errors import ConfigError, RlbffError
from stages.sandbox import waiting
from stages.sandbox.confine import Bounds
from stages.sandbox.layers import Layer
from stages.sandbox.limits import Limits
from stages.sandbox.paths import readable
from stages.sandbox.zygote import COMMAND, END, ENDED, READY, ROLES, SPAWN, SPAWNED, Setting

_CODE: Final = "import sys; sys.path.insert(0, {root!r}); from stages.sandbox.zygote import main; main()"
_MESSAGE_BYTES: Final = 1 << 16
_NO_LIMIT: Final = -1


class ZygoteGone(Exception):
    """The zygote was killed or stopped from outside; nothing is known about the child it had."""


class Ended(NamedTuple):
    """How a child ended: the signal that ended it, 0 for none or for ours; exit status; CPU seconds; memory in KiB."""

    signal: int
    code: int
    cpu: float
    rss_kb: int
    by_itself: bool


class Child:
    """A forked process, watched from outside."""

    def __init__(self, zygote: "Zygote", pid: int) -> None:
        self.pid: Final = pid
        self._zygote = zygote
        self.exit: Final = os.pidfd_open(pid)
        self._ended: Ended | None = None

    def cpu(self) -> float:
        """CPU seconds used so far, by all its threads."""
        try:
            return time.clock_gettime(~self.pid << 3 | 2)
        except OSError:
            return 0.0

    def threads(self) -> int:
        """How many threads it has."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return 0
        return int(text.rpartition(")")[2].split()[17])

    def close(self) -> None:
        """Let go of it; it must have been ended, or its zygote must be gone."""
        os.close(self.exit)

    def end(self, patience: float = 0.0) -> Ended:
        """Kill it if it still runs after `patience` seconds; the folder it used is empty afterwards."""
        if self._ended is None:
            by_itself = bool(select.select([self.exit], [], [], patience)[0])
            self._ended = self._zygote.end(self.pid, by_itself=by_itself)
        return self._ended


class Zygote:
    """One zygote process and its control channel."""

    def __init__(
        self,
        base: Path,
        layers: tuple[Layer, ...],
        packages: tuple[str, ...],
        limits: Limits,
        *,
        tests: bool,
        seed: int,
    ) -> None:
        """Prepare; the process starts with `start`.

        `base`: its folder; `tests`: its children run tests, not programs; `seed`: of their
        hashes and pseudo-random numbers.
        """
        self.work: Final = base / "work"
        self.sees_folder: Final = Layer.NAMESPACES not in layers
        """Whether the caller sees the children's folder; in a mount namespace it does not."""
        base.mkdir(mode=0o700)
        self.work.mkdir(mode=0o700)
        paths = readable(packages)
        self._setting = Setting(
            control=-1,
            tests=tests,
            layers=layers,
            base=str(base),
            work=str(self.work),
            readable=paths.rules,
            shown=paths.shown,
            hidden=paths.hidden,
            folder_bytes=limits.folder,
            bounds=_bounds(limits, layers),
            packages=packages,
            site=paths.site,
            seed=seed,
        )
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it serves; raises ConfigError with its reason where it cannot."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        setting = self._setting._replace(control=theirs.fileno())
        code = _CODE.format(root=str(Path(__file__).parents[2]))
        command = [sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", code, json.dumps(setting)]
        with theirs:
            self._process = subprocess.Popen(
                command,
                env={
                    "PYTHONHASHSEED": str(self._setting.seed),
                    "LANG": "C.UTF-8",
                    "OPENBLAS_NUM_THREADS": "1",
                    "LD_BIND_NOW": "1",
                },
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # A session of its own: a signal from the terminal reaches the caller, who then ends it.
                start_new_session=True,
            )
        self._control = ours
        try:
            answer = json.loads(self._hear())
        except ZygoteGone:
            process = self._process
            self.close()
            answer = ["failed", f"{sys.executable} did not come up and ended with status {process.returncode}"]
        if answer != [READY]:
            self.close()
            layers = ", ".join(self._setting.layers)
            raise ConfigError(f"the sandbox cannot start ({layers}): {answer[1]}. `probe()` says what is missing here.")

    def spawn(self, role: str, cpu: int, descriptors: Mapping[int, int]) -> Child:
        """Fork a child of a role that may use `cpu` seconds. `descriptors`: which of ours becomes its 0 to 4."""
        message = COMMAND.pack(SPAWN, ROLES.index(role), cpu) + bytes(descriptors)
        (pid,) = SPAWNED.unpack(self._ask(message, list(descriptors.values())))
        if pid < 0:
            raise RlbffError(f"the sandbox cannot fork: {os.strerror(-pid)}. Free memory or processes and run again.")
        try:
            return Child(self, pid)
        except ProcessLookupError:
            # It died with the zygote before it could be watched.
            raise ZygoteGone from None

    def end(self, pid: int, *, by_itself: bool) -> Ended:
        """Kill and reap a child; `by_itself`: it has been seen to have ended before."""
        status, cpu, rss = ENDED.unpack(self._ask(COMMAND.pack(END, 0, pid), []))
        signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) and by_itself else 0
        return Ended(signal, os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0, cpu, rss, by_itself)

    @property
    def pid(self) -> int | None:
        """Process number while it runs."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process and all its children."""
        self._hang_up()
        if self._process is not None:
            waiting.until_ended(self._process)
            self._process = None

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _ask(self, message: bytes, descriptors: list[int]) -> bytes:
        if self._control is None:
            raise ZygoteGone
        try:
            socket.send_fds(self._control, [message], descriptors)
        except OSError:
            raise ZygoteGone from None
        try:
            return self._hear()
        except BaseException:
            # An answer that comes after all must not be taken for one to the next question.
            self._hang_up()
            raise

    def _hear(self) -> bytes:
        assert self._control is not None
        assert self._process is not None
        if not waiting.answers(self._control, self._process.pid):
            raise ZygoteGone
        try:
            message = self._control.recv(_MESSAGE_BYTES)
        except OSError:
            raise ZygoteGone from None
        if not message:
            raise ZygoteGone
        return message


def _bounds(limits: Limits, layers: tuple[Layer, ...]) -> Bounds:
    # Outside a user namespace the limit of processes counts all of the user's, of which there may be many.
    processes = limits.threads + 32 if Layer.NAMESPACES in layers else _NO_LIMIT if Layer.SECCOMP in layers else 4096
    return Bounds(limits.memory, limits.file, limits.descriptors, processes)
