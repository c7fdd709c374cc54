"""A stage small enough to see through: upper-cases `text`, drops rows that say so, and can kill its own worker."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pyarrow as pa

from stages.core.errors import DataError
from stages.core.job import Job, PartOutput, Stage, Transform
from stages.core.manifest import total
from stages.core.options import OPERATIONAL, RunOptions, identity
from stages.core.progress import Progress, quiet
from stages.core.rejections import check_failed
from stages.core.rows import Problem, Rejected, SourceRow
from stages.core.runner import finish, open_folder, planned, reading
from stages.core.steps import do_share
from stages.core.tables import Column, Table

TEXTS = Table("texts", (Column("id", pa.string(), "id"), Column("text", pa.string(), "text")), "upper-cased text")
DROPPED = Table("dropped", (Column("id", pa.string(), "id"), Column("dropped_by", pa.string(), "rule")), "dropped rows")


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    inputs: Annotated[tuple[str, ...], OPERATIONAL]
    out: Annotated[Path, OPERATIONAL]
    suffix: str = ""
    run: RunOptions = field(default_factory=RunOptions)


def open_toy(config: ToyConfig, root: Path) -> Transform:
    def transform(part: int, rows: Iterator[SourceRow], advance: Callable[[int], None]) -> PartOutput:
        kept, dropped, rejected = [], [], []
        for row in rows:
            assert row.value is not None
            text = row.value.get("text")
            if not isinstance(text, str):
                rejected.append(Rejected(row, Problem("bad_type", "text", "field 'text' must be a text.")))
            elif text == "drop":
                dropped.append({"id": row.value["id"], "dropped_by": "word"})
            else:
                _obey(text, config.out)
                kept.append({"id": row.value["id"], "text": text.upper() + config.suffix})
            advance(1)
        return PartOutput(rows=kept, kept=len(kept), dropped_rows=len(dropped), dropped=dropped, rejected=rejected)

    return transform


def _obey(text: str, out: Path) -> None:
    if text == "kill always":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "kill once":
        marker = out.with_suffix(".killed")
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("sleep "):
        time.sleep(float(text.removeprefix("sleep ")))
    if text == "data error":
        raise DataError("told by the stage")
    if text == "raise":
        raise ZeroDivisionError("a bug in the stage")


STAGE = Stage(name="toy", version=1, writes=TEXTS, dropped=DROPPED, open=open_toy)


def run(config: ToyConfig, progress: Progress = quiet) -> dict[str, object]:
    """The order of calls that every map-like stage follows; returns the sums of the finished parts."""
    with planned(config.inputs, config.out, config.run, progress) as plan:
        job = Job(
            stage=STAGE,
            config=config,
            root=config.out,
            identity=identity(config),
            schema=TEXTS.schema(),
            reading=reading(config.run),
            slices=plan.slices,
        )
        open_folder(job, plan, config.run)
        do_share(job, config.run, "shouting", config.run.workers or 1, progress, None)
        manifest = finish(job, plan, {})
        if manifest is None:
            return total([])
        check_failed(job, manifest["rows"], manifest["rejected_by"], config.run.max_failed)
        return manifest
