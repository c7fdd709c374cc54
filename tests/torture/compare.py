"""Whether a folder is what a clean run leaves: rows that are gone, rows that are other, files that differ."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from stages.core.journal import read_journal
from stages.core.manifest import FIRST_PASSES

_JOURNAL: Final = ".rlbff/journal/"
_NOT_READ_AGAIN: Final = (_JOURNAL, *(f".rlbff/{name}/" for name in FIRST_PASSES))
_MEASURED: Final = (".rlbff/runs/", ".rlbff/timings/")
"""Where verify-code keeps what programs cost."""
_TIMES: Final = ("cpu_ms", "wall_ms", "max_rss_kb")

HOW: Final = ("workers", "shard", "retry_rejected", "overwrite", "resume")
"""Options in config.yaml that a resume may have and that change nothing."""


@dataclass(frozen=True)
class Difference:
    """Rows lost and rows wrong, over all tables of the folder, and other files that are not the same bytes."""

    lost: int = 0
    wrong: int = 0
    files: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.wrong or self.files)


def difference(clean: Path, got: Path, harmed: Collection[str] = ()) -> Difference:
    """Compare two finished folders; logs, locks and what is documented to depend on the way are left out.

    `harmed` are files that something else than a run has changed. In a first pass and a journal they may stay so: a
    finished run does not read them again, and whoever does checks them then. A journal may hold more than that of the
    clean run: answers to what another configuration has asked.
    """
    ours, theirs = contents(clean), contents(got)
    names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    names = [name for name in names if not (name in harmed and name.startswith(_NOT_READ_AGAIN))]
    names = [name for name in names if not (_JOURNAL in name and _holds(theirs.get(name), ours.get(name, {})))]
    lost = wrong = 0
    for name in names:
        if name.endswith(".parquet"):
            gone, other = _rows(clean / name), _rows(got / name)
            extra, missing = (other - gone).total(), (gone - other).total()
            wrong, lost = wrong + extra, lost + max(0, missing - extra)
    return Difference(lost, wrong, tuple(names))


def contents(folder: Path) -> dict[str, object]:
    """What each file of a run holds, by its path within."""
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    measured = (folder / ".rlbff" / "timings").exists()
    return {name: _content(folder, name, measured=measured) for name in names if _counts(name)}


def _content(folder: Path, name: str, *, measured: bool) -> object:
    path = folder / name
    if path.name == "config.yaml":
        return _options(path)
    if path.parent.name == "journal":
        return _answers(path)
    if measured and name.startswith(_MEASURED) and path.suffix == ".parquet":
        return _rows(path)
    if measured and path.suffix == ".json":
        return _untimed(path, all_files=name.startswith(_MEASURED))
    return path.read_bytes()


def _counts(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    # which candidates are stored depends on which parts a process had seen before: tests/select_cotp/test_killed.py
    return not (base == "log.jsonl" or base.startswith("lock") or name.startswith(".rlbff/candidates/"))


def _holds(more: object, less: object) -> bool:
    return isinstance(more, dict) and isinstance(less, dict) and less.items() <= more.items()


def _answers(path: Path) -> object:
    """What a journal says in the end; how often the model was asked for it is a fact about the way."""
    try:
        return {key: (entry.outcome, entry.raw[-1:]) for key, entry in read_journal(path).items()}
    except (OSError, UnicodeDecodeError):
        return path.read_bytes()


def _untimed(path: Path, *, all_files: bool) -> object:
    """A record of verify-code without the sizes and hashes of files that hold measured times."""

    def kept(value: object) -> object:
        if isinstance(value, dict):
            return {
                name: kept(item)
                for name, item in value.items()
                if name != "seal" and not name.startswith(_MEASURED) and not (all_files and name.startswith("part-"))
            }
        return [kept(item) for item in value] if isinstance(value, list) else value

    try:
        return kept(json.loads(path.read_bytes()))
    except ValueError:
        return path.read_bytes()


def _options(path: Path) -> object:
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return path.read_bytes()
    return {name: value for name, value in options.items() if name not in HOW} if isinstance(options, dict) else options


def _rows(path: Path) -> Counter[str]:
    """The rows of a shard as texts; a shard that is gone or cannot be read has none."""
    try:
        rows: list[Mapping[str, Any]] = pq.ParquetFile(path, page_checksum_verification=True).read().to_pylist()
    except (OSError, pa.ArrowException):
        return Counter()
    timed = set(_TIMES) & set(rows[0]) if ".rlbff" in path.parts else set()
    return Counter(
        json.dumps({name: value for name, value in row.items() if name not in timed}, sort_keys=True, default=str)
        for row in rows
    )
