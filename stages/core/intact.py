"""Whether files are what a run of ours wrote: the content of finished parts, of inputs, and of models, by sha256.

Sizes and records are the business of `manifest.py`. What no record names is not looked at.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from stages.core.errors import DataError
from stages.core.manifest import Done, hidden, read_done, recorded
from stages.core.typed import hash_file

_LEVELS: Final = 4
"""How far above a file its run's folder may lie: RM/held_out/test/part-00000.parquet."""


def read_intact(root: Path, part: int) -> Done | None:
    """The record of a finished part whose files are unchanged; None without one.

    Reads every file of the part, once in a process as long as nobody writes it.
    """
    done = read_done(root, part)
    if done is None or any(_content(root / name) != digest for name, digest in done.sha256.items()):
        return None
    return done


def check_written(name: str, path: str, digest: str) -> None:
    """Raise DataError if a finished run of ours wrote the file at `path` with another sha256 than `digest`."""
    place = Path(os.path.abspath(path))
    for root in place.parents[:_LEVELS]:
        if hidden(root, "manifest.json").exists():
            stored = _hashes(root, hidden(root, "manifest.json").stat().st_mtime_ns).get(
                place.relative_to(root).as_posix(), digest
            )
            if stored != digest:
                raise _changed(name, root)
            return


def check_whole(argument: str) -> None:
    """Raise DataError if `argument` is a folder in which a file that a finished run of ours wrote is missing."""
    place = Path(os.path.abspath(os.path.expanduser(argument)))
    if not os.path.isdir(place):
        return
    for root in (place, *place.parents[:_LEVELS]):
        if hidden(root, "manifest.json").exists():
            for name in _hashes(root, hidden(root, "manifest.json").stat().st_mtime_ns):
                if (root / name).is_relative_to(place) and not name.startswith(".") and not (root / name).exists():
                    raise DataError(
                        f"{root / name} is missing, though the records of {root} name it. "
                        "Run the command that made the folder again."
                    )
            return


def check_model(folder: Path) -> None:
    """Raise DataError if a finished run of ours wrote a file of the model in `folder` otherwise than it is now."""
    manifest = hidden(folder, "manifest.json")
    if not manifest.exists():
        return
    for name, digest in _hashes(folder, manifest.stat().st_mtime_ns).items():
        if "/" not in name and _content(folder / name) != digest:
            raise _changed(str(folder / name), folder)


def _changed(name: str, root: Path) -> DataError:
    return DataError(
        f"{name} is damaged or was changed: its sha256 is not that in the records of {root}. Run the command that made "
        "the folder again; if the change is meant, copy the file to another folder."
    )


@lru_cache(maxsize=8)
def _hashes(root: Path, _finished: int) -> Mapping[str, str]:
    """sha256 of every file that the records of a run name, by path within its folder."""
    numbers = sorted(int(path.stem.removeprefix("part-")) for path in hidden(root, "done").glob("part-*.json"))
    records = [recorded(root, number) for number in numbers]
    return {name: digest for record in records if record is not None for name, digest in record.sha256.items()}


def _content(path: Path) -> str | None:
    try:
        found = path.stat()
        return _hash(path, found.st_ino, found.st_size, found.st_mtime_ns)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=65536)
def _hash(path: Path, _inode: int, _size: int, _written: int) -> str:
    return hash_file(path)
