"""Loaded by Python before a command under test: clocks that jump, and a limit on the size of files, if told to.

TORTURE_CLOCK is a seed; TORTURE_TOLD a file that is made when the clock is first read; TORTURE_FILE_BYTES a limit. Only
what this process reads of the clock changes, never the clock of the machine.
"""

import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path


def jumping(real: Callable[[], float], seed: str, told: Path) -> Callable[[], float]:
    """A clock that is off by up to ten years from the start on, and jumps back or forth at every third look."""
    draw = random.Random(seed)
    off = [draw.choice([-1, 1]) * 10 ** draw.uniform(1, 8.5)]
    looks = [0]

    def now() -> float:
        looks[0] += 1
        if looks[0] % 3 == 0:
            off[0] += draw.choice([-1, 1]) * 10 ** draw.uniform(0, 8)
        if looks[0] == 1:
            told.touch()
        return max(0.0, real() + off[0])

    return now


def settle(environ: "os._Environ[str] | dict[str, str]") -> None:
    """Do what the variables say, in this process."""
    if "TORTURE_CLOCK" in environ:
        time.time = jumping(time.time, environ["TORTURE_CLOCK"], Path(environ["TORTURE_TOLD"]))
        time.time_ns = lambda: int(time.time() * 1e9)
    if "TORTURE_FILE_BYTES" in environ:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(environ["TORTURE_FILE_BYTES"]), hard))


settle(os.environ)
