"""`torchrun --nproc-per-node 2` of a command of ours, and one of its two processes killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.extract_principles.commands import environment

WITHIN_S = 60
"""How long the other process may take to end before a test calls it hanging: two seconds, on a machine without load."""


def start(command: Sequence[object]) -> "subprocess.Popen[str]":
    """Start `rlbff COMMAND` in two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*launcher, "-m", "rlbff_cli", *map(str, command)],
        env=environment(OMP_NUM_THREADS="1", TORCH_CPP_LOG_LEVEL="ERROR"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(command: Sequence[object]) -> str:
    """Run `rlbff COMMAND` in two processes to its end; what it said on stderr."""
    process = start(command)
    out, said = process.communicate(timeout=280)
    assert process.returncode == 0, said
    assert len(out.splitlines()) == 1, "only the first process names the folder"
    return said


def kill(command: Sequence[object], rank: int, when: Callable[[], bool]) -> str:
    """Start a run, SIGKILL one of its processes when `when` says so, and return what was said on stderr.

    torchrun is stopped meanwhile: the other process ends by itself, before torchrun would end it.
    """
    launcher = start(command)
    while not when():
        assert launcher.poll() is None, launcher.communicate()
        time.sleep(0.01)
    workers = _workers(launcher.pid)
    os.kill(launcher.pid, signal.SIGSTOP)
    os.kill(workers[rank], signal.SIGKILL)
    end = time.monotonic() + WITHIN_S
    while _stat(workers[1 - rank])[0] != "Z":
        assert time.monotonic() < end, "the other process hangs"
        time.sleep(0.01)
    os.kill(launcher.pid, signal.SIGCONT)
    _, said = launcher.communicate(timeout=60)
    assert launcher.returncode != 0
    return said


def killed_and_relaunched(
    command: Sequence[object], folder: Path, ranks: Sequence[int], reached: Callable[[int], bool]
) -> str:
    """Kill one process after the other, the n-th when `reached(n)`; what the run said that then goes to its end.

    The other process ends too, with a sentence, and half a checkpoint that is left behind does not count.
    """
    for number, rank in enumerate(ranks, 1):
        said = kill(command, rank, lambda number=number: reached(number))  # type: ignore[misc]
        assert "Another process of this run has ended" in said
        assert "bug in rlbff" not in said
    (checkpoints,) = (folder / ".rlbff" / "training").iterdir()
    half = half_a_checkpoint(checkpoints)
    said = finish(command)
    assert not half.exists()
    return said


def half_a_checkpoint(folder: Path) -> Path:
    """Leave beside the checkpoints in `folder` what one is whose writing was cut short; returns its path."""
    half = folder / "checkpoint-999"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"cut sh")
    return half


def _workers(launcher: int) -> dict[int, int]:
    """The numbers of the two processes by their rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if _stat(int(path.name))[1] == str(launcher):
                variables = (path / "environ").read_bytes().decode(errors="replace").split("\0")
                found |= {int(text[5:]): int(path.name) for text in variables if text.startswith("RANK=")}
    assert found.keys() == {0, 1}
    return found


def _stat(process: int) -> list[str]:
    """The state of a process, its parent, and more that /proc says of it."""
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
