"""Sandboxes that the tests of this room share: opening one takes a second, and nothing of a program stays in it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.core.errors import ConfigError
from stages.sandbox.jobs import Program
from stages.sandbox.layers import Level, require
from stages.sandbox.limits import Limits
from stages.sandbox.sandbox import Sandbox, open_sandbox

QUICK = Limits(test_cpu=0.4, program_cpu=0.8, memory=256 << 20)


def add(body: str = "return a + b", before: str = "") -> Program:
    return Program(source=f"{before}\ndef add(a, b):\n    {body}\n", entry_point="add")


@pytest.fixture(scope="session", params=["standard", "strict"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    level: Level = request.param
    skip_unless_possible(level)
    with open_sandbox(level, QUICK, factor=1.0) as opened:
        yield opened


@pytest.fixture(scope="session")
def standard() -> Iterator[Sandbox]:
    skip_unless_possible("standard")
    with open_sandbox("standard", QUICK, factor=1.0) as opened:
        yield opened


def skip_unless_possible(level: Level) -> None:
    try:
        require(level)
    except ConfigError as error:
        pytest.skip(str(error))


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def unprivileged_python() -> str:
    """An interpreter that an ordinary user may start; the one of a developer's home often is not."""
    import sys

    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        path = Path(candidate).resolve()
        if path.exists() and all(os.stat(parent).st_mode & stat.S_IXOTH for parent in path.parents):
            return candidate
    pytest.skip("no interpreter that an ordinary user may start")
