"""What a folder is: which configuration it belongs to, which parts are finished, and what came of every row.

Three records, all under `.rlbff/`: `plan.json` first, `done/part-NNNNN.json` after each part, `manifest.json` last.
None holds a clock, so that the same input, configuration and seed give the same bytes.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from stages.core.errors import DataError, InputMissing
from stages.core.shards import HIDDEN, dump_json, write_text
from stages.core.typed import hash_file

FIRST_PASSES: Final = ("scores", "runs", "strength", "chains", "candidates")
"""Folders of ours within a folder, which its shards are made of."""


_SEAL: Final = "seal"
"""Key of the hash over the rest of a record: a flipped byte in it must not become another count."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """One finished part: its fingerprint, the fate of its input rows, rows written, and what was dropped and why.

    `files` are those the part consists of: paths within the folder, and their sizes in bytes. `sha256` are the hashes
    of their content, which `write_done` adds; a folder of an older version has none.
    """

    part: int
    fingerprint: str
    rows: Mapping[str, int]
    written: int
    dropped_by: Mapping[str, int] = field(default_factory=dict)
    rejected_by: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FolderStatus:
    """How far a folder is. `rows` are those of the input, `rows_done` those of finished parts.

    `missing` are the parts not finished, as (first, last) of each range; `shares_left` the shares that they belong to,
    written as --shard has them, where the folder was made with --shard i/n and one n alone.
    """

    root: Path
    stage: str
    table: str
    finished: bool
    parts: int
    parts_done: int
    rows: int
    rows_done: int
    kept: int
    dropped: int
    rejected: int
    written: int
    dropped_by: dict[str, int]
    rejected_by: dict[str, int]
    rows_per_second: float | None
    counts: dict[str, int]
    missing: list[tuple[int, int]]
    shares_left: list[str]


def fingerprint(*facts: object) -> str:
    """sha256 of facts that can be written as JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def hidden(root: Path, name: str) -> Path:
    """The path of one of our own files in a folder."""
    return root / HIDDEN / name


def write_done(root: Path, done: Done) -> None:
    """Record that a part is finished, and what its files hold; they are in place already."""
    record = asdict(replace(done, sha256={name: hash_file(root / name) for name in done.files}))
    write_text(_done_path(root, done.part), dump_json({**record, _SEAL: fingerprint(record)}), hidden(root, "tmp"))


def read_done(root: Path, part: int) -> Done | None:
    """The record of a finished part; None without one, or when a file of the part is gone or has another size.

    What is in the files is not looked at, since all of them would have to be read: `intact.read_intact` does.
    """
    done = recorded(root, part)
    return done if done is not None and all(_size(root / name) == size for name, size in done.files.items()) else None


def recorded(root: Path, part: int) -> Done | None:
    """The record of a part, whatever became of its files; None without one, or when it is damaged."""
    path = _done_path(root, part)
    try:
        record = _load(path) if path.exists() else None
        if record is None or record.pop(_SEAL, fingerprint(record)) != fingerprint(record):
            return None
        done = Done(**record)
    except (DataError, TypeError):
        return None
    return done if _is_whole(done) else None


def planned_options(root: Path) -> dict[str, Any]:
    """The options that the folder's plan was made with; none where it is missing or damaged."""
    path = hidden(root, "plan.json")
    try:
        options = _load(path).get("config") if path.exists() else None
    except DataError:
        options = None
    return options if isinstance(options, dict) else {}


def total(parts: Iterable[Done]) -> dict[str, Any]:
    """The sums over parts: rows by fate, rows written, drops by rule, rejections by reason, and further counts."""
    rows, dropped, rejected, counts = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    written = 0
    for done in parts:
        rows.update(done.rows)
        dropped.update(done.dropped_by)
        rejected.update(done.rejected_by)
        counts.update(done.counts)
        written += done.written
    fates = {name: rows[name] for name in ("in", "kept", "dropped", "rejected")}
    return {
        "rows": fates,
        "written": written,
        "dropped_by": dict(dropped),
        "rejected_by": dict(rejected),
        "counts": dict(counts),
    }


