"""Small records as JSON that carry a hash of themselves and of files, so that damage does not become another number."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stages.core.manifest import fingerprint
from stages.core.shards import dump_json, write_text
from stages.core.typed import hash_file

_SEAL: Final = "seal"
_FILES: Final = "sha256"


def write_sealed(path: Path, record: Mapping[str, object], temporary: Path, files: Sequence[Path] = ()) -> None:
    """Write a record whole or not at all; it must be one that JSON can hold, without the keys `seal` and `sha256`.

    `files` lie in the folder of `path` or in one beside it; the record counts only as long as they are unchanged.
    """
    assert not {_SEAL, _FILES} & record.keys()
    hashes = {file.relative_to(path.parents[1]).as_posix(): hash_file(file) for file in files}
    plain = {**json.loads(json.dumps(record)), _FILES: hashes}
    write_text(path, dump_json({**plain, _SEAL: fingerprint(plain)}), temporary)


def read_sealed(path: Path) -> dict[str, Any] | None:
    """The record; None where it, or one of its files, is missing or damaged. One of an older version has no seal."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            return None
        if _FILES not in record:
            return record if _SEAL not in record else None
        if record.pop(_SEAL, None) != fingerprint(record):
            return None
        hashes = record.pop(_FILES)
        same = all(hash_file(path.parents[1] / name) == digest for name, digest in hashes.items())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return record if same else None
