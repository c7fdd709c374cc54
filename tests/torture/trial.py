"""One command of the chain in a folder of its own: started, watched until a moment, ended, and what is there then."""

import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.torture.chain import Case, lay_out
from tests.torture.compare import difference
from tests.torture.launch import End, Launcher, Running
from tests.torture.server import Server


class Clean(NamedTuple):
    """A run without faults: its folder, seconds that it took, and how many files came into being in it."""

    folder: Path
    seconds: float
    files: int


@dataclass
class Trial:
    """A command and its fault. `missed` counts moments that were drawn before and came after its end.

    `ends` are the ends of all commands so far, with the signal that each was sent; `fresh` says that each command is a
    process of its own, which has to load what it needs.
    """

    case: Case
    folder: Path
    clean: Clean
    runs: Path
    launcher: Launcher
    server: Server
    draw: random.Random
    ends: list[tuple[End, signal.Signals | None]] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)
    fresh: bool = False
    missed: int = 0
    key: str = "none"
    moment: str = ""
    harmed: set[str] = field(default_factory=set)
    started: int = 0

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    def lay_out(self) -> None:
        """Make the folder with the inputs, anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        lay_out(self.case, self.folder, self.runs)

    def start(self, *options: str, **further: str) -> Running:
        """Start the command with further options and variables."""
        self.started += 1
        told = self.folder.with_name(f"{self.folder.name}.told") / str(self.started)
        variables = {"RLBFF_LLM_KEY": self.key} | further
        arguments = [*self.case.arguments(self.server.url), *options]
        return self.launcher.start(arguments, self.folder, told, variables, fresh=self.fresh)

    def end(self, running: Running, sent: signal.Signals | None = None) -> End:
        """Wait for the end of a command and remember it."""
        result = running.wait(60 + 30 * self.clean.seconds)
        self.ends.append((result, sent))
        return result

    def run(self, *options: str, **further: str) -> End:
        """Start the command and wait for its end."""
        return self.end(self.start(*options, **further))

    def any_moment(self) -> Callable[[Running], bool]:
        """A moment of the run, drawn: a time, or the coming of a file. The result waits for it."""
        if self.draw.random() < 0.4:
            # a fresh process takes a while to load
            seconds = self.draw.uniform(0.1, 1.0) * self.clean.seconds + self.fresh * self.draw.random()
            seconds *= 0.7**self.missed
            self.moment = f"after {seconds:.2f} s"
            return lambda running: _lives_until(running, lambda: False, seconds)
        number = self.draw.randint(1, max(1, self.clean.files - 1))
        self.moment = f"at file {number} of {self.clean.files}"
        watch = FilesSeen(self.out)
        return lambda running: _lives_until(running, lambda: watch.count() >= number, 600.0)

    def close(self) -> None:
        """Take away disks and faults of the server."""
        self.stack.close()
        self.server.faults.pop(self.key, None)


class FilesSeen:
    """Counts the files that were ever seen in a folder, the random ends of scratch names left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()

    def count(self) -> int:
        """Look again, and tell how many there were so far."""
        for path in _files(self._folder):
            self._seen.add(re.sub(r"[.][0-9a-f]{16}$", "", path))
        return len(self._seen)


def _files(folder: Path) -> list[str]:
    try:
        return [str(path) for path in folder.rglob("*") if not path.is_dir()]
    except OSError:  # a folder that goes while it is walked
        return []


def _lives_until(running: Running, happened: Callable[[], bool], seconds: float) -> bool:
    """Wait for what shall happen, or so many seconds; whether the command still ran then."""
    deadline = time.monotonic() + seconds
    while running.code() is None:
        if happened() or time.monotonic() >= deadline:
            return running.code() is None
        time.sleep(0.002)
    return False


def measure(case: Case, runs: Path, launcher: Launcher, server: Server) -> Clean:
    """Run a case without faults in `runs`, twice: what is compiled once takes long. Both must leave the same bytes."""
    first = _clean_run(case, runs, launcher, server)
    kept = first.folder.with_name("first")
    first.folder.rename(kept)
    second = _clean_run(case, runs, launcher, server, kept)
    if found := difference(kept, second.folder):
        raise RuntimeError(f"two clean runs of {case.name} differ: {found}")
    return second


def _clean_run(case: Case, runs: Path, launcher: Launcher, server: Server, kept: Path | None = None) -> Clean:
    folder = runs / case.name
    trial = Trial(case, folder, Clean(folder / "out", 20.0, 0), runs, launcher, server, random.Random(0))
    trial.started = int(kept is not None)
    if kept is None:
        trial.lay_out()
    begun, seen = time.monotonic(), FilesSeen(trial.out)
    running = trial.start()
    _lives_until(running, lambda: seen.count() < 0, 600.0)
    seconds = time.monotonic() - begun
    result = trial.end(running)
    if result.code != 0:
        raise RuntimeError(f"the clean run of {case.name} ended with {result.code}:\n{result.stderr}")
    return Clean(trial.out, seconds, seen.count())


def options_after(end: End, options: Sequence[str]) -> list[str]:
    """What a user adds to the same command after such an end, because its last line says so."""
    wanted: Mapping[str, bool] = {
        "--retry-rejected": end.code == 3,
        "--overwrite": end.code in (65, 73) and "--overwrite" in end.stderr,
        "--no-resume": end.code in (65, 73) and "--no-resume" in end.stderr,
    }
    return [*options, *(option for option, add in wanted.items() if add and option not in options)]
