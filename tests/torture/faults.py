"""What each kind of fault does to a command; which kinds a case has. The fault is lifted when its function returns.

A function returns whether the fault struck: a kill that came after the end did not.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.torture.chain import Case
from tests.torture.damage import harm
from tests.torture.disk import make_read_only, make_room, may_mount, small_disk
from tests.torture.launch import workers_of
from tests.torture.server import draw_fault
from tests.torture.trial import Trial


def _signalled(trial: Trial, sign: signal.Signals) -> bool:
    wait = trial.any_moment()
    running = trial.start()
    struck = wait(running)
    if struck:
        running.signal(sign)
    trial.end(running, sign)
    return struck


def kill(trial: Trial) -> bool:
    """SIGKILL at any moment; now and then a second one in the resume."""
    struck = _signalled(trial, signal.SIGKILL)
    if struck and trial.draw.random() < 0.4:
        first = trial.moment
        _signalled(trial, signal.SIGKILL)
        trial.moment = f"{first}, then {trial.moment}"
    return struck


def terminate(trial: Trial) -> bool:
    """SIGTERM at any moment."""
    return _signalled(trial, signal.SIGTERM)


def worker_killed(trial: Trial) -> bool:
    """SIGKILL or SIGTERM to one of two worker processes; the run itself has to go on to its end."""
    sign = trial.draw.choice([signal.SIGKILL, signal.SIGTERM])
    pause = trial.draw.uniform(0.0, 1.0) * trial.clean.seconds
    running = trial.start("--workers", "2")
    found: list[int] = []
    while running.code() is None and not (found := workers_of(running.pid)):
        time.sleep(0.002)
    time.sleep(pause)
    found = workers_of(running.pid)
    trial.moment = f"{sign.name} {pause:.2f} s after the first worker began"
    if found:
        running.signal(sign, trial.draw.choice(found))
    trial.end(running)
    return bool(found)


def disk_full(trial: Trial) -> bool:
    """A disk that has not enough bytes, or names, for what the run writes."""
    pages = sum(-(-path.stat().st_size // 4096) for path in trial.clean.folder.rglob("*") if path.is_file())
    number = len(list(trial.clean.folder.rglob("*"))) + 2
    if trial.draw.random() < 0.6:
        size = trial.draw.randint(1, pages)
        options, trial.moment = f"size={size * 4096}", f"room for {size} of {pages} pages"
    else:
        most = trial.draw.randint(2, number)
        options, trial.moment = f"size=256m,nr_inodes={most}", f"room for {most} of {number} names"
    trial.stack.enter_context(small_disk(trial.out, options))
    end = trial.run()
    make_room(trial.out)
    return end.code != 0


def file_limit(trial: Trial) -> bool:
    """A limit on the size of a file (RLIMIT_FSIZE), as of a quota."""
    largest = max(path.stat().st_size for path in trial.clean.folder.rglob("*") if path.is_file())
    least = min(8192, largest // 2)
    limit = int(least * (largest / least) ** trial.draw.random())
    trial.moment = f"files of at most {limit} bytes"
    return trial.run(TORTURE_FILE_BYTES=str(limit)).code != 0


def read_only(trial: Trial) -> bool:
    """An output folder that may not be written: empty, left by a killed run, or finished."""
    if may_mount():
        trial.stack.enter_context(small_disk(trial.out))
    else:
        trial.out.mkdir()
    state = trial.draw.choice(["empty", "begun", "finished"])
    trial.moment = state
    if state == "begun":
        _signalled(trial, signal.SIGKILL)
        trial.moment = f"begun, killed {trial.moment}"
    elif state == "finished":
        shutil.copytree(trial.clean.folder, trial.out, dirs_exist_ok=True)
    _forbid(trial.out)
    end = trial.run()
    _allow(trial.out)
    return end.code != 0


def _forbid(out: Path) -> None:
    if may_mount():
        make_read_only(out)
    else:
        for path in [out, *out.rglob("*")]:
            path.chmod(0o555)


def _allow(out: Path) -> None:
    if may_mount():
        make_room(out)
    else:
        for path in [out, *out.rglob("*")]:
            path.chmod(0o755)


def clock(trial: Trial) -> bool:
    """A clock that jumps, in a run that is killed and in its resume; times of files in the future and in the past."""
    told = trial.folder / "jumped"
    seed = str(trial.draw.randrange(10**6))
    further = {"TORTURE_CLOCK": seed, "TORTURE_TOLD": str(told)}
    trial.moment = f"clock {seed}"
    if trial.draw.random() < 0.6:
        wait = trial.any_moment()
        running = trial.start(**further)
        if wait(running):
            running.signal(signal.SIGKILL)
        trial.end(running, signal.SIGKILL)
        for path in trial.out.rglob("*"):
            if trial.draw.random() < 0.5:
                when = trial.draw.uniform(0, 4e9)
                os.utime(path, (when, when))
        trial.moment = f"clock {seed}, killed {trial.moment}, times of files"
    trial.run(**further)
    return told.exists()


def server_fails(trial: Trial) -> bool:
    """A server of chat or embeddings that fails in one of its ways, now and then or from a request on."""
    fault = draw_fault(trial.draw)
    trial.key = f"fault-{trial.folder.name}"
    trial.server.faults[trial.key] = fault
    often = "for good" if fault.most > 100 else f"{fault.most} times"
    trial.moment = f"{fault.paths[0]} {fault.name}, {often} from request {fault.first} on"
    trial.run()
    trial.server.faults.pop(trial.key)
    return fault.struck > 0


def input_damaged(trial: Trial) -> bool:
    """A file of an input folder that an earlier command made is harmed: it must be refused, or not matter."""
    name = trial.draw.choice(sorted(trial.case.runs))
    done = harm(trial.folder / name, trial.draw)
    if done is None:
        return False
    trial.moment = f"{name}: {done[0]}"
    trial.run()
    for folder, maker in trial.case.runs.items():
        shutil.rmtree(trial.folder / folder)
        shutil.copytree(trial.runs / maker / "out", trial.folder / folder)
    return True


def output_damaged(trial: Trial) -> bool:
    """A file of the run's own folder, finished or begun, is harmed before the same command is called again."""
    if trial.draw.random() < 0.6:
        shutil.copytree(trial.clean.folder, trial.out)
        state = "finished"
    else:
        _signalled(trial, signal.SIGKILL)
        state = "begun"
    done = harm(trial.out, trial.draw) if any(trial.out.rglob("*.*")) else None
    if done is None:
        return False
    trial.moment, trial.harmed = f"{state}: {done[0]}", done[1]
    return True


