"""What the runs of map-like stages do alike: open the folder, do a share of the parts, say that others are left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.job import Job, Transform
from stages.core.manifest import Done, hidden, read_done, total
from stages.core.options import RunOptions, flat
from stages.core.pool import run_parts
from stages.core.progress import Progress
from stages.core.ray_runner import run_on_ray
from stages.core.report import Report
from stages.core.runner import left_to_do, open_folder, parts_of_share
from stages.core.shards import write_text
from stages.core.sources import Plan


def open_with_options(job: Job, plan: Plan, config: Any) -> None:  # noqa: ANN401 - the dataclass of any stage, with `run`
    """Make the folder of a job ready, and store every option that it was made with."""
    open_folder(job, plan, config.run)
    text = yaml.safe_dump(flat(config), sort_keys=False, allow_unicode=True)
    write_text(hidden(job.root, "config.yaml"), text, hidden(job.root, "tmp"))


def rows_left(job: Job, options: RunOptions) -> tuple[int, int]:
    """(rows of our share, rows of them that are not done)."""
    ours, left = (
        sum(job.slices[part].rows for part in parts)
        for parts in (parts_of_share(job, options), left_to_do(job, options))
    )
    return ours, left


def works_here(job: Job, options: RunOptions, workers: int) -> bool:
    """Whether this process itself does what is left, so that its transform must be open."""
    return options.runner == "local" and min(workers, len(left_to_do(job, options))) == 1


def do_share(
    job: Job, options: RunOptions, what: str, workers: int, progress: Progress, here: Transform | None
) -> None:
    """Do the parts of our share that are left, on the engine that --runner names.

    `workers` is the number of processes on this machine; a cluster has a default of its own. `here` is the transform of
    this process, where it is open already.
    """
    ours, left = rows_left(job, options)
    everything = sum(piece.rows for piece in job.slices)
    progress.start(what if ours == everything else f"{what} share {options.shard}", ours, ours - left)
    if options.runner == "ray":
        run_on_ray(job, left_to_do(job, options), options, progress)
    else:
        run_parts(job, left_to_do(job, options), workers, progress, here)
    progress.finish()


def done_parts(job: Job) -> list[Done]:
    """The records of finished parts, in order."""
    return [record for part in range(len(job.slices)) if (record := read_done(job.root, part)) is not None]


def share_report(job: Job, options: RunOptions, progress: Progress, facts: Mapping[str, object], root: Path) -> Report:
    """The end of a run that did a share while parts of others are missing; `root` is the folder that the user named."""
    done = done_parts(job)
    parts = f"{root} has {len(done)} of {len(job.slices)} parts; the rest belongs to other shares"
    progress.summary({"this share": f"{options.shard} is done", "folder": parts})
    return Report(folder=root, complete=False, rows=total(done)["rows"], facts=dict(facts))
