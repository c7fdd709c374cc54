"""Runs strangers by name, and says what is wrong: the canary, the processes, the verdict. A process of its own."""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stages.sandbox.jobs import Program, SplitTests, Tests
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Outcome, Verdict
from tests.sandbox.strangers.base import LIMITS, PATIENCE_S, PLAIN, PLAIN_BY_TESTS, STRANGERS, Stranger
from tests.sandbox.strangers.poisons import NUMPY, NUMPY_STRANGERS

SECRET = "SEC-5be1c0ffee-RET"


@dataclass
class Canary:
    """A folder, a listener and a signal that no program may reach, and what this process had before."""

    folder: Path
    listeners: tuple[socket.socket, ...]
    name: str
    port: int
    signals: list[int]

    def names(self) -> dict[str, str]:
        """What stands for the placeholders of a program."""
        return {
            "@CANARY@": str(self.folder),
            "@HARNESS@": str(os.getpid()),
            "@PORT@": str(self.port),
            "@NAME@": self.name,
        }

    def traces(self) -> Iterator[str]:
        """What has been changed since."""
        if (self.folder / "victim.txt").read_text() != "untouched\n":
            yield "the victim was written to"
        for file, mode in (("victim.txt", 0o666), ("secret.txt", 0o644), (".", 0o777)):
            found = (self.folder / file).stat()
            if (found.st_mode & 0o7777, found.st_uid, found.st_nlink > 2) != (mode, os.getuid(), False):
                yield f"{file} has other rights, another owner or another name: {found}"
        places = {"/tmp", "/var/tmp", "/dev/shm", "/", "/root", str(self.folder), os.getcwd(), *filter(None, sys.path)}
        for place in places:
            with suppress(OSError):
                for left in Path(place).glob("**/ESCAPE_*" if place == str(self.folder) else "ESCAPE_*"):
                    yield f"left behind: {left}"
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
        for table in Path("/proc/sysvipc").glob("*"):
            if str(0x57A96) in table.read_text().split():
                yield f"left behind in {table.name}"
        for listener in self.listeners:
            with suppress(BlockingIOError):
                listener.accept() if listener.type == socket.SOCK_STREAM else listener.recv(9)
                yield f"somebody called at {listener.getsockname()}"
        if self.signals:
            yield f"signals came through: {self.signals}"
            self.signals.clear()


@contextmanager
def canary() -> Iterator[Canary]:
    """Lay out what no program may reach."""
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    with tempfile.TemporaryDirectory(prefix="canary") as folder:
        Path(folder).chmod(0o777)
        for name, text, mode in (("secret.txt", SECRET, 0o644), ("victim.txt", "untouched\n", 0o666)):
            (Path(folder) / name).write_text(text)
            (Path(folder) / name).chmod(mode)
        name = f"stranger{os.getpid()}"
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        abstract, door = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        abstract.bind("\0" + name)
        door.bind(f"{folder}/door")
        Path(f"{folder}/door").chmod(0o777)
        listeners = (tcp, udp, abstract, door)
        for listener in listeners:
            if listener.type == socket.SOCK_STREAM:
                listener.listen()
            listener.setblocking(False)
        yield Canary(Path(folder), listeners, name, tcp.getsockname()[1], signals)
        for listener in listeners:
            listener.close()


def _filled(stranger: Stranger, names: dict[str, str]) -> tuple[Program, Tests]:
    """The program and its tests with the placeholders replaced."""

    def fill(text: str) -> str:
        return re.sub("|".join(names), lambda found: names[found.group()], text)

    entry, tests = stranger.entry_point, stranger.tests
    if isinstance(tests, SplitTests):
        tests = replace(tests, setup=fill(tests.setup), cases=tuple(map(fill, tests.cases)))
    return Program(source=fill(stranger.source), entry_point=entry and fill(entry)), tests


