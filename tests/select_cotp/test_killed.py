"""A run killed again and again, in every pass: the same command goes on and ends with the same bytes."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.extract_principles.commands import COMMAND, contents, environment, rlbff
from tests.select_cotp.pools import cots, write

OPTIONS = ("--core", "core.jsonl", "--per-core", "3", "--rows-per-shard", "100", "--workers", "1", "--sweep", "0")


@pytest.mark.timeout(600)
@pytest.mark.campaign
@pytest.mark.parametrize("kills", [2, 30])
def test_kills_at_random_moments_leave_the_same_selection(tmp_path: Path, kills: int) -> None:
    draw = random.Random(3)
    write(tmp_path / "pool.jsonl", cots("p", 1500, 1))
    write(tmp_path / "core.jsonl", cots("c", 20, 2))
    clean = tmp_path / "clean"
    clean.mkdir()
    for name in ("pool.jsonl", "core.jsonl"):
        (clean / name).write_bytes((tmp_path / name).read_bytes())
    begun = time.monotonic()
    done = rlbff("select-cotp", "pool.jsonl", *OPTIONS, "-o", "out", cwd=clean)
    assert done.returncode == 0, done.stderr
    whole = time.monotonic() - begun
    killed = 0
    for _ in range(kills):
        started = subprocess.Popen(
            [*COMMAND, "select-cotp", "pool.jsonl", *OPTIONS, "-o", "out"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(draw.uniform(0.3, 1.0) * whole)
        killed += started.poll() is None
        started.send_signal(signal.SIGKILL)
        started.wait()
        if draw.random() < 0.3:
            # a part that is gone is made again
            for path in list((tmp_path / "out").glob("part-*.parquet"))[:1]:
                path.unlink()
    assert killed >= max(1, kills // 6)
    done = rlbff("select-cotp", "pool.jsonl", *OPTIONS, "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ours, theirs = contents(tmp_path / "out"), contents(clean / "out")
    # what is stored of candidates depends on which parts a process had seen before
    assert {n for n in ours if "candidates" not in n} == {n for n in theirs if "candidates" not in n}
    for name, data in theirs.items():
        if "candidates" not in name:
            assert ours[name] == data, name
