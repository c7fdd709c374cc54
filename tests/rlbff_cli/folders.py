"""Output folders made by hand, according to the layout of stages/core: no stage is run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from stages.core.shards import part_path, write_part

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("principle", pa.string()),
        pa.field("label", pa.bool_()),
        pa.field("agreement", pa.float32()),
        pa.field("evidence", pa.list_(pa.struct([pa.field("quote", pa.string()), pa.field("start", pa.int32())]))),
        pa.field("origin", pa.struct([pa.field("site", pa.string()), pa.field("likes", pa.int64())])),
        pa.field("odd name", pa.int64()),
    ]
)
REJECTED = pa.schema([pa.field("row", pa.int64()), pa.field("reason", pa.string()), pa.field("raw", pa.binary())])

ROWS: list[dict[str, object]] = [
    {
        "id": "a",
        "principle": "clarity",
        "label": True,
        "agreement": 0.8,
        "evidence": [{"quote": "it is clear", "start": 0}, {"quote": "well put", "start": 20}],
        "origin": {"site": "so", "likes": 3},
        "odd name": 1,
    },
    {
        "id": "b",
        "principle": "accuracy",
        "label": False,
        "agreement": 0.5,
        "evidence": [{"quote": 'he said "no", line\nbreak', "start": 4}],
        "origin": {"site": None, "likes": 10},
        "odd name": 2,
    },
    {
        "id": "c",
        "principle": "code clarity",
        "label": True,
        "agreement": None,
        "evidence": [],
        "origin": None,
        "odd name": None,
    },
]


def make_folder(
    root: Path,
    parts: Sequence[Sequence[Mapping[str, object]]] = (tuple(ROWS[:2]), tuple(ROWS[2:])),
    *,
    schema: pa.Schema = SCHEMA,
    planned: int | None = None,
    rejected: Sequence[Mapping[str, object]] = (),
) -> Path:
    """Write a folder of the given parts; with `planned` more than those, it is unfinished. 10 input rows a part."""
    planned = len(parts) if planned is None else planned
    plan = {"stage": "extract-principles", "version": 1, "table": "principles", "parts": planned, "rows": 10 * planned}
    _write(root / ".rlbff" / "plan.json", json.dumps(plan))
    for number, rows in enumerate(parts):
        if rows:
            write_part(part_path(root, number), pa.Table.from_pylist(list(rows), schema), {}, root / ".rlbff" / "tmp")
        done = {
            "part": number,
            "fingerprint": "f",
            "rows": {"in": 10, "kept": len(rows), "dropped": 9 - len(rows), "rejected": 1},
            "written": len(rows),
            "dropped_by": {"evidence": 4, "partially": 1},
            "rejected_by": {"bad_json": 1},
            "counts": {"mentions": 20},
        }
        _write(root / ".rlbff" / "done" / f"part-{number:05d}.json", json.dumps(done))
    if rejected:
        table = pa.Table.from_pylist(list(rejected), REJECTED)
        write_part(part_path(root, 0, "rejected"), table, {}, root / ".rlbff" / "tmp")
    events = [{"event": "start", "time": 100.0}]
    events += [{"event": "part", "time": 100.0 + 5 * (n + 1), "rows": 10} for n in range(len(parts))]
    _write(root / ".rlbff" / "log.jsonl", "".join(json.dumps(event) + "\n" for event in events))
    if planned == len(parts):
        _write(root / ".rlbff" / "manifest.json", "{}")
    return root


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
