"""The process that forks one child per program: small, loaded once, and told nothing about programs or tests.

It is a fresh interpreter with an empty environment, so that children inherit no memory of the caller. It hears two
commands, spawn and end, each with plain numbers; program and tests reach the children through their own channels. It
confines itself as far as it can, so that its children start behind its walls.
"""

import gc
import json
import os
import random
import select
import signal
import socket
import sys
from typing import Final, NamedTuple

from stages.sandbox import folder, frames, landlock, libc, namespaces, script, solution, stub, tester
from stages.sandbox.confine import Cell, Walls
from stages.sandbox.frames import Value
from stages.sandbox.layers import Layer

READY: Final = "ready"
ROLES: Final = {"solution": solution.serve, "script": script.serve, "tester": tester.serve}
_SPAWN_BYTES: Final = 1 << 16
_PRELOAD: Final = (
    *("math", "re", "collections", "itertools", "functools", "heapq", "bisect", "string", "random", "typing"),
    *("datetime", "operator", "copy", "json", "decimal", "fractions", "statistics", "hashlib", "io", "contextlib"),
    *("dataclasses", "enum", "abc", "types", "textwrap", "traceback", "unicodedata", "linecache", "array"),
)


class Setting(NamedTuple):
    """What a zygote is started with."""

    control: int
    layers: tuple[str, ...]
    base: str
    """Its own folder: the only one it may write below."""
    work: str
    """The folder of its programs, below `base`."""
    readable: tuple[tuple[str, int], ...]
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    folder_bytes: int
    packages: tuple[str, ...]
    site: str | None


def main() -> None:
    """Read the setting from the command line, shut the doors, and serve until the caller is gone."""
    sys.path.pop(0)
    setting = Setting(*json.loads(sys.argv[1]))
    control = socket.socket(fileno=setting.control)
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
        self._walls = Walls(self._layers, setting.work)
        self._state = folder.FolderState(setting.work)
        _warm_up()
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
                message, descriptors, _, _ = socket.recv_fds(self._control, _SPAWN_BYTES, 8)
            except OSError:
                break
            if not message:
                break
            command, *rest = json.loads(message)
            answer = self._spawn(rest[0], rest[1], rest[2], descriptors) if command == "spawn" else self._end(rest[0])
            self._control.send(json.dumps(answer).encode())
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

    def _spawn(self, role: str, numbers: list[int], targets: list[int], descriptors: list[int]) -> list[Value]:
        """Fork a child; `targets` say which descriptor (0 to 4) each of those sent along becomes."""
        parent = 0 if self._own_namespace else self._me
        cell = Cell(parent, *numbers)
        try:
            pid = namespaces.fork_alone() if self._own_namespace else os.fork()
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0:
            self._become(role, cell, dict(zip(targets, descriptors, strict=True)))
        for descriptor in descriptors:
            os.close(descriptor)
        return [pid]

    def _become(self, role: str, cell: Cell, descriptors: dict[int, int]) -> None:
        """Turn this forked process into a child of a role; never returns."""
        try:
            self._walls.shut(cell, descriptors)
            random.seed(0)
            ROLES[role]()
        except BaseException as error:  # noqa: BLE001  # a child must never go on as a second zygote
            os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="backslashreplace")[:2000])
            os._exit(121)
        finally:
            os._exit(0)

    def _end(self, pid: int) -> list[Value]:
        """Kill a child if it still runs; how it ended, its CPU seconds and its largest memory in KiB."""
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        self._kill_strays()
        self._clean()
        return [status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]

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
        self._state = folder.FolderState(self._setting.work)


def _warm_up() -> None:
    """Run what every child runs, so that the interpreter's caches are filled before the fork and not after each."""
    read, write = os.pipe()
    ours, theirs = socket.socketpair()
    for _ in range(16):
        recursion = solution.Recursion(0)
        names, _problem = solution.load("def f(a, b):\n    return a + b\n", "__warm_up__", recursion)
        frames.send(write, ["c", 1, "f", [[1], [{"f": "0x1p+0"}]], {"d": []}])
        _, turn, name, args, kwargs = frames.receive(read)
        frames.send(write, solution.answer(names, turn, name, args, kwargs, recursion))
        frames.receive(read)
        recursion.__enter__()
        frames.send(ours.fileno(), ["r", 1, [3], None])
        stub.Solution(theirs.fileno(), names).call("f", ([1], 2), {})
        ours.recv(1 << 12)
    ours.close()
    theirs.close()
    del sys.modules["__warm_up__"]
    os.close(read)
    os.close(write)


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
