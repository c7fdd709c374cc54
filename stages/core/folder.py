"""An output folder as a whole: whose it is, whether another run is in it, and how it is emptied.

What its records say is the business of `manifest.py`.
"""

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from stages.core.errors import OutputError
from stages.core.inputs import is_utf8
from stages.core.manifest import FIRST_PASSES, hidden, planned_options, recorded
from stages.core.shards import HIDDEN, unwritable

_TRIES: Final = 20
_BETWEEN_S: Final = 0.05


@contextmanager
def locked(root: Path, share: int, shares: int) -> Iterator[None]:
    """Create the folder if need be, and hold it while the block runs.

    A run of the whole keeps every other out; one share of several keeps out the whole and the same share. Whoever
    leaves last removes the scratch files.

    Raises:
        OutputError: the folder is in use, holds something that is not ours, or cannot be written.
    """
    _make(root)
    with ExitStack() as stack:
        names = ["lock"] if shares == 1 else ["lock", f"lock-{share + 1}-of-{shares}"]
        whole, *own = [stack.enter_context(hidden(root, name).open("ab")) for name in names]
        _take_soon(root, whole, fcntl.LOCK_SH if own else fcntl.LOCK_EX)
        for lock in own:
            _take_soon(root, lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OutputError):
                _take(root, whole, fcntl.LOCK_EX)
                shutil.rmtree(hidden(root, "tmp"), ignore_errors=True)


def _make(root: Path) -> None:
    if not is_utf8(str(root)):
        raise OutputError(f"The name of the output folder, {str(root)!r}, is not UTF-8; choose another --out.")
    try:
        if root.exists() and not root.is_dir():
            raise OutputError(f"{root} is a file; choose another --out.")
        if root.is_dir() and not (root / HIDDEN).is_dir() and any(root.iterdir()):
            raise OutputError(f"{root} exists and is not an output folder of rlbff; choose another --out.")
        (root / HIDDEN).mkdir(parents=True, exist_ok=True)
        hidden(root, "lock").touch()
    except OutputError:
        raise
    except OSError as error:
        raise unwritable(root, error) from error


def _take_soon(root: Path, lock: BinaryIO, kind: int) -> None:
    """Take a lock that may be held for another moment only.

    A share that leaves last holds the whole alone while it tidies up; what is left of a killed run may be a child that
    was about to become a worker.
    """
    for _ in range(_TRIES):
        with suppress(OutputError):
            _take(root, lock, kind)
            return
        time.sleep(_BETWEEN_S)
    _take(root, lock, kind)


def _take(root: Path, lock: BinaryIO, kind: int) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"{root} is in use by another run; wait for it or choose another --out.") from None


def check_apart(root: Path, base: str) -> None:
    """Raise OutputError where the folder of a base model and the output folder lie one in the other.

    A base in the output folder would be cleared with it; the output folder in the base would change its name.
    """
    model, out = Path(base).expanduser().resolve(), root.resolve()
    if model.is_dir() and (model.is_relative_to(out) or out.is_relative_to(model)):
        raise OutputError(f"The base model {base} and --out {root} lie one in the other; choose another --out.")


@contextmanager
def settling(root: Path) -> Iterator[None]:
    """Let one share at a time look at the folder and clear it: the second must not clear what the first has begun."""
    with hidden(root, "lock-plan").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def last_turn(root: Path) -> Iterator[None]:
    """Wait until no other share is at the work that follows the last part; it may be done by then."""
    with hidden(root, "lock-end").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def agrees(root: Path, fingerprints: Sequence[str]) -> bool:
    """Whether every finished part in the folder is one that a job with these fingerprints would make."""
    for path in hidden(root, "done").glob("part-*.json"):
        part = int(path.stem.removeprefix("part-"))
        done = recorded(root, part)
        if part >= len(fingerprints) or (done is not None and done.fingerprint != fingerprints[part]):
            return False
    return True


def holds_rows(root: Path) -> bool:
    """Whether any finished part kept or dropped a row; what cannot be read counts as if it did."""
    for path in hidden(root, "done").glob("part-*.json"):
        done = recorded(root, int(path.stem.removeprefix("part-")))
        if done is None or done.rows["kept"] or done.rows["dropped"]:
            return True
    return False


def other_configuration(root: Path, identity: Mapping[str, object]) -> OutputError:
    """The error for a folder whose finished parts disagree; it says which keys differ."""
    old = planned_options(root)
    new = json.loads(json.dumps(identity))
    keys = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    what = ", ".join(f"{name}: {old.get(name)!r} there, {new.get(name)!r} now" for name in keys)
    reason = what if what and old else "the input or its columns changed"
    return OutputError(f"{root} belongs to another configuration ({reason}). Choose another --out, or --overwrite it.")


def trim(root: Path, parts: int) -> None:
    """Remove files of parts beyond the last: what a killed run of another configuration left without a record."""
    for folder in (root, hidden(root, "dropped"), hidden(root, "rejected"), hidden(root, "stats")):
        for path in folder.glob("part-*.*"):
            if path.stem.removeprefix("part-").isdecimal() and int(path.stem.removeprefix("part-")) >= parts:
                path.unlink()


KEPT: Final = ("lock", "spool", "journal", *FIRST_PASSES)
"""What stays when a folder is cleared: locks, and what knows itself for what it is valid."""


def clear(root: Path) -> None:
    """Remove everything of ours except KEPT."""
    for done in hidden(root, "done").glob("part-*.json"):
        record = recorded(root, int(done.stem.removeprefix("part-")))
        for path in (root / name for name in (record.files if record is not None else ())):
            if path.resolve().is_relative_to(root.resolve()):
                path.unlink(missing_ok=True)
    for path in root.glob("part-*.parquet"):
        path.unlink()
    for path in (root / HIDDEN).iterdir():
        if path.name.startswith(KEPT):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
