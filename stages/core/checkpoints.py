"""Which checkpoints of a training run count: those whose marker says that everything in them reached the disk.

What is in a checkpoint is written by its stage; this file knows only folders named checkpoint-STEP.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from stages.core.shards import sync, unwritable

MARKER: Final = "complete"
_TAIL: Final = 2**18
"""Bytes at the end of a log in which its last step is looked for."""
_NAME: Final = re.compile(r"checkpoint-(\d+)")


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` steps lies; transformers gives it this name."""
    return folder / f"checkpoint-{step}"


def step_of(checkpoint: Path) -> int:
    """How many steps were done when a checkpoint was written."""
    match = _NAME.fullmatch(checkpoint.name)
    assert match is not None
    return int(match[1])


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints that count, oldest first."""
    return [path for path in _all(folder) if (path / MARKER).is_file()]


class TrainingStatus(NamedTuple):
    """How far an unfinished training run is: steps done, and the step of the checkpoint from which it would go on."""

    step: int
    checkpoint: int | None


def training_status(folder: Path) -> TrainingStatus | None:
    """How far training in `folder` is, which holds checkpoints and a log of steps; None before its first step."""
    found = complete_checkpoints(folder)
    checkpoint = step_of(found[-1]) if found else None
    steps = [step for path in folder.glob("*.jsonl") if (step := _last_step(path)) is not None]
    if checkpoint is not None:
        steps.append(checkpoint)
    return TrainingStatus(max(steps), checkpoint) if steps else None


def _last_step(log: Path) -> int | None:
    """The step of the last whole line that tells one, among the last lines of a log."""
    with log.open("rb") as lines:
        lines.seek(-min(_TAIL, os.fstat(lines.fileno()).st_size), os.SEEK_END)
        tail = lines.read().split(b"\n")[:-1]
    for line in reversed(tail):
        try:
            event = json.loads(line)
        except ValueError:  # cut off by the beginning of the tail
            continue
        if isinstance(event, dict) and isinstance(event.get("step"), int):
            return int(event["step"])
        if isinstance(event, list) and event[:1] == ["update"]:
            return int(event[1])
    return None


def remove_incomplete(folder: Path) -> None:
    """Delete checkpoints whose writing or whose deletion was cut short."""
    for path in _all(folder):
        if not (path / MARKER).is_file():
            shutil.rmtree(path)


def mark_complete(checkpoint: Path) -> None:
    """Sync everything in a checkpoint, then let it count. Raises OutputError if the disk does not take it."""
    try:
        for path in sorted(checkpoint.rglob("*")):
            sync(path)
        marker = checkpoint / MARKER
        marker.touch()
        for path in (marker, checkpoint, checkpoint.parent):
            sync(path)
    except OSError as error:
        raise unwritable(checkpoint, error) from error


def keep_last(folder: Path, number: int) -> None:
    """Delete complete checkpoints but the last `number`."""
    assert number > 0
    for path in complete_checkpoints(folder)[:-number]:
        remove(path)


def remove(checkpoint: Path) -> None:
    """Delete a complete checkpoint; the marker goes first, so that it does not count half deleted."""
    (checkpoint / MARKER).unlink()
    shutil.rmtree(checkpoint)


def _all(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=step_of)
