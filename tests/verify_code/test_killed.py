"""The run, a worker, a zygote killed: the same command goes on, nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.extract_principles.commands import COMMAND, environment, rlbff, rows_of
from tests.verify_code.programs import RIGHT, row, write

SLOW = "import time\n\ndef add(a, b):\n    time.sleep(0.02)\n    return a + b\n"
OPTIONS = ("--machine-factor", "1", "--reruns", "1", "--rows-per-shard", "40")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """More programs than one part of the runs holds, each a little slow."""
    many = [row(f"{number}", f"# {number}\n{SLOW}") | {"tests": ["assert add(1, 2) == 3"]} for number in range(240)]
    return write(tmp_path / "p.jsonl", many)


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(rows: Path, tmp_path: Path) -> None:
    started = start(rows, tmp_path, "--workers", "1")
    wait_for(lambda: len(finished_parts(tmp_path / "out")) >= 1)
    below = descendants(started.pid)
    started.kill()
    started.communicate()
    wait_for(lambda: not any(alive(pid) for pid in below))
    before = {path: path.stat().st_mtime_ns for path in finished_parts(tmp_path / "out")}
    assert 1 <= len(before) < 6
    assert rows_of(tmp_path / "out") == []
    done = rlbff("verify-code", rows, "-o", "out", *OPTIONS, "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == time_of for path, time_of in before.items())
    assert [one["id"] for one in rows_of(tmp_path / "out")] == [str(number) for number in range(240)]
    assert all(one["kept"] for one in rows_of(tmp_path / "out"))


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_zygote_cost_no_verdict(rows: Path, tmp_path: Path) -> None:
    started = start(rows, tmp_path, "--workers", "2")
    # Zygotes are children of workers, which are children of the run.
    wait_for(lambda: len(workers_of(started.pid)) == 2 and finished_parts(tmp_path / "out"))
    first, second = workers_of(started.pid)
    zygote = children(second)[0]
    os.kill(zygote, signal.SIGKILL)
    os.kill(first, signal.SIGKILL)
    _, said = started.communicate(timeout=250)
    assert started.returncode == 0, said
    assert "the part is tried again" in said
    found = rows_of(tmp_path / "out")
    assert [one["id"] for one in found] == [str(number) for number in range(240)]
    assert {one["status"] for one in found} == {"done"}
    assert all(one["kept"] for one in found)


def test_an_interrupted_run_leaves_no_process_and_says_how_to_go_on(tmp_path: Path) -> None:
    source = "while True: pass\n" + RIGHT
    path = write(tmp_path / "p.jsonl", [row(f"{number}", f"# {number}\n{source}") for number in range(40)])
    started = start(path, tmp_path, "--workers", "1")
    wait_for(lambda: any(children(pid) for pid in children(started.pid)))
    below = descendants(started.pid)
    assert len(below) >= 3
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 75, said
    wait_for(lambda: not any(alive(pid) for pid in below))


def start(rows: Path, folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, "verify-code", str(rows), "-o", "out", *OPTIONS, *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished_parts(out: Path) -> list[Path]:
    """The stored runs of parts that are on record as finished."""
    runs = out / ".rlbff" / "runs"
    return [runs / f"{path.stem}.parquet" for path in sorted((runs / ".rlbff" / "done").glob("part-*.json"))]


def workers_of(pid: int) -> list[int]:
    """Children that have zygotes of their own; the resource tracker has none."""
    return [child for child in children(pid) if children(child)]


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    def walk(parent: int) -> Iterator[int]:
        for child in children(parent):
            yield child
            yield from walk(child)

    return list(walk(pid))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
