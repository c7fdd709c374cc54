"""The harness killed from outside: nothing is lost, nobody is left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from stages.sandbox import roots as folders
from stages.sandbox.jobs import Case, DataTests, SplitTests, Tests
from stages.sandbox.layers import Level
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import open_sandbox
from stages.sandbox.verdict import Outcome, Status, Verdict
from tests.sandbox.conftest import QUICK, add, children, skip_unless_possible

TESTS = SplitTests(cases=("assert add(1, 2) == 3",))
DATA = DataTests(cases=(Case(args=(1, 2), expected=3), Case(args=(2, 2), expected=4)))
ROOMY = Limits(test_cpu=2, program_cpu=6, memory=256 << 20)


def test_a_killed_zygote_is_replaced_and_the_verdict_repeated() -> None:
    skip_unless_possible("standard")
    with open_sandbox("standard", QUICK, factor=1.0) as sandbox:
        first = sandbox.pids
        descriptors = len(os.listdir("/proc/self/fd"))
        os.kill(first[0], signal.SIGKILL)
        assert sandbox.verify(add(), TESTS).all_passed
        killer = threading.Timer(0.1, os.kill, (sandbox.pids[1], signal.SIGKILL))
        killer.start()
        verdict = sandbox.verify(add("time.sleep(0.3)\n    return a + b", "import time"), TESTS)
        killer.join()
        assert verdict.all_passed, verdict
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert not set(first) & set(sandbox.pids)
        assert not any(Path(f"/proc/{pid}").exists() for pid in first)


@pytest.mark.parametrize("level", ["standard", "strict"])
@pytest.mark.parametrize("tests", [TESTS, DATA], ids=["split", "data"])
def test_a_zygote_killed_in_the_middle_of_a_verdict_costs_a_repetition(level: Level, tests: Tests) -> None:
    skip_unless_possible(level)
    with open_sandbox(level, ROOMY, factor=1.0) as sandbox:
        first = sandbox.pids
        killer = threading.Thread(target=kill_when_busy, args=(first[0], first[0]))
        killer.start()
        verdict = sandbox.verify(add("time.sleep(0.4)\n    return a + b", "import time"), tests)
        killer.join()
        assert verdict.all_passed, verdict
        assert not set(first) & set(sandbox.pids)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in first))


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_a_killed_child_costs_one_test(level: Level) -> None:
    skip_unless_possible(level)
    with open_sandbox(level, ROOMY, factor=1.0) as sandbox:
        zygotes = sandbox.pids
        slow = add("time.sleep(0.4 if a == 1 else 0)\n    return a + b", "import time")
        killer = threading.Thread(target=kill_when_busy, args=(zygotes[0], None))
        killer.start()
        verdict = sandbox.verify(slow, DATA)
        killer.join()
        assert [result.outcome.value for result in verdict.results] == ["crash", "pass"]
        assert (verdict.status, verdict.signal) == (Status.CRASH, signal.SIGKILL)
        killer = threading.Thread(target=kill_when_busy, args=(zygotes[1], None))
        killer.start()
        verdict = sandbox.verify(slow, SplitTests(cases=("assert add(1, 2) == 3", "assert add(2, 2) == 4")))
        killer.join()
        assert verdict.results[0].outcome is not Outcome.PASS
        assert sandbox.pids == zygotes
        assert sandbox.verify(add(), DATA).all_passed


def kill_when_busy(zygote: int, victim: int | None) -> None:
    """Kill `victim`, or the zygote's child, once there is one that has had time to load."""
    wait_for(lambda: children(zygote))
    time.sleep(0.2)
    os.kill(victim or int(children(zygote)[0]), signal.SIGKILL)


def test_a_program_that_kills_its_zygote_at_level_weak_has_crashed() -> None:
    with open_sandbox("weak", QUICK, factor=1.0) as sandbox:
        verdict = sandbox.verify(add("os.kill(os.getppid(), 9)", "import os"), TESTS)
        assert (verdict.status, verdict.passed) == (Status.CRASH, 0)
        assert sandbox.verify(add(), TESTS).all_passed


def test_a_zygotes_children_die_with_it() -> None:
    skip_unless_possible("standard")
    with open_sandbox("standard", QUICK, factor=1.0) as sandbox:
        zygote = sandbox.pids[0]
        verdicts: list[Verdict] = []
        body = "while not os.path.exists('done'): open('running', 'w')\n    return a + b"
        looping = threading.Thread(target=lambda: verdicts.append(sandbox.verify(add(body, "import os"), TESTS)))
        looping.start()
        wait_for(lambda: children(zygote))
        (child,) = children(zygote)
        os.kill(zygote, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{child}").exists())
        looping.join()
        assert verdicts[0].status is Status.TIMEOUT


CALLER = """
from stages.sandbox.sandbox import open_sandbox
from tests.sandbox.test_kill import *
with open_sandbox({level!r}, factor=1.0) as sandbox:
    print(*sandbox.pids, flush=True)
    sandbox.verify(add("sum(iter(int, 1))"), TESTS)
"""


@pytest.mark.parametrize("level", ["standard", "strict"])
def test_a_killed_caller_leaves_no_process_and_its_folder_is_swept(root: Path, level: Level) -> None:
    skip_unless_possible(level)
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER.format(level=level)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    pids = [int(pid) for pid in caller.stdout.readline().split()]
    wait_for(lambda: all(map(children, pids)))
    running = [int(pid) for zygote in pids for pid in children(zygote)]
    caller.kill()
    caller.wait()
    caller.stdout.close()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in (*pids, *running)))
    folders.sweep()
    assert not [path for path in roots() if not locked(path)]


def roots() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{folders.PREFIX}*"))


def locked(path: Path) -> bool:
    import fcntl

    try:
        with (path / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def wait_for(condition: object) -> None:
    assert callable(condition)
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("still there after five seconds")


def test_closing_removes_everything() -> None:
    skip_unless_possible("standard")
    before = len(os.listdir("/proc/self/fd"))
    sandbox = open_sandbox("standard", QUICK, factor=1.0)
    pids, root = sandbox.pids, sandbox._root
    sandbox.close()
    sandbox.close()
    assert not root.exists()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert len(os.listdir("/proc/self/fd")) == before
