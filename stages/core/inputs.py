"""Which files an argument means: a file, a folder, a glob, a URL, a Hugging Face data set folder, or a run of ours.

Only names are looked at here; `sources.py` reads what is inside.
"""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from stages.core.errors import DataError, InputMissing

SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
"""File endings that are read, and the format each stands for."""

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}


class SourceFile(NamedTuple):
    """One input file: its path or URL, the name used in messages and records, its format and compression."""

    path: str
    name: str
    format: str
    compression: str | None
    remote: bool


def find_files(arguments: tuple[str, ...]) -> list[SourceFile]:
    """Every file that the arguments name, in the order given and sorted by name within folders and globs."""
    files: list[SourceFile] = []
    for argument in arguments:
        files += _find_remote(argument) if is_url(argument) else _find_local(argument)
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise DataError(f"{file.name} is named twice among the inputs; every row would count twice.")
        seen.add(file.path)
    return files


def is_url(argument: str) -> bool:
    """Whether the argument has the form scheme://..."""
    return re.match(r"[a-z][a-z0-9+.-]*://", argument, re.IGNORECASE) is not None


def is_utf8(path: str) -> bool:
    """Whether a path is text; on disk it may be any bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def stem(argument: str) -> str:
    """The name of an input without folder and endings, from which the default output folder is named."""
    name = re.split(r"[/\\]", argument.rstrip("/\\"))[-1]
    for ending in (*COMPRESSIONS, *SUFFIXES):
        name = name.removesuffix(ending)
    name = re.sub(r"[*?\[\]]+", "", name).strip(".-_ ")
    return name or "input"


def _find_local(argument: str) -> list[SourceFile]:
    # os.path takes any text for a name; pathlib raises for some that the system cannot even look up.
    path = str(Path(os.path.expanduser(argument))) if argument else ""
    if os.path.isdir(path):
        return _find_in_folder(Path(path))
    if os.path.exists(path):
        return [_describe(path, argument, remote=False)]
    if any(sign in argument for sign in "*?["):
        matches = [name for name in sorted(glob.glob(path, recursive=True)) if not os.path.isdir(name)]
        if matches:
            return [_describe(name, name, remote=False) for name in matches]
        raise InputMissing(f"The glob {argument} matches no file.")
    raise InputMissing(f"{argument or 'An input with an empty name'} does not exist.")


def _find_in_folder(folder: Path) -> list[SourceFile]:
    names = _with_rows(str(folder), list(_walk(folder)))
    return [_describe(str(folder / name), str(folder / name), remote=False) for name in names]


def _walk(folder: Path) -> Iterator[str]:
    """Every file below a folder, by its path within; folders that are linked to are entered once."""
    entered: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        for name in names:
            yield Path(place, name).relative_to(folder).as_posix()


def _unreadable(error: OSError) -> None:
    raise InputMissing(f"The folder {error.filename} cannot be read: {error.strerror}.") from error


def _with_rows(folder: str, names: Sequence[str]) -> list[str]:
    """Those of a folder's files (paths within it) that hold its rows, in order.

    Left out are hidden files, what `datasets` keeps beside its rows, and whole runs of ours that lie in the folder:
    the run that is reading may itself be one of them.
    """
    if any(name.startswith(".rlbff/") for name in names) and ".rlbff/manifest.json" not in names:
        raise DataError(f"{folder} is a run that has not finished; run its command again, then this one.")
    runs = tuple(f"{name.partition('/.rlbff/')[0]}/" for name in names if "/.rlbff/" in name)
    saved = {name.removesuffix("state.json") for name in names if f"/{name}".endswith("/state.json")}
    chosen = [
        name
        for name in names
        if not re.search(r"(^|/)[._]", name)
        and not name.startswith(runs)
        and _format_of(name) is not None
        and name.rsplit("/", 1)[-1] not in _DATASET_SIDE_FILES
        and not any(name.startswith(f"{place}cache-") for place in saved)
    ]
    if not chosen:
        if ".rlbff/manifest.json" in names:
            raise DataError(f"{folder} is finished, but has no rows; `rlbff status {folder}` tells where they went.")
        endings = ", ".join(SUFFIXES)
        raise InputMissing(f"The folder {folder} holds no file that can be read ({endings}, each also .gz or .zst).")
    return sorted(chosen, key=lambda name: name.split("/"))


_DATASET_SIDE_FILES: Final = {"dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"}


def _find_remote(argument: str) -> list[SourceFile]:
    from stages.core.store import TRIES, Store, opened, tried

    def look() -> list[str]:
        system, path = opened(argument)
        system.invalidate_cache()
        if any(sign in argument for sign in "*?["):
            names = sorted(system.glob(path))
        elif system.isdir(path):
            start = f"{path.rstrip('/')}/"
            inside = [name.removeprefix(start) for name in system.find(path)]
            names = [start + name for name in _with_rows(argument, inside)]
        else:
            names = [path] if system.exists(path) else []
        if not names:
            # That there is no such bucket, or that we may not see into it, only a listing tells.
            Store(re.split(r"[*?\[]", argument)[0], InputMissing, tries=1).listing()
        return [system.unstrip_protocol(name) for name in names]

    tries = TRIES if argument.lower().startswith(("s3", "gs", "gcs", "az", "abfs")) else 1
    names = tried(look, lambda words: InputMissing(f"{argument} cannot be reached: {words}."), tries)
    if not names:
        raise InputMissing(f"{argument} matches no file.")
    return [_describe(name, name, remote=True) for name in names]


def _describe(path: str, name: str, *, remote: bool) -> SourceFile:
    found = _format_of(path)
    if found is None:
        endings = ", ".join(SUFFIXES)
        raise DataError(f"{name} has an ending that is not known; read are {endings}, each also with .gz or .zst.")
    if not remote and os.path.lexists(path) and not os.path.exists(path):
        raise InputMissing(f"{name} is a link to a file that does not exist.")
    if not remote and not os.path.isfile(path):
        raise DataError(f"{name} is not a regular file, but is to be read more than once; copy it into one.")
    if not remote and not os.access(path, os.R_OK):
        raise InputMissing(f"{name} may not be read by you; change its permissions.")
    # A name need not be UTF-8, but the records that it enters must be.
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    if not is_utf8(path) and found[0] in ("parquet", "arrow"):
        raise DataError(f"The name {shown} is not UTF-8, which Parquet and Arrow files need; rename the file.")
    return SourceFile(path, shown, *found, remote)


def _format_of(name: str) -> tuple[str, str | None] | None:
    lower = name.lower()
    compression = next((kind for ending, kind in COMPRESSIONS.items() if lower.endswith(ending)), None)
    if compression is not None:
        lower = lower.rsplit(".", 1)[0]
    format_ = next((kind for ending, kind in SUFFIXES.items() if lower.endswith(ending)), None)
    if format_ is None or (compression is not None and format_ in ("parquet", "arrow")):
        return None
    return format_, compression
