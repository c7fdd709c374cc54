"""What is written down of every optimiser step: one line of JSON a step, without clocks.

A run that goes on from a checkpoint cuts the file back to it, so that each step stands there once.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class StepRecord(NamedTuple):
    """One optimiser step, counted from 1.

    `loss` is the mean over its rows, `pair_loss` over its pairs, None where there are none; `grad_norm` the norm of
    the gradient before clipping; `learning_rate` what the step was made with; `tokens` its unique tokens.
    """

    step: int
    loss: float | None
    pair_loss: float | None
    grad_norm: float
    learning_rate: float
    tokens: int
    rows: int
    pairs: int


class StepLog:
    """The file, open for appending; lines beyond the first `num_steps` are cut off."""

    def __init__(self, path: Path, num_steps: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [record for record in read_steps(path) if record.step <= num_steps] if path.exists() else []
        draft = path.with_name(path.name + ".new")
        draft.write_text("".join(map(_line, kept)), encoding="utf-8")
        os.replace(draft, path)
        self._file = path.open("a", encoding="utf-8")

    def add(self, record: StepRecord) -> None:
        """Append a step; it survives the end of the process, and after `sync` that of the machine."""
        self._file.write(_line(record))
        self._file.flush()

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_steps(path: Path) -> Iterator[StepRecord]:
    """The steps of a log in order, up to a line that was cut short."""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            return
        yield StepRecord(**json.loads(line))


def _line(record: StepRecord) -> str:
    return json.dumps(record._asdict()) + "\n"
