"""Which files an argument means: a file, a folder, a glob, a URL, a Hugging Face data set folder, or a run of ours.

Only names are looked at here; `sources.py` reads what is inside.
"""

import glob
import re
from pathlib import Path
from typing import Final, NamedTuple

from stages.core.errors import ConfigError, DataError, InputMissing

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
    """One input file: its path or URL, the short name used in messages, its format and compression."""

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


def stem(argument: str) -> str:
    """The name of an input without folder and endings, from which the default output folder is named."""
    name = re.split(r"[/\\]", argument.rstrip("/\\"))[-1]
    for ending in (*COMPRESSIONS, *SUFFIXES):
        name = name.removesuffix(ending)
    name = re.sub(r"[*?\[\]]+", "", name).strip(".-_ ")
    return name or "input"


def _find_local(argument: str) -> list[SourceFile]:
    path = Path(argument).expanduser()
    if path.is_dir():
        return _find_in_folder(path)
    if path.exists():
        return [_describe(str(path), argument, remote=False)]
    if any(sign in argument for sign in "*?["):
        matches = [name for name in sorted(glob.glob(str(path), recursive=True)) if Path(name).is_file()]
        if matches:
            return [_describe(name, name, remote=False) for name in matches]
        raise InputMissing(f"The glob {argument} matches no file.")
    raise InputMissing(f"{argument} does not exist.")


def _find_in_folder(folder: Path) -> list[SourceFile]:
    if (folder / ".rlbff").is_dir() and not (folder / ".rlbff" / "manifest.json").exists():
        raise DataError(f"{folder} is a run that has not finished; run its command again, then this one.")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(piece.startswith((".", "_")) for piece in path.relative_to(folder).parts)
        and _format_of(path.name) is not None
        and path.name not in _DATASET_SIDE_FILES
    )
    if not paths:
        endings = ", ".join(SUFFIXES)
        raise InputMissing(f"The folder {folder} holds no file that can be read ({endings}, each also .gz or .zst).")
    return [_describe(str(path), str(path), remote=False) for path in paths]


_DATASET_SIDE_FILES: Final = {"dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"}


def _find_remote(argument: str) -> list[SourceFile]:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(argument)
        if any(sign in argument for sign in "*?["):
            names = sorted(system.glob(path))
        elif system.isdir(path):
            names = sorted(name for name in system.find(path) if _format_of(name) is not None)
        else:
            names = [path] if system.exists(path) else []
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{argument} cannot be opened: {error}.") from error
    except OSError as error:
        raise InputMissing(f"{argument} cannot be reached: {error}.") from error
    if not names:
        raise InputMissing(f"{argument} matches no file.")
    return [_describe(system.unstrip_protocol(name), system.unstrip_protocol(name), remote=True) for name in names]


def _describe(path: str, name: str, *, remote: bool) -> SourceFile:
    found = _format_of(path)
    if found is None:
        endings = ", ".join(SUFFIXES)
        raise DataError(f"{name} has an ending that is not known; read are {endings}, each also with .gz or .zst.")
    return SourceFile(path, name, *found, remote)


def _format_of(name: str) -> tuple[str, str | None] | None:
    lower = name.lower()
    compression = next((kind for ending, kind in COMPRESSIONS.items() if lower.endswith(ending)), None)
    if compression is not None:
        lower = lower.rsplit(".", 1)[0]
    format_ = next((kind for ending, kind in SUFFIXES.items() if lower.endswith(ending)), None)
    if format_ is None or (compression is not None and format_ in ("parquet", "arrow")):
        return None
    return format_, compression
