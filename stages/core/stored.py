"""What a folder has stored, read for a report: records, figures and rows, however much is missing or damaged.

Nothing here raises for what a folder holds: what cannot be read is left out, and `trouble` says so in sentences.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.manifest import Done, hidden, read_done, total
from stages.core.shards import local, open_shard

_BATCH: Final = 1024


def stored_json(path: Path) -> dict[str, Any]:
    """The object in a file of ours; an empty one where the file is missing, damaged, or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def stored_facts(root: Path) -> dict[str, Any]:
    """What a finished run said about itself; nothing before it is finished."""
    return mapping(stored_json(hidden(root, "manifest.json")).get("facts"))


def finished_parts(root: Path) -> list[Done]:
    """The records of the parts that are finished and whole, in order."""
    names = sorted(path.stem.removeprefix("part-") for path in hidden(root, "done").glob("part-*.json"))
    found = (read_done(root, int(name)) for name in names if name.isdecimal())
    return [done for done in found if done is not None]


def stored_sums(root: Path) -> dict[str, Any]:
    """Rows by fate, rows written, drops by rule and further counts, as manifest.total: of a finished run those of its
    manifest, of any other those of the finished parts.
    """
    manifest = stored_json(hidden(root, "manifest.json"))
    sums = total(finished_parts(root))
    return {name: _same_kind(manifest.get(name), own) for name, own in sums.items()}


def _same_kind(value: object, own: Any) -> Any:  # noqa: ANN401 - a count, or counts by name
    """The value if it is a count, or counts by name, as `own` is; else `own`."""
    counts = list(value.values()) if isinstance(value, dict) else [value]
    return value if type(value) is type(own) and all(type(one) is int for one in counts) else own


def parts_note(root: Path) -> str:
    """How many of the planned parts are finished and whole, where some are not; else nothing."""
    planned, there = stored_json(hidden(root, "plan.json")).get("parts"), len(finished_parts(root))
    return f"Of {there:,} of {planned:,} parts." if isinstance(planned, int) and planned != there else ""


def stored_stats(root: Path, parts: Sequence[Done]) -> Iterator[dict[str, Any]]:
    """The sums that the end of a run merges, of those parts that have any."""
    for done in parts:
        if stats := stored_json(hidden(root, "stats") / f"part-{done.part:05d}.json"):
            yield stats


def stored_rows(
    paths: Sequence[Path],
    columns: Sequence[str],
    trouble: list[str],
    *,
    most: int | None = None,
    ids: Collection[str] | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """The first `most` rows of shards, batch by batch, with those of the columns that a shard has.

    With `ids`, those of them that have one of these ids. A shard that cannot be read ends there, and `trouble` gets a
    sentence.
    """
    left = most
    for path in paths:
        try:
            for batch in _batches(path, columns):
                batch = batch if left is None else batch.slice(0, left)
                left = left and left - batch.num_rows
                yield (batch if ids is None else _with_ids(batch, ids)).to_pylist()
                if left == 0:
                    return
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            trouble.append(f"{path.name} cannot be read to its end and is shown in part: {reason}")


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with open_shard(path) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        yield from file.iter_batches(batch_size=_BATCH, columns=there)


def _with_ids(batch: pa.RecordBatch, ids: Collection[str]) -> pa.RecordBatch:
    names = batch.schema.names
    found = [one in ids for one in batch.column("id").to_pylist()] if "id" in names else [False] * batch.num_rows
    return batch.filter(pa.array(found, type=pa.bool_()))


def column_names(paths: Sequence[Path]) -> list[str]:
    """The columns of the first shard that can be read; none where there is none."""
    for path in paths:
        try:
            return list(pq.read_schema(local(path)).names)
        except (OSError, ValueError, pa.ArrowException):
            continue
    return []


def mapping(value: object) -> dict[str, Any]:
    """The value if it is an object of JSON, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list of JSON; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
