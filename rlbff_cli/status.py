"""`rlbff status`: how far folders are, what was dropped and rejected, and when they will be done."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from rlbff_cli.folder import look_at
from rlbff_cli.pipe import write_line
from rlbff_cli.remote import viewed_folders
from rlbff_cli.spans import span
from rlbff_cli.terminal import folded
from stages.core.errors import ConfigError

if TYPE_CHECKING:
    from stages.core.checkpoints import TrainingStatus
    from stages.core.manifest import FolderStatus

_RANGES: Final = 8
"""Ranges of missing parts that are shown."""


@dataclass(frozen=True, kw_only=True)
class StatusOptions:
    """The options of `rlbff status`."""

    inputs: Annotated[tuple[str, ...], "Output folders, finished or not, by path or URL, or - for paths on stdin."]
    json: Annotated[bool, "Print one JSON object a folder."] = False

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError("No folder: name the output folders to look at, or - to read paths from stdin.")


def status(options: StatusOptions) -> None:
    """Print the state of each folder to stdout.

    Raises:
        InputMissing: a folder does not exist. DataError: it is not one of ours.
    """
    with viewed_folders(options.inputs) as (folders, places):
        for name in folders:
            state, passes = look_at(Path(name)), first_passes(Path(name))
            training = None if state.finished else training_under_way(Path(name))
            for line in [as_json(state, passes, training)] if options.json else describe(state, passes, training):
                write_line(places.named(line))


def first_passes(root: Path) -> "list[FolderStatus]":
    """The state of the folders within a folder that its shards are made of, in the order in which they are made."""
    from stages.core.manifest import FIRST_PASSES, folder_status, hidden

    inner = (hidden(root, name) for name in FIRST_PASSES)
    return [folder_status(path) for path in inner if hidden(path, "plan.json").exists()]


def training_under_way(root: Path) -> "TrainingStatus | None":
    """How far the training in an unfinished folder is, by whichever configuration got furthest."""
    from stages.core.checkpoints import training_status
    from stages.core.manifest import hidden

    found = [training_status(path) for path in hidden(root, "training").glob("*") if path.is_dir()]
    return max((one for one in found if one is not None), key=lambda one: one.step, default=None)


def as_json(
    state: "FolderStatus", passes: "Sequence[FolderStatus]" = (), training: "TrainingStatus | None" = None
) -> str:
    """The state as one line of JSON; `seconds_left` is null when it is finished or cannot be known."""
    whole = _plain(state)
    if passes:
        whole["passes"] = [_plain(one) for one in passes]
    if training is not None:
        whole["training"] = training._asdict()
    return json.dumps(whole, ensure_ascii=False)


def _plain(state: "FolderStatus") -> dict[str, object]:
    return asdict(state) | {"root": str(state.root), "seconds_left": seconds_left(state)}


def describe(
    state: "FolderStatus", passes: "Sequence[FolderStatus]" = (), training: "TrainingStatus | None" = None
) -> Iterator[str]:
    """Yield the state as lines for a person, folded to the terminal on stdout."""
    finished = "finished" if state.finished else "not finished"
    yield folded(f"{state.root}: {state.table} by {state.stage}, {finished}", sys.stdout)
    facts = _facts(state) | ({} if state.finished else {one.root.name: _pass(one) for one in passes})
    if training is not None:
        facts["training"] = _training(training)
    width = max(map(len, facts))
    for name, text in facts.items():
        yield folded(f"  {name:<{width}}  {text}", sys.stdout, width + 4)


def seconds_left(state: "FolderStatus") -> float | None:
    """Seconds until the folder is finished at the speed of its latest run."""
    if state.finished or not state.rows_per_second:
        return None
    return (state.rows - state.rows_done) / state.rows_per_second


def _facts(state: "FolderStatus") -> dict[str, str]:
    share = f" ({state.rows_done / state.rows:.1%})" if state.rows else ""
    facts = {
        "parts": f"{state.parts_done:,} of {state.parts:,}{_missing(state)}",
        "rows": f"{state.rows_done:,} of {state.rows:,}{share}, {state.rows - state.rows_done:,} left",
        "kept": f"{state.kept:,}, which made {state.written:,} rows of {state.table}",
        "dropped": f"{_rows(state.dropped)}{_counts('dropped_by', state.dropped_by)}",
        "rejected": f"{_rows(state.rejected)}{_counts('reason', state.rejected_by)}",
    }
    if state.rows_per_second is not None:
        facts["speed"] = f"{state.rows_per_second:,.1f} rows/s{_forecast(state)}"
    counts = [f"{name.replace('_', ' ')} {count:,}" for name, count in state.counts.items() if count]
    return facts | ({"counts": ", ".join(counts)} if counts else {})


def _pass(state: "FolderStatus") -> str:
    """How far a first pass is, in one line."""
    speed = "" if state.rows_per_second is None else f", {state.rows_per_second:,.1f} rows/s{_forecast(state)}"
    return f"{state.rows_done:,} of {state.rows:,} rows, which the parts will be made of{speed}{_missing(state)}"


def _missing(state: "FolderStatus") -> str:
    """Which parts are not finished, once some are; and which calls with --shard they belong to."""
    left = f"; shares left: {', '.join(state.shares_left)}" if state.shares_left else ""
    return left if not state.missing or not state.parts_done else f"; missing: {ranges(state.missing)}{left}"


def ranges(runs: "Sequence[tuple[int, int]]") -> str:
    """Ranges of numbers in few words: 1, 4-7; of many the first."""
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:_RANGES])
    rest = sum(last - first + 1 for first, last in runs[_RANGES:])
    return f"{shown} and {rest:,} more" if rest else shown


def _training(training: "TrainingStatus") -> str:
    kept = "no checkpoint yet" if training.checkpoint is None else f"checkpoint at step {training.checkpoint:,}"
    return f"step {training.step:,}, {kept}"


def _forecast(state: "FolderStatus") -> str:
    seconds = seconds_left(state)
    return "" if seconds is None else f", about {span(seconds)} left"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _counts(column: str, counts: Mapping[str, int]) -> str:
    """How often each value stands in a column of the side table, which may hold finer things than the rows before it.

    A row of input can lose many principles, each of which is a row of that table.
    """
    if not counts:
        return ""
    largest_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"; {column}: {', '.join(f'{name} {count:,}' for name, count in largest_first)}"
