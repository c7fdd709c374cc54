"""Zygotes that are stopped and so neither answer nor end: at level weak any program can do that to them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.sandbox import waiting
from stages.sandbox.jobs import Case, DataTests, SplitTests, Tests
from stages.sandbox.sandbox import Sandbox, open_sandbox
from stages.sandbox.verdict import Status
from tests.sandbox.conftest import QUICK, add, skip_unless_possible
from tests.sandbox.test_kill import wait_for

TESTS = SplitTests(cases=("assert add(1, 2) == 3",))
DATA = DataTests(cases=(Case(args=(1, 2), expected=3),))
STOPS_ITS_ZYGOTE = add("os.kill(os.getppid(), 19)\n    time.sleep(1)", "import os, time")


@pytest.fixture(scope="module")
def weak() -> Iterator[Sandbox]:
    with open_sandbox("weak", QUICK, factor=1.0) as opened:
        yield opened


@pytest.mark.parametrize("tests", [TESTS, DATA], ids=["split", "data"])
def test_a_program_that_stops_its_zygote_has_crashed(weak: Sandbox, tests: Tests) -> None:
    first = weak.pids
    started = time.monotonic()
    verdict = weak.verify(STOPS_ITS_ZYGOTE, tests)
    assert (verdict.status, verdict.passed) == (Status.CRASH, 0)
    assert time.monotonic() - started < 15
    assert not any(Path(f"/proc/{pid}").exists() for pid in first)
    assert weak.verify(add(), tests).all_passed


def test_a_program_that_stops_the_testers_zygote_is_judged_anew(weak: Sandbox) -> None:
    stopped = weak.pids[1]
    program = add(f"os.path.exists('/proc/{stopped}') and os.kill({stopped}, 19)\n    return a + b", "import os")
    verdict = weak.verify(program, TESTS)
    assert verdict.all_passed, verdict
    assert weak.verify(program, TESTS).all_passed
    assert stopped not in weak.pids
    assert not Path(f"/proc/{stopped}").exists()


def test_whatever_the_program_started_ends_with_its_stopped_zygote(weak: Sandbox, tmp_path: Path) -> None:
    left = tmp_path / "left"
    body = f"""if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open({str(left)!r}, 'a') as file: file.write('%d\\n' % os.getpid())
            time.sleep(60)
        os._exit(0)
    while not os.path.exists({str(left)!r}): time.sleep(0.01)
    os.kill(os.getppid(), 19)
    time.sleep(1)"""
    assert weak.verify(add(body, "import os, time"), TESTS).status is Status.CRASH
    pids = left.read_text().split()
    assert len(pids) == 3
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_closing_does_not_wait_for_a_stopped_zygote() -> None:
    skip_unless_possible("standard")
    sandbox = open_sandbox("standard", QUICK, factor=1.0)
    pids = sandbox.pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    sandbox.close()
    assert time.monotonic() - started < 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_one_that_does_not_answer_for_another_reason_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_unless_possible("standard")
    monkeypatch.setattr(waiting, "is_stopped", lambda pid: False)
    monkeypatch.setattr(waiting, "ANSWER", 0.5)
    monkeypatch.setattr(waiting, "END", 0.5)
    with open_sandbox("standard", QUICK, factor=1.0) as sandbox:
        first = sandbox.pids
        os.kill(first[0], signal.SIGSTOP)
        assert sandbox.verify(add(), TESTS).all_passed
        assert not set(first) & set(sandbox.pids)
        assert not any(Path(f"/proc/{pid}").exists() for pid in first)


def test_a_signal_ends_the_wait_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_unless_possible("standard")
    monkeypatch.setattr(waiting, "is_stopped", lambda pid: False)
    monkeypatch.setattr(waiting, "END", 0.5)
    with open_sandbox("standard", QUICK, factor=1.0) as sandbox:
        first = sandbox.pids
        os.kill(first[1], signal.SIGSTOP)
        started = time.monotonic()
        impatient = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        impatient.start()
        with pytest.raises(KeyboardInterrupt):
            sandbox.verify(add(), TESTS)
        impatient.join()
        assert time.monotonic() - started < 5
        # The answer that was not waited for must not be taken for that to the next question.
        os.kill(first[1], signal.SIGCONT)
        assert sandbox.verify(add(), TESTS).all_passed


CALLER = """
from rlbff_cli.signals import interruptible
from stages.sandbox.sandbox import open_sandbox
from tests.sandbox.test_stopped import *
with interruptible(), open_sandbox("weak", QUICK, factor=1.0) as sandbox:
    while True:
        print(*sandbox.pids, flush=True)
        sandbox.verify(STOPS_ITS_ZYGOTE, TESTS)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_caller_whose_zygotes_are_stopped(root: Path, number: signal.Signals) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    pids = caller.stdout.readline().split()
    try:
        wait_for(lambda: waiting.is_stopped(int(pids[0])) or not Path(f"/proc/{pids[0]}").exists())
        caller.send_signal(number)
        out, errors = caller.communicate(timeout=10)
    finally:
        caller.kill()
    assert f"Stopped by {number.name}" in errors
    pids += out.split()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
