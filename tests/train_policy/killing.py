"""Runs of the command line that a signal hits at chosen moments: `python -m tests.train_policy.killing`.

One process loads torch once and forks a process for each run, since a run of the toy takes less than loading. A moment
has a name that is the same in every run: a file operation in the output folder, or a place in the computation. What a
run passes is appended to its journal; it signals itself at the first moment that it is told and did not do so before.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_OPERATIONS = {"open": 0, "os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "shutil.rmtree": 0}
_WRITES = os.O_WRONLY | os.O_RDWR


class Server:
    """Forks runs. `run` returns the exit code, or the negative number of the signal that ended the run."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        moments: Sequence[str] = (),
        own_rewards: bool = True,
        sign: signal.Signals = signal.SIGKILL,
    ) -> int:
        """Run `rlbff ARGUMENTS` in `folder`; `sign` hits it at the first of `moments` at which it hit none before.

        With `own_rewards`, the toy's rewards stand for those of --reward, which need processes.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "folder": str(folder),
            "arguments": list(arguments),
            "moments": list(moments),
            "own": own_rewards,
            "sign": int(sign),
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def server() -> Iterator[Server]:
    """A server of runs, with one thread each."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RLBFF_")}
    environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", __name__]
    # leaving the context closes stdin, at which the server ends
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Server(process)


def journal(folder: Path) -> list[str]:
    """The moments that the runs in a folder passed, in order; "hit MOMENT" where it ended one."""
    path = folder / "journal"
    return path.read_text().splitlines() if path.exists() else []


def stored(root: Path) -> dict[str, bytes]:
    """All files of an output folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


class _Watch:
    """Writes down the moments of this process, and signals it at one of them."""

    def __init__(self, folder: Path, moments: Sequence[str], sign: int) -> None:
        died = {line.removeprefix("hit ") for line in journal(folder) if line.startswith("hit ")}
        self._deadly, self._sign = set(moments) - died, sign
        self._root = str(folder / "out") + "/"
        self._journal = os.open(folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._busy = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook of Python."""
        place = _OPERATIONS.get(event)
        if place is None or self._busy or (event == "open" and not arguments[2] & _WRITES):
            return
        path = os.path.abspath(os.fspath(arguments[place])) if isinstance(arguments[place], str | Path) else ""
        if path.startswith(self._root):
            self.passed(f"{event} {re.sub('[.][0-9a-f]{16}$', '', path.removeprefix(self._root))}")

    def passed(self, moment: str, before: Callable[[], None] = lambda: None) -> None:
        """Tell of a moment; `before` is done in a process that then is killed."""
        self._busy = True
        if moment in self._deadly:
            if self._sign == signal.SIGKILL:
                before()
            os.write(self._journal, f"hit {moment}\n".encode())
            os.kill(os.getpid(), self._sign)
            self._deadly.clear()
        os.write(self._journal, f"{moment}\n".encode())
        self._busy = False


def _watch_computation(watch: _Watch) -> None:
    """Moments within sampling, scoring, optimiser steps and the writing of weights."""
    import torch

    from stages.models.sampler_rows import Rows
    from stages.train_policy.generating import Generator
    from stages.train_policy.learner import Learner

    def after(owner: Any, name: str, moment: Callable[..., str]) -> None:
        inner = getattr(owner, name)

        def told(*arguments: Any, **named: Any) -> Any:
            result = inner(*arguments, **named)
            watch.passed(moment(*arguments))
            return result

        setattr(owner, name, told)

    def save(inner: Callable[..., None], state: object, path: Path) -> None:
        inner(state, path)
        watch.passed(f"half {path.parent.name}/{path.name}", before=lambda: os.truncate(path, path.stat().st_size // 2))

    after(Rows, "admit", lambda rows: f"sample {rows._asked[0].seed}")
    after(Generator, "_sample", lambda source, number, round_, place, count: f"sampled {number} {round_}")
    after(Generator, "_score", lambda source, drawn, first: f"scored {drawn[0][0].id} {first} {len(drawn)}")
    after(torch.optim.AdamW, "step", lambda optimizer: f"stepped {_step_of(optimizer)}")
    after(Learner, "step", lambda learner, rows, batches, objective, number: f"learned {number}")
    torch.save = partial(save, torch.save)


def _step_of(optimizer: Any) -> int:
    return int(next(iter(optimizer.state.values()))["step"])


def _own_rewards() -> None:
    from stages.train_policy import learning
    from tests.toy_policy import DigitShare

    learning.open_rewards = lambda *arguments: DigitShare()  # type: ignore[assignment]


def _run(order: dict[str, Any]) -> int:
    from rlbff_cli.main import main

    folder = Path(order["folder"])
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    watch = _Watch(folder, order["moments"], order["sign"])
    _watch_computation(watch)
    if order["own"]:
        _own_rewards()
    sys.addaudithook(watch)
    return main(order["arguments"])


def _serve() -> None:
    """Fork a run for each line of stdin; its end is a line on stdout."""
    import stages.train_policy.run  # noqa: F401 - loaded once, for all runs

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _run(json.loads(line))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
