"""What a stage is to the runner, and what one run of it is: values that every worker is handed. `runner.py` does it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from stages.core.manifest import fingerprint
from stages.core.rows import Rejected, SourceRow
from stages.core.slices import ReadOptions, Slice
from stages.core.tables import Table

Load = Literal["core", "cores", "gpu", "server"]
"""What one worker keeps busy: one core; several, with a model of its own; a GPU, with a model of its own; or a server
elsewhere, with many calls under way."""


def model_load(device: str | None) -> Load:
    """The load of a worker with a model, by the option --device: None is a GPU where there is one."""
    return "cores" if device is not None and device.startswith("cpu") else "gpu"


def llm_load(llm: str | None) -> Load:
    """The load of a worker that asks what --llm names."""
    return "gpu" if (llm or "").startswith("local:") else "server"


@dataclass(frozen=True, kw_only=True)
class PartOutput:
    """What a stage makes of one part: rows to write, rows dropped, rows rejected, and how many input rows were which.

    `kept` and `dropped_rows` count input rows: those that led to at least one written row, and those that led to none.
    `counts` are further sums for the waterfall; `stats` can be written as JSON and is read back at the end. `files` are
    paths within the folder of what the stage wrote there itself, such as a model.
    """

    rows: Sequence[Mapping[str, Any]]
    kept: int
    dropped_rows: int
    rejected: Sequence[Rejected] = ()
    dropped: Sequence[Mapping[str, Any]] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    stats: Mapping[str, object] | None = None
    files: Sequence[str] = ()


class Transform(Protocol):
    """The work of a stage on one part. It is opened once in each process."""

    def __call__(self, part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        """Turn the rows of part number `part` into its output; `advance` is told of rows finished."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the runner must know of a stage. `open(config, root)` makes its Transform; a function found by import.

    `rows_in` is the subfolder of its shards where the folder itself holds something else.
    """

    name: str
    version: int
    writes: Table
    dropped: Table
    open: Callable[[Any, Path], Transform]
    rows_in: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run, as it is handed to every worker.

    `identity` holds all that decides the result besides the input; `schema` is that of the rows written; `load` is for
    an engine that finds places for workers.
    """

    stage: Stage
    config: Any
    root: Path
    identity: Mapping[str, object]
    schema: pa.Schema
    reading: ReadOptions
    slices: tuple[Slice, ...]
    load: Load = "core"

    def fingerprint(self, part: int) -> str:
        """What part number `part` must be made from to be valid."""
        piece = self.slices[part]
        facts = [piece.name.rsplit("/", 1)[-1], piece.sha256, piece.first, piece.rows, sorted(piece.repeats.items())]
        about = [self.stage.name, self.stage.version, str(self.schema.remove_metadata())]
        decisive = {name: value for name, value in self.identity.items() if name != "limit"}
        return fingerprint(about, decisive, facts)

    def fingerprints(self) -> list[str]:
        """The fingerprints of all parts."""
        return [self.fingerprint(part) for part in range(len(self.slices))]
