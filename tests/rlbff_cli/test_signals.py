import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlbff_cli.signals import interruptible
from stages.core.errors import Interrupted

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
def test_a_second_signal(root: Path, seconds: float, code: int) -> None:
    command = [sys.executable, "-c", TWICE, str(seconds)]
    assert subprocess.run(command, cwd=root, timeout=60, check=False).returncode == code


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"Stopped by SIGTERM\."), interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
