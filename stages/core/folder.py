"""An output folder as a whole: whose it is, whether another run is in it, and how it is emptied.

What its records say is the business of `manifest.py`.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stages.core.errors import OutputError
from stages.core.manifest import hidden, read_done
from stages.core.shards import HIDDEN, unwritable


@contextmanager
def locked(root: Path, name: str) -> Iterator[None]:
    """Create the folder if need be, and keep other runs that use the lock `name` out of it while the block runs.

    Raises:
        OutputError: the folder is in use, holds something that is not ours, or cannot be written.
    """
    if root.exists() and not root.is_dir():
        raise OutputError(f"{root} is a file; choose another --out.")
    try:
        if root.is_dir() and not (root / HIDDEN).is_dir() and any(root.iterdir()):
            raise OutputError(f"{root} exists and is not an output folder of rlbff; choose another --out.")
        (root / HIDDEN).mkdir(parents=True, exist_ok=True)
        lock = (root / HIDDEN / name).open("ab")
    except OutputError:
        raise
    except OSError as error:
        raise unwritable(root, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{root} is in use by another run; wait for it or choose another --out.") from None
        yield


def agrees(root: Path, fingerprints: Sequence[str]) -> bool:
    """Whether every finished part in the folder is one that a job with these fingerprints would make."""
    for path in hidden(root, "done").glob("part-*.json"):
        part = int(path.stem.removeprefix("part-"))
        done = read_done(root, part)
        if part >= len(fingerprints) or (done is not None and done.fingerprint != fingerprints[part]):
            return False
    return True


def other_configuration(root: Path, identity: Mapping[str, object]) -> OutputError:
    """The error for a folder whose finished parts disagree; it says which keys differ."""
    path = hidden(root, "plan.json")
    old = json.loads(path.read_text(encoding="utf-8"))["config"] if path.exists() else {}
    new = json.loads(json.dumps(identity))
    keys = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    what = ", ".join(f"{name}: {old.get(name)!r} there, {new.get(name)!r} now" for name in keys)
    reason = what or "the input or its columns changed"
    return OutputError(f"{root} belongs to another configuration ({reason}). Choose another --out, or --overwrite it.")


def clear(root: Path) -> None:
    """Remove everything of ours from a folder except the journal, whose answers stay valid."""
    for path in root.glob("part-*.parquet"):
        path.unlink()
    for path in (root / HIDDEN).iterdir():
        if path.name.startswith(("lock", "spool", "journal")):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
