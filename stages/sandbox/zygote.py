"""The process that forks one child per program: small, loaded once, and told nothing about programs or tests.

It is a fresh interpreter with an empty environment, so that children inherit no memory of the caller. It hears two
commands, spawn and end, each with plain numbers; program and tests reach the children through their own channels. It
confines itself as far as it can, so that its children start behind its walls.

A command is COMMAND: (END, 0, process number) or (SPAWN, role, CPU seconds), the latter followed by one byte for each
descriptor sent along, the one of 0 to 4 that it becomes. The answers are SPAWNED and ENDED.
"""

import fcntl
import gc
import json
import os
import random
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, NoReturn

from stages.sandbox import folder, landlock, libc, namespaces, script, solution, tester, warm_up
from stages.sandbox.confine import FIRST_FREE, Bounds, Walls, reserve_descriptors
from stages.sandbox.layers import Layer

READY: Final = "ready"
ROLES: Final = ("solution", "script", "tester")
SPAWN, END = 0, 1
COMMAND: Final = struct.Struct("=BBi")
SPAWNED: Final = struct.Struct("=i")
"""Process number, or minus the error number."""
ENDED: Final = struct.Struct("=idq")
"""Status as of wait, CPU seconds, largest memory in KiB."""
_SERVE: Final[tuple[Callable[[], None], ...]] = (solution.serve, script.serve, tester.serve)
_ANCILLARY: Final = socket.CMSG_SPACE(8 * 4)
_PRELOAD: Final = (
    *("math", "re", "collections", "itertools", "functools", "heapq", "bisect", "string", "random", "typing"),
    *("datetime", "operator", "copy", "json", "decimal", "fractions", "statistics", "io", "contextlib"),
    *("dataclasses", "enum", "abc", "types", "textwrap", "traceback", "unicodedata", "linecache", "array"),
)


class Setting(NamedTuple):
    """What a zygote is started with."""

    control: int
    tests: bool
    """Whether its children run tests; otherwise they run programs."""
    layers: tuple[str, ...]
    base: str
    """Its own folder: the only one it may write below."""
    work: str
    """The folder of its programs, below `base`."""
    readable: tuple[tuple[str, int], ...]
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    folder_bytes: int
    bounds: tuple[int, ...]
    """See confine.Bounds."""
    packages: tuple[str, ...]
    site: str | None
    seed: int
    """Of all pseudo-random numbers; the hashes have it from the environment."""


def main() -> None:
    """Read the setting from the command line, shut the doors, and serve until the caller is gone."""
    sys.path.pop(0)
    setting = Setting(*json.loads(sys.argv[1]))
    control = socket.socket(fileno=fcntl.fcntl(setting.control, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE))
    os.close(setting.control)
    reserve_descriptors()
    try:
        zygote = Zygote(setting, control)
    except Exception as error:  # noqa: BLE001  # the caller turns whatever it is into its own error
        control.send(json.dumps(["failed", f"{type(error).__name__}: {error}"[:1000]]).encode())
        return
    control.send(json.dumps([READY]).encode())
    zygote.serve()


