"""A short hash over the files of a model, so that folders of one name can be told apart, without loading anything."""

from hashlib import sha256
from pathlib import Path
from typing import Final

_SAMPLED: Final = 2**20


def model_digest(folder: Path) -> str:
    """Eight hexadecimal digits over names, sizes, and the first and last MiB of each file, since weights can be large.

    Hidden files and folders are left out: a log or a download's records say nothing about a model.
    """
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder)}\0{size}\0".encode())
        with path.open("rb") as content:
            digest.update(content.read(_SAMPLED))
            content.seek(max(_SAMPLED, size - _SAMPLED))
            digest.update(content.read(_SAMPLED))
    return digest.hexdigest()[:8]
