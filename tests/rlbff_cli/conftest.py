"""Run `rlbff`, with the fake stage among its commands, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("driver.py")

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment without our own variables and without what changes colours."""
    ours = ("RLBFF_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture
def rlbff(tmp_path: Path, environ: dict[str, str]) -> Callable[..., Result]:
    """`rlbff("fake", "x", stdin="...", RLBFF_LIMIT="3")` in a temporary folder."""

    def run(*arguments: str, stdin: str = "", **variables: str) -> Result:
        command = [sys.executable, str(DRIVER), *arguments]
        return subprocess.run(
            command,
            input=stdin,
            cwd=tmp_path,
            env=environ | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