class Zygote:
    """One child at a time is the rule, but nothing depends on it: each is ended by its number."""

    def __init__(self, setting: Setting, control: socket.socket) -> None:
        self._layers = tuple(Layer(name) for name in setting.layers)
        self._setting = setting
        self._control = control
        self._own_namespace = Layer.NAMESPACES in self._layers
        self._fork = _fork(self._layers, setting.seed)
        self._caller = os.getppid()
        self._me = os.getpid()
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_DFL)
        _load(_PRELOAD)
        _load_from(setting.site, setting.packages)
        # A lone surrogate in a correct program's output must not end it.
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are plain text streams
        libc.adopt_orphans()
        self._children = _children_file(self._me)
        self._shut()
        self._walls = Walls(self._layers, setting.work, Bounds(*setting.bounds))
        self._state = folder.FolderState(setting.work)
        warm_up.program()
        if setting.tests:
            warm_up.tests()
        _seed(setting.packages, setting.seed)
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Answer commands; ends when the caller closes its side or is gone, and takes all children along."""
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        while True:
            if not waiting.poll(2000):
                if os.getppid() != self._caller:
                    break
                continue
            try:
                message, ancillary, _, _ = self._control.recvmsg(64, _ANCILLARY)
            except OSError:
                break
            if not message:
                break
            command, role, number = COMMAND.unpack_from(message)
            if command == END:
                answer = self._end(number)
            else:
                descriptors = struct.unpack(f"{len(message) - COMMAND.size}i", ancillary[0][2])
                answer = self._spawn(role, number, list(zip(message[COMMAND.size :], descriptors, strict=True)))
            self._control.send(answer)
        self._kill_strays()
        self._clean()

    def _shut(self) -> None:
        setting = self._setting
        if self._own_namespace:
            namespaces.enter()
            namespaces.minimal_root(setting.shown, setting.hidden, setting.work, work_bytes=setting.folder_bytes)
            return
        if Layer.LANDLOCK in self._layers:
            libc.refuse_new_privileges()
            rules = [(path, rights) for path, rights in setting.readable if os.path.exists(path)]
            devices = [("/dev/null", landlock.DEVICE), ("/dev/urandom", landlock.READ)]
            landlock.restrict([*rules, *devices, (setting.base, landlock.WRITE)])

    def _spawn(self, role: int, cpu: int, descriptors: list[tuple[int, int]]) -> bytes:
        """Fork a child; `descriptors`: (which of 0 to 4 it becomes, which of ours)."""
        try:
            pid = self._fork()
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            self._become(role, cpu, descriptors)
        for _, descriptor in descriptors:
            os.close(descriptor)
        return SPAWNED.pack(pid)

    def _become(self, role: int, cpu: int, descriptors: list[tuple[int, int]]) -> NoReturn:
        """Turn this forked process into a child of a role."""
        try:
            self._walls.shut(cpu, descriptors)
            _SERVE[role]()
        except BaseException as error:  # noqa: BLE001  # a child must never go on as a second zygote
            os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="backslashreplace")[:2000])
            os._exit(121)
        finally:
            os._exit(0)

    def _end(self, pid: int) -> bytes:
        """Kill a child if it still runs, and clean up; how it ended."""
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        self._kill_strays()
        self._clean()
        return ENDED.pack(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)

    def _kill_strays(self) -> None:
        """End what the child left behind: orphans became our children."""
        while text := os.pread(self._children, 4096, 0):
            for pid in text.split():
                os.kill(int(pid), signal.SIGKILL)
            while _reaped():
                pass

    def _clean(self) -> None:
        if self._state.is_untouched():
            return
        if self._own_namespace:
            namespaces.fresh_work(self._setting.work, self._setting.folder_bytes)
        else:
            folder.renew(self._setting.work)
        self._walls.renewed()
        self._state = folder.FolderState(self._setting.work)


def _fork(layers: tuple[Layer, ...], seed: int) -> Callable[[], int]:
    if Layer.NAMESPACES in layers:
        return namespaces.fork_alone()
    # A level of limits alone also serves machines whose system calls are not known by number.
    return libc.Fork() if Layer.CAPABILITIES in layers else partial(_plain_fork, seed)


def _plain_fork(seed: int) -> int:
    pid = os.fork()
    if pid == 0:
        # Python's own fork has just seeded it from the system.
        random.seed(seed)
    return pid


def _seed(packages: tuple[str, ...], seed: int) -> None:
    """Give all programs the same pseudo-random numbers, so that a verdict can be repeated; others by another seed."""
    random.seed(seed)
    if "numpy" in packages:
        sys.modules["numpy"].random.seed(seed)


def _children_file(pid: int) -> int:
    return os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        __import__(name)


def _load_from(site: str | None, packages: tuple[str, ...]) -> None:
    """Import packages that lie outside the standard library, without leaving their folder on the path."""
    if site is not None:
        sys.path.append(site)
        _load(packages)
        sys.path.remove(site)
