"""What is written down while training: one line of JSON an event, without clocks, cut back when a run resumes.

An event is a generation or an optimiser step; its figures are lines of the metrics table.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from stages.core.errors import DataError
from stages.train_policy.arrays import Metric

Kind = Literal["generation", "update"]


class Event(NamedTuple):
    """`number` of the generation, from 0, or of the optimiser step, from 1; its figures."""

    kind: Kind
    number: int
    metrics: tuple[Metric, ...]


class MetricLog:
    """The file, open for appending; events after generation `generations` - 1 and step `steps` are cut off.

    Raises DataError for a file in which some before them are missing.
    """

    def __init__(self, path: Path, *, generations: int, steps: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        limits = {"generation": generations - 1, "update": steps}
        kept = [event for event in read_events(path) if event.number <= limits[event.kind]] if path.exists() else []
        if sum(event.kind == "update" for event in kept) != steps:
            raise DataError(f"{path} is damaged: it does not have all of {steps:,} steps. Begin anew with --no-resume.")
        draft = path.with_name(f"{path.name}.new")
        draft.write_text("".join(map(_line, kept)), encoding="utf-8")
        os.replace(draft, path)
        self._file = path.open("a", encoding="utf-8")

    def add(self, kind: Kind, number: int, metrics: Sequence[Metric]) -> None:
        """Append an event; it survives the end of the process, and after `sync` that of the machine."""
        self._file.write(_line(Event(kind, number, tuple(metrics))))
        self._file.flush()

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_events(path: Path) -> Iterator[Event]:
    """The events of a log in order, up to a line that was cut short or damaged."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                kind, number, metrics = json.loads(line)
            except ValueError:
                return
            if not line.endswith("\n"):
                return
            yield Event(kind, number, tuple(Metric(*metric) for metric in metrics))


def _line(event: Event) -> str:
    return json.dumps(event) + "\n"
