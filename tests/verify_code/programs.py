"""Rows of programs for tests of the stage, and its runs: in this process, or as a user does."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stages.core.options import RunOptions
from stages.core.progress import Progress, Quiet, quiet
from stages.core.report import Report
from stages.verify_code.config import SandboxOptions, VerifyCodeConfig
from stages.verify_code.run import run

QUICK = SandboxOptions(test_seconds=0.5, program_seconds=1.0, memory_mb=256, machine_factor=1.0)

ADD_TESTS = ["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(-1, 1) == 0", "assert add('a', 'b') == 'ab'"]
RIGHT = "def add(a, b):\n    return a + b\n"
OTHER = "def add(first, second):\n    return sum([first, second]) if isinstance(first, int) else first + second\n"
NEARLY = "def add(a, b):\n    return int(a) + int(b)\n"
RANDOM = (
    "import random\n\ndef add(a, b):\n    return a + b if a == 0 or random.SystemRandom().random() < 0.5 else None\n"
)
WRONG = "def add(a, b):\n    return a - b\n"


class Heard(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.warnings: list[str] = []
        self.facts: dict[str, Any] = {}

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def summary(self, facts: Any) -> None:
        self.facts |= facts


def row(name: str, solution: str, **columns: Any) -> dict[str, Any]:
    """A row of the task `add`."""
    return {"id": name, "problem_id": "add", "prompt": "Add.", "solution": solution, "tests": ADD_TESTS, **columns}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def verify(
    path: Path, out: Path, *, progress: Progress = quiet, run_options: RunOptions | None = None, **options: Any
) -> Report:
    """Run the stage here, under quick limits and with one worker unless told otherwise."""
    config = VerifyCodeConfig(
        **{"inputs": (str(path),), "out": out, "sandbox": QUICK, "run": run_options or RunOptions(workers=1), **options}
    )
    return run(config, progress=progress)


def outcomes(found: Mapping[str, Any]) -> list[str]:
    """The outcomes of a row of verdicts."""
    return [result["outcome"] for result in found["test_results"]]
