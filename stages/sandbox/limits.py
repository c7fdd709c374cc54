"""How much of everything one program may use, and how much faster or slower this machine is than ours.

All defaults are ours. Times are CPU seconds of the machine on which REFERENCE_SECONDS was measured; elsewhere they are
multiplied by `machine_factor`, so that a slower computer gives the same verdicts. The wall clock only ends what sleeps.
"""

import time
from dataclasses import dataclass
from typing import Final

from stages.core.errors import ConfigError

REFERENCE_SECONDS: Final = 0.0056
"""CPU seconds of one `_work()` under CPython 3.11 on a 2-core AMD EPYC, best of 200, rounded."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use. Seconds of CPU time, bytes, numbers."""

    test_cpu: float = 3.0
    program_cpu: float = 10.0
    memory: int = 1 << 30
    output: int = 1 << 20
    file: int = 1 << 20
    folder: int = 16 << 20
    descriptors: int = 64
    threads: int = 64

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can run."""
        for name, least in (("test_cpu", 0.01), ("program_cpu", 0.01), ("memory", 64 << 20), ("output", 1)):
            _at_least(name, getattr(self, name), least)
        for name, least in (("file", 0), ("folder", 0), ("descriptors", 16), ("threads", 1)):
            _at_least(name, getattr(self, name), least)

    def scaled(self, factor: float) -> "Limits":
        """The same limits on a machine that needs `factor` times as long."""
        return Limits(
            test_cpu=self.test_cpu * factor,
            program_cpu=self.program_cpu * factor,
            memory=self.memory,
            output=self.output,
            file=self.file,
            folder=self.folder,
            descriptors=self.descriptors,
            threads=self.threads,
        )

    @property
    def test_wall(self) -> float:
        """Seconds after which a test that sleeps is ended."""
        return 3 * self.test_cpu + 1

    @property
    def program_wall(self) -> float:
        """Seconds after which a program that sleeps is ended."""
        return 3 * self.program_cpu + 1


def machine_factor() -> float:
    """CPU time of a fixed loop on this machine, best of seven, as a multiple of REFERENCE_SECONDS."""
    return min(_seconds() for _ in range(7)) / REFERENCE_SECONDS


def _seconds() -> float:
    start = time.thread_time()
    _work()
    return time.thread_time() - start


def _work() -> int:
    total = 0
    table: dict[int, int] = {}
    for number in range(60_000):
        total = (total * 31 + number) % 1_000_003
        table[total & 1023] = number
    return total + len(table)


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ConfigError(f"sandbox limit {name}={value} is below {least}, under which no program can run. Raise it.")
