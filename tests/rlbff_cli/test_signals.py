import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlbff_cli.signals import interruptible

TWICE = """
import os, signal, sys
from rlbff_cli import signals
from stages.core.errors import Interrupted
clock = [0.0]
class time:
    monotonic = staticmethod(lambda: clock[0])
signals.time = time
with signals.interruptible():
    try:
        signal.raise_signal(signal.SIGTERM)
    except Interrupted:
        pass
    if sys.argv[2] == "within":
        clock[0] = float(sys.argv[1])
        signal.raise_signal(signal.SIGINT)
clock[0] = float(sys.argv[1])
signal.raise_signal(signal.SIGINT)
sys.exit(75)
"""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (1.9, 75),  # an echo of the first
        (2.1, -signal.SIGINT),  # somebody is impatient
    ],
)
@pytest.mark.parametrize("when", ["within", "after"])
def test_a_second_signal(root: Path, seconds: float, code: int, when: str) -> None:
    command = [sys.executable, "-c", TWICE, str(seconds), when]
    assert subprocess.run(command, cwd=root, timeout=60, check=False).returncode == code


def test_the_handlers_of_before_come_back_where_no_signal_came() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with interruptible():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) != before
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


AT_THE_END = """
import os, signal, sys
from rlbff_cli.signals import interruptible
from stages.core.errors import Interrupted
class Echo:
    def __del__(self, kill=os.kill, own=os.getpid(), number=int(sys.argv[1])):
        kill(own, number)
try:
    with interruptible():
        signal.raise_signal(int(sys.argv[1]))
except Interrupted:
    echo = Echo()
    sys.exit(75)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_echo_may_come_while_the_interpreter_ends(root: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", AT_THE_END, str(int(number))]
    assert subprocess.run(command, cwd=root, timeout=60, check=False).returncode == 75
