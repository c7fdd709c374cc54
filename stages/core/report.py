"""What a stage returns when it is done: the folder, the counts, and the facts that a person or a script asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Report:
    """The end of a run.

    `complete` is False when only a share of the input was done (`--shard`) or nothing (`--dry-run`). `rows` counts
    input rows by their fate: in, kept, dropped, rejected. `facts` can be written as JSON.
    """

    folder: Path
    complete: bool
    rows: Mapping[str, int]
    facts: Mapping[str, object] = field(default_factory=dict)