def folder_status(root: Path) -> FolderStatus:
    """Read how far a folder is.

    Raises:
        InputMissing: there is no such folder. DataError: it is none of ours, or its records are damaged.
    """
    if not os.path.isdir(root):  # pathlib raises where a name is too long
        raise InputMissing(f"The folder {root} does not exist.")
    plan_path = hidden(root, "plan.json")
    try:
        planned = plan_path.exists()
    except PermissionError as error:
        raise InputMissing(f"The folder {root} cannot be read: {error.strerror}; change its permissions.") from error
    if not planned:
        raise DataError(f"{root} is not an output folder of rlbff: it has no {HIDDEN}/plan.json.")
    plan = _load(plan_path)
    if not {"stage", "table", "parts", "rows"} <= plan.keys():
        raise damaged(plan_path, "it lacks keys")
    if not (_is_count(plan["parts"]) and _is_count(plan["rows"])):
        raise damaged(plan_path, "parts and rows must be counts")
    found = {number: read_done(root, number) for number in _recorded_parts(root, plan["parts"])}
    parts = [done for done in found.values() if done is not None]
    missing = list(_gaps([number for number, done in found.items() if done is not None], plan["parts"]))
    sums = total(parts)
    return FolderStatus(
        root=root,
        stage=plan["stage"],
        table=plan["table"],
        finished=hidden(root, "manifest.json").exists() and len(parts) == plan["parts"],
        parts=plan["parts"],
        parts_done=len(parts),
        rows=plan["rows"],
        rows_done=sums["rows"]["in"],
        kept=sums["rows"]["kept"],
        dropped=sums["rows"]["dropped"],
        rejected=sums["rows"]["rejected"],
        written=sums["written"],
        dropped_by=sums["dropped_by"],
        rejected_by=sums["rejected_by"],
        rows_per_second=_speed(hidden(root, "log.jsonl")),
        counts=sums["counts"],
        missing=missing,
        shares_left=_shares_of(root, missing),
    )


def _gaps(present: Iterable[int], end: int) -> Iterator[tuple[int, int]]:
    """The ranges (first, last) of numbers below `end` that are not among the ascending ones present."""
    start = 0
    for number in (*present, end):
        if number > start:
            yield start, number - 1
        start = number + 1


def _shares_of(root: Path, missing: Iterable[tuple[int, int]]) -> list[str]:
    locks = [re.fullmatch(r"lock-\d+-of-(\d{1,5})", path.name) for path in hidden(root, "").glob("lock-*-of-*")]
    counts = {int(match[1]) for match in locks if match is not None}
    if len(counts) != 1 or not (shares := max(counts)):
        return []
    left = {part % shares for first, last in missing for part in range(first, min(last, first + shares - 1) + 1)}
    return [f"{share + 1}/{shares}" for share in sorted(left)]


def _recorded_parts(root: Path, parts: int) -> list[int]:
    """The numbers below `parts` that have a record, whatever it says."""
    names = [path.stem.removeprefix("part-") for path in hidden(root, "done").glob("part-*.json")]
    return sorted(number for number in (int(name) for name in names if name.isdecimal()) if number < parts)


def _is_whole(done: Done) -> bool:
    """Whether a record has the form of ours; one of an older version bears no seal that would say so."""
    counts = (done.rows, done.dropped_by, done.rejected_by, done.counts, done.files)
    whole = all(isinstance(found, dict) and all(map(_is_count, found.values())) for found in counts)
    whole = whole and isinstance(done.sha256, dict) and all(type(digest) is str for digest in done.sha256.values())
    return whole and {"in", "kept", "dropped", "rejected"} <= done.rows.keys() and _is_count(done.written)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _done_path(root: Path, part: int) -> Path:
    return hidden(root, "done") / f"part-{part:05d}.json"


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(value, dict):
        raise damaged(path, "it holds no object")
    return value


def damaged(path: Path, why: str) -> DataError:
    """The error for a record that is not what its stage wrote."""
    return DataError(f"{path} is damaged ({why}); run the stage again, which writes it anew.")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # also where a damaged record names what can be no path
        return None


def _speed(log: Path) -> float | None:
    """Rows per second of the latest run, from its log: rows finished since it began, over the time they took."""
    start = last = None
    rows = 0
    if not log.exists():
        return None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
            kind, when = event["event"], float(event["time"])
            if kind == "start":
                start, last, rows = when, None, 0
            elif kind == "part":
                last, rows = when, rows + int(event["rows"])
        except (ValueError, TypeError, LookupError, OverflowError):  # a line that was cut off, or is damaged
            continue
    if start is None or last is None or last <= start:
        return None
    return float(rows / (last - start))
