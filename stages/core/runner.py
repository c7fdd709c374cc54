"""The one loop of every map-like stage: each shard not yet done is read, transformed, written, and recorded.

Which processes do it is the business of `pool.py`; a further runner takes the same `Job` and the same list of parts.
"""

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from stages.core import folder
from stages.core.errors import OutputError
from stages.core.intact import read_intact
from stages.core.job import Job, PartOutput, Transform
from stages.core.manifest import Done, hidden, read_done, total, write_done
from stages.core.options import RunOptions, parse_map, parse_shard
from stages.core.progress import Progress
from stages.core.rows import Rejected, Row, SourceRow
from stages.core.shards import dump_json, part_path, to_table, write_part, write_text
from stages.core.slices import ReadOptions, read
from stages.core.sources import Plan, plan
from stages.core.tables import REJECTED, Table


def reading(options: RunOptions, *, unique_ids: bool = True) -> ReadOptions:
    """The part of the run options that concerns the reading of rows, and whether each row has an id of its own."""
    return ReadOptions(
        rows_per_shard=options.rows_per_shard,
        max_row_bytes=options.max_row_bytes,
        limit=options.limit,
        mapping=parse_map(options.map),
        unique_ids=unique_ids,
    )


@contextmanager
def planned(
    inputs: tuple[str, ...],
    root: Path,
    options: RunOptions,
    progress: Progress,
    observe: Callable[[Row], None] = lambda row: None,
    *,
    unique_ids: bool = True,
) -> Iterator[Plan]:
    """Plan the input of a run, and hold its folder while the block runs. `observe` is shown every readable row.

    Unless `unique_ids`, rows may share an id; give `reading` the same. With `--dry-run` nothing is written outside a
    temporary folder.

    Raises:
        OutputError: `root` is in use, is not ours, or cannot be written. DataError, InputMissing: see `sources.plan`.
    """
    share, shares = parse_shard(options.shard)
    name = "spool" if shares == 1 else f"spool-{share + 1}-of-{shares}"
    with ExitStack() as stack:
        if options.dry_run:
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            stack.enter_context(folder.locked(root, share, shares))
            spool = hidden(root, name)
            stack.callback(shutil.rmtree, spool, ignore_errors=True)
        progress.start("reading input", options.limit)
        result = plan(inputs, reading(options, unique_ids=unique_ids), spool, advance=progress.advance, observe=observe)
        progress.finish()
        _check_apart(root, spool, result)
        yield result


def _check_apart(root: Path, spool: Path, plan: Plan) -> None:
    ours, copies = root.resolve(), spool.resolve()
    for name, path in {(piece.name, piece.path) for piece in plan.slices}:
        if Path(path).resolve().is_relative_to(ours) and not Path(path).resolve().is_relative_to(copies):
            raise OutputError(f"The run reads from {name}, which lies in its own --out {root}; choose another.")


def left_to_do(job: Job, options: RunOptions) -> list[int]:
    """The parts of our share that are not done yet; finished ones of another configuration count as not done."""
    ours = parts_of_share(job, options)
    if not options.resume or not folder.agrees(job.root, job.fingerprints()):
        return ours
    done = {part: record for part in ours if (record := read_intact(job.root, part)) is not None}
    again = {part for part, record in done.items() if options.retry_rejected and record.rejected_by}
    return [part for part in ours if part not in done or part in again]


def parts_of_share(job: Job, options: RunOptions) -> list[int]:
    """The parts that are ours to do under `--shard`."""
    share, shares = parse_shard(options.shard)
    return [part for part in range(len(job.slices)) if part % shares == share]


def open_folder(job: Job, plan: Plan, options: RunOptions) -> None:
    """Make the folder ready: refuse or clear one of another configuration, then record the plan.

    A folder in which every row was rejected holds nothing to protect: it must not block the corrected command.
    """
    with folder.settling(job.root):
        if not folder.agrees(job.root, job.fingerprints()):
            if not options.overwrite and folder.holds_rows(job.root):
                raise folder.other_configuration(job.root, job.identity)
            folder.clear(job.root)
        folder.trim(job.root, len(job.slices))
        hidden(job.root, "manifest.json").unlink(missing_ok=True)
        _write_plan(job, plan)


def _write_plan(job: Job, plan: Plan) -> None:
    record = {
        "stage": job.stage.name,
        "version": job.stage.version,
        "table": job.stage.writes.name,
        "config": job.identity,
        "inputs": [info._asdict() for info in plan.inputs],
        "parts": len(plan.slices),
        "rows": plan.rows,
    }
    write_text(hidden(job.root, "plan.json"), dump_json(record), hidden(job.root, "tmp"))


