"""Output folders as the records of stages/core say them, made by hand: whose shards were made from which files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import yaml

from stages.core.manifest import Done, hidden, write_done
from stages.core.shards import write_part


def write_rows(path: Path, *values: str) -> Path:
    """A shard of one column."""
    write_part(path, pa.table({"id": list(values)}), {}, path.parent / "tmp")
    (path.parent / "tmp").rmdir()
    return path


def make(
    root: Path,
    inputs: Sequence[Path],
    *,
    stage: str = "score",
    options: Mapping[str, object] | None = None,
    rows: Sequence[str] = ("a", "b"),
    finished: bool = True,
    seed: int = 0,
    hashed: bool = True,
    dropped_by: Mapping[str, int] | None = None,
) -> Path:
    """A folder of one part that was made from these files as they are now; `hashed` as newer versions record it."""
    described = [
        {"name": one.name, "sha256": hashlib.sha256(one.read_bytes()).hexdigest(), "rows": 2} for one in inputs
    ]
    plan = {
        "stage": stage,
        "version": 1,
        "table": "scores",
        "parts": 1 if finished else 2,
        "rows": 4,
        "config": {"seed": seed},
        "inputs": described,
    }
    hidden(root, "done").mkdir(parents=True)
    hidden(root, "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    given = {"inputs": [str(one.parent) for one in inputs], "out": str(root), **(options or {})}
    hidden(root, "config.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    shard = write_rows(root / "part-00000.parquet", *rows)
    fates = {"in": 4, "kept": 2, "dropped": 1, "rejected": 1}
    done = Done(
        part=0,
        fingerprint="f",
        rows=fates,
        written=len(rows),
        dropped_by={"rule": 1} if dropped_by is None else dropped_by,
        rejected_by={"bad_json": 1},
        counts={"made_up": 7},
        files={shard.name: shard.stat().st_size} if hashed else {},
    )
    write_done(root, done)
    if finished:
        hidden(root, "manifest.json").write_text("{}", encoding="utf-8")
    return root