def _about_verdict(stranger: Stranger, verdict: Verdict) -> Iterator[str]:
    """Passes and statuses that are wrong, texts that would harm a reader, secrets that came out."""
    passed = {i for i, result in enumerate(verdict.results) if result.outcome is Outcome.PASS}
    said = f"{verdict.status}: {verdict.detail} {[(str(r.outcome), r.detail[:200]) for r in verdict.results[:4]]}"
    if stranger.honest and not verdict.all_passed:
        yield f"false reject: {said}"
    if not stranger.honest and not passed <= stranger.passes:
        yield f"false pass of {sorted(passed - stranger.passes)}: {said}"
    if verdict.status not in stranger.want:
        yield f"wrong status: {said}"
    texts = [verdict.detail, verdict.stderr_head, *(t for r in verdict.results for t in (r.test, r.detail))]
    for text in texts:
        if not all(char.isprintable() or char == "\n" for char in text):
            yield f"a terminal would act upon {text[:200]!a}"
        if len(text) > 10000:
            yield f"a text of {len(text)} characters"
        if SECRET in text or "ESCAPE_" in text:
            yield f"escape: {text[:400]!a}"


def descendants() -> set[int]:
    """Processes that come from this one; orphans among them are adopted by it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    mine, more = {os.getpid()}, True
    while more:
        new = {pid for pid, parent in parents.items() if parent in mine} - mine
        more = bool(new)
        mine |= new
    return mine - {os.getpid()}


def _settled(most: int, patience: float = 3.0) -> set[int]:
    """The descendants as soon as there are at most `most`, or after a while."""
    end = time.monotonic() + patience
    while len(found := descendants()) > most and time.monotonic() < end:
        time.sleep(0.02)
    return found


@dataclass
class Battery:
    """An open sandbox that has run one honest program of each mode, and what it then had."""

    sandbox: Sandbox
    canary: Canary
    processes: int = 0
    descriptors: int = 0

    def warm(self) -> None:
        """Start every process that stays."""
        for stranger in (PLAIN, *PLAIN_BY_TESTS.values(), NUMPY):
            self._verdict(stranger)
        self.processes = len(descendants())
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def _verdict(self, stranger: Stranger) -> Verdict:
        return self.sandbox.verify(*_filled(stranger, self.canary.names()))

    def defects(self, stranger: Stranger) -> list[str]:
        """All that is wrong with the sandbox as seen with this program and the one after it."""
        found: list[str] = []
        limits_before = [resource.getrlimit(what) for what in range(16)]
        for program in filter(None, (stranger, stranger.then, PLAIN_BY_TESTS["split"], PLAIN)):
            start, role = time.monotonic(), "" if program is stranger else f"then {program.name}: "
            try:
                verdict = self._verdict(program)
            except Exception as error:  # noqa: BLE001 - whatever it is, verify never raises
                found.append(f"{role}the harness raised {ascii(repr(error))[:600]}")
                continue
            found += [role + text for text in _about_verdict(program, verdict)]
            if time.monotonic() - start > PATIENCE_S:
                found.append(f"{role}hang: {time.monotonic() - start:.0f} s")
        found += self.canary.traces()
        if len(left := _settled(self.processes)) > self.processes:
            found.append(f"{len(left) - self.processes} processes left")
            for pid in left if len(left) > self.processes + 2 else ():
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        if len(os.listdir("/proc/self/fd")) > self.descriptors:
            found.append("descriptors left open in the harness")
            self.descriptors = len(os.listdir("/proc/self/fd"))
        if [resource.getrlimit(what) for what in range(16)] != limits_before:
            found.append("limits of the harness changed")
        return found


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve(level: str) -> None:
    """Run the programs named on stdin, one a line; answer each with one line of JSON, and one at the end.

    Raises ConfigError where this user cannot have the level.
    """
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    known = {stranger.name: stranger for stranger in (*STRANGERS, *NUMPY_STRANGERS)}
    with tempfile.TemporaryDirectory(prefix="strangers") as home, canary() as nest:
        tempfile.tempdir = os.environ["TMPDIR"] = home
        with open_sandbox(level, LIMITS, factor=1.0) as sandbox:  # type: ignore[arg-type]
            battery = Battery(sandbox, nest)
            battery.warm()
            for line in sys.stdin:
                start = time.monotonic()
                answer = {"name": line.strip(), "defects": battery.defects(known[line.strip()])}
                _say(answer | {"seconds": round(time.monotonic() - start, 2)})
        left = [f"left in the temporary folder: {name}" for name in os.listdir(home)]
        left += [f"left after closing: process {pid}" for pid in _settled(0)]
        _say({"name": "", "defects": left, "seconds": 0})


if __name__ == "__main__":
    serve(sys.argv[1])
