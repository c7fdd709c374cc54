"""Many verdicts by one sandbox: does anything grow? `bench_sandbox.py --soak N` runs it."""

import os
import tempfile
import time
from pathlib import Path
from typing import Final

from stages.sandbox.jobs import Program, Tests
from stages.sandbox.sandbox import Sandbox, open_sandbox

_WARM: Final = 500


def run(program: Program, tests: Tests, count: int) -> list[tuple[str, ...]]:
    """Rows (verdicts, MiB of the caller and of each zygote, descriptors, processes, temporary entries, verdicts/s)."""
    head = ("verdicts", "caller MiB", "zygotes MiB", "descriptors", "processes", "temporary entries", "verdicts/s")
    rows: list[tuple[str, ...]] = [head]
    with tempfile.TemporaryDirectory(prefix="rlbff-soak-") as place, _opened_in(place) as box:
        _give(box, program, tests, _WARM)
        start = time.perf_counter()
        rows.append(_state(box, place, 0, 0.0))
        done = 0
        for part in range(1, 5):
            _give(box, program, tests, part * count // 4 - done)
            done = part * count // 4
            rows.append(_state(box, place, done, done / (time.perf_counter() - start)))
    return rows


def _opened_in(place: str) -> Sandbox:
    """A sandbox whose temporary folder holds nothing of anybody else."""
    before, tempfile.tempdir = tempfile.tempdir, place
    try:
        return open_sandbox("standard", factor=1.0)
    finally:
        tempfile.tempdir = before


def _give(box: Sandbox, program: Program, tests: Tests, count: int) -> None:
    for _ in range(count):
        assert box.verify(program, tests).all_passed


def _state(box: Sandbox, place: str, done: int, speed: float) -> tuple[str, ...]:
    descriptors = [len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), *box.pids)]
    children = [len(_children(pid)) for pid in (os.getpid(), *box.pids)]
    return (
        str(done),
        f"{_resident(os.getpid()):.2f}",
        " ".join(f"{_resident(pid):.2f}" for pid in box.pids),
        "+".join(map(str, descriptors)),
        "+".join(map(str, children)),
        str(len(list(Path(place).rglob("*")))),
        f"{speed:.0f}",
    )


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