def two_runs(trial: Trial) -> bool:
    """A second run on the folder while the first is in it: the same command, or one of another configuration."""
    other = trial.case.other if trial.draw.random() < 0.5 else ()
    pause = trial.draw.uniform(0.0, 0.8) * trial.clean.seconds
    trial.moment = f"{' '.join(other) or 'the same command'} {pause:.2f} s later"
    first, second = ((), other) if trial.draw.random() < 0.5 else (other, ())
    one = trial.start(*first)
    time.sleep(pause)
    struck = one.code() is None
    two = trial.start(*second)
    trial.end(one)
    trial.end(two)
    return struck


def shares(trial: Trial) -> bool:
    """Two shares at once, one of them killed at any moment."""
    wait = trial.any_moment()
    one = trial.start("--shard", "1/2")
    two = trial.start("--shard", "2/2")
    struck = wait(one)
    if struck:
        one.signal(signal.SIGKILL)
    trial.end(one, signal.SIGKILL)
    trial.end(two)
    trial.moment = f"share 1/2 killed {trial.moment}"
    return struck


KINDS: Final[Mapping[str, Callable[[Trial], bool]]] = {
    "kill": kill,
    "terminate": terminate,
    "worker killed": worker_killed,
    "disk full": disk_full,
    "file limit": file_limit,
    "read-only": read_only,
    "clock": clock,
    "server": server_fails,
    "input damaged": input_damaged,
    "output damaged": output_damaged,
    "two runs": two_runs,
    "shares": shares,
}

_WEIGHTS: Final[Mapping[str, int]] = {"kill": 4, "terminate": 2, "disk full": 3, "output damaged": 5, "two runs": 2}


def kinds_of(case: Case) -> list[str]:
    """The kinds of a case, each as often as its weight."""
    left_out = {
        "worker killed": not case.workers,
        "shares": not case.shares,
        "server": not case.servers,
        "input damaged": not case.runs,
        "disk full": not may_mount(),
    }
    weights = {kind: _WEIGHTS.get(kind, 1) for kind in KINDS}
    weights["input damaged"] = 4
    weights["server"] = 14
    weights["worker killed"] = weights["shares"] = 2
    return [kind for kind, weight in weights.items() if not left_out.get(kind) for _ in range(weight)]


def dealt(case: Case, number: int, draw: random.Random) -> list[str]:
    """`number` kinds for a case: all of them in random order, as often as it takes."""
    kinds: list[str] = []
    while len(kinds) < number:
        some = kinds_of(case)
        draw.shuffle(some)
        kinds += some
    return kinds[:number]
