"""Arrays of shares of one run: in any order, killed and called again, two at once; together they are one whole run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.core.manifest import folder_status
from tests.core.test_runner import contents

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"

PRINCIPLES = ("extract-principles", str(SAMPLES / "feedback.jsonl"), "--rows-per-shard", "8")
CHAINS = ("select-cotp", str(SAMPLES / "cots.jsonl"), "--core", str(SAMPLES / "core.jsonl"), "--rows-per-shard", "40")
VERDICTS = ("verify-code", str(SAMPLES / "programs.jsonl"), "--limit", "12", "--rows-per-shard", "4")


def start(folder: Path, command: tuple[str, ...], *options: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "rlbff_cli", *command, "-o", "out", *options]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RLBFF_")}
    environ |= {"PYTHONPATH": str(ROOT), "RLBFF_WORKERS": "1"}
    return subprocess.Popen(words, cwd=folder, env=environ, stdout=-1, stderr=-1, text=True)


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, said = process.communicate(timeout=120)
    return process.returncode, out, said


def same(root: Path) -> dict[str, bytes]:
    """What a folder must hold whoever made it: all but the log, the locks, and how the last run was called.

    Programs never take the same time twice; how many candidates are stored depends on those found before.
    """
    free = ("config.yaml", "runs/", "timings/", "candidates/")
    files = {name: data for name, data in contents(root).items() if "/lock" not in name}
    files = {name: data for name, data in files.items() if not name.removeprefix(".rlbff/").startswith(free)}
    if (root / ".rlbff" / "timings").exists():  # their sizes and hashes stand in the records
        files = {name: data for name, data in files.items() if not name.startswith((".rlbff/done/", ".rlbff/manifest"))}
    return files


@pytest.mark.parametrize(
    ("shares", "command"),
    [
        pytest.param(3, PRINCIPLES, marks=pytest.mark.slow),
        pytest.param(2, CHAINS, marks=pytest.mark.campaign),
        pytest.param(3, VERDICTS, marks=pytest.mark.campaign),
    ],
)
def test_shares_killed_at_random_and_called_again_make_the_folder_of_one_run(
    shares: int, command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    began = time.monotonic()
    assert end(start(tmp_path / "whole", command))[0] == 0
    whole_s = time.monotonic() - began
    rng, out = random.Random(command[0]), tmp_path / "out"
    calls = [f"{share + 1}/{shares}" for share in range(shares)]
    rng.shuffle(calls)
    doomed, last = calls[0], calls[-1]
    for share in calls:
        process = start(tmp_path, command, "--shard", share)
        if share == doomed:
            time.sleep(rng.uniform(0.3, 0.9) * whole_s)
            process.kill()
            process.communicate()
        else:
            others = [start(tmp_path, command, "--shard", doomed)] if share == last else []
            for one in (process, *others):
                code, told, said = end(one)
                assert (code, told) in ((0, ""), (0, "out\n")), said
    for _ in range(2):  # a stage of several passes is called again for the next
        if not folder_status(out).finished:
            for process in [start(tmp_path, command, "--shard", share) for share in calls]:
                assert end(process)[0] == 0
    assert folder_status(out).finished
    assert same(out) == same(tmp_path / "whole" / "out")


@pytest.mark.slow
def test_a_share_keeps_out_its_double_and_status_tells_what_is_left(tmp_path: Path) -> None:
    assert end(start(tmp_path, PRINCIPLES, "--shard", "2/3"))[0] == 0
    first = start(tmp_path, PRINCIPLES, "--shard", "1/3")
    lock = tmp_path / "out" / ".rlbff" / "lock-1-of-3"
    while not lock.exists() and first.poll() is None:
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    try:
        status = subprocess.run(
            [sys.executable, "-m", "rlbff_cli", "status", "out", "--json"],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        code, told, said = end(start(tmp_path, PRINCIPLES, "--shard", "1/3"))
        whole = end(start(tmp_path, PRINCIPLES))
    finally:
        first.send_signal(signal.SIGCONT)
    assert end(first)[0] == 0
    assert (code, told) == (73, "")
    assert said.strip().splitlines()[-1] == (
        "error: out is in use by another run; wait for it or choose another --out."
    )
    assert whole[0] == 73
    state = json.loads(status.stdout)
    assert state["shares_left"] == ["1/3", "3/3"]
    assert [range_ for range_ in state["missing"] if range_[0] <= 1 <= range_[1]] == []
    assert not state["finished"]
    assert folder_status(tmp_path / "out").shares_left == ["3/3"]