def work(
    job: Job,
    part: int,
    transform: Transform,
    advance: Callable[[int], None],
    source: Iterator[SourceRow] | None = None,
) -> Done:
    """Do one part: read, transform, write, record. The record comes last.

    `source` are the rows of the part where its slice only stands for several others, as in a stage that adds up its
    whole input.
    """
    seen = Counter[str]()
    broken: list[Rejected] = []

    def rows() -> Iterator[SourceRow]:
        for row in read(job.slices[part], job.reading) if source is None else source:
            seen["in"] += 1
            if row.problem is None:
                yield row
            else:
                broken.append(Rejected(row, row.problem))

    output = transform(part, rows(), advance)
    rejected = sorted([*broken, *output.rejected], key=lambda item: item.source.row)
    fates = {"in": seen["in"], "kept": output.kept, "dropped": output.dropped_rows, "rejected": len(rejected)}
    assert fates["in"] == fates["kept"] + fates["dropped"] + fates["rejected"], f"rows were lost: {fates}"
    done = Done(
        part=part,
        fingerprint=job.fingerprint(part),
        rows=fates,
        written=len(output.rows),
        dropped_by=dict(Counter(str(row["dropped_by"]) for row in output.dropped)),
        rejected_by=dict(Counter(item.problem.reason for item in rejected)),
        counts=dict(output.counts),
    )
    written = _write_part_files(job, done, output, rejected)
    written += [job.root / name for name in output.files]
    files = {path.relative_to(job.root).as_posix(): path.stat().st_size for path in written}
    done = replace(done, files=files)
    write_done(job.root, done)
    return done


def _write_part_files(job: Job, done: Done, output: PartOutput, rejected: Sequence[Rejected]) -> list[Path]:
    part, temporary = done.part, hidden(job.root, "tmp")
    piece = job.slices[part]
    footer = {
        "stage": job.stage.name,
        "version": job.stage.version,
        "table": job.stage.writes.name,
        "fingerprint": done.fingerprint,
        "input": {"name": piece.name.rsplit("/", 1)[-1], "sha256": piece.sha256, "first": piece.first},
        "seed": job.identity.get("seed"),
    }
    tables = {
        "rows": to_table(output.rows, job.schema),
        "dropped": to_table(output.dropped, job.stage.dropped.schema()),
        "rejected": to_table([_rejected_row(item) for item in rejected], REJECTED.schema()),
    }
    written: list[Path] = []
    for kind, table in tables.items():
        path = part_path(job.root, part, kind, job.stage.rows_in)  # type: ignore[arg-type]
        if table.num_rows:
            write_part(path, table, footer, temporary)
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    if output.stats is not None:
        write_text(_stats_path(job.root, part), json.dumps(output.stats, sort_keys=True), temporary)
        written.append(_stats_path(job.root, part))
    return written


def _rejected_row(item: Rejected) -> dict[str, object]:
    source, problem = item
    where = f"{source.file}:{source.row}"
    return {
        "file": source.file.rsplit("/", 1)[-1],
        "row": source.row,
        "id": source.value["id"] if source.value else None,
        "reason": problem.reason,
        "field": problem.field,
        "error": f"{where.rsplit('/', 1)[-1]}: {problem.error}",
        "raw": source.raw_bytes(),
    }


def read_stats(job: Job) -> Iterator[dict[str, Any]]:
    """The statistics of every finished part, in order."""
    for part in range(len(job.slices)):
        path = _stats_path(job.root, part)
        if path.exists():
            yield json.loads(path.read_text(encoding="utf-8"))


def _stats_path(root: Path, part: int) -> Path:
    return hidden(root, "stats") / f"part-{part:05d}.json"


def schema_with(table: Table, further: Sequence[tuple[str, pa.DataType]]) -> pa.Schema:
    """The schema of a table with the columns that pass through behind its own."""
    schema = table.schema()
    for name, type_ in further:
        schema = schema.append(pa.field(name, type_))
    return schema


def finish(job: Job, plan: Plan, facts: Mapping[str, object]) -> dict[str, Any] | None:
    """Write the manifest if every part is done, and return it; None while parts are missing.

    Raises:
        OutputError: another run put parts of another configuration among ours.
    """
    if not folder.agrees(job.root, job.fingerprints()):
        raise folder.other_configuration(job.root, job.identity)
    parts = [read_done(job.root, part) for part in range(len(job.slices))]
    done = [record for record in parts if record is not None]
    if len(done) < len(parts):
        return None
    manifest = {
        "stage": job.stage.name,
        "version": job.stage.version,
        "table": job.stage.writes.name,
        "config": job.identity,
        "inputs": [info._asdict() for info in plan.inputs],
        "columns": {field.name: str(field.type) for field in job.schema},
        "parts": [asdict(record) for record in done],
        "facts": facts,
        **total(done),
    }
    write_text(hidden(job.root, "manifest.json"), dump_json(manifest), hidden(job.root, "tmp"))
    return manifest


def log(root: Path, event: str, **facts: object) -> None:
    """Append one line with the time to the folder's log, the only place that holds clocks."""
    line = orjson.dumps({"event": event, "time": time.time(), **facts}) + b"\n"
    with hidden(root, "log.jsonl").open("ab") as out:
        out.write(line)
