"""The folder of one sandbox below the temporary folder, and the removal of those whose owner was killed."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from stages.sandbox import folder

if os.name == "posix":
    import fcntl

PREFIX: Final = "rlbff-sandbox-"
_LOCK: Final = "lock"


def make_root() -> tuple[Path, int]:
    """A new folder for one sandbox below the temporary folder, and the open lock that says it is in use."""
    sweep()
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(root / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return root, lock


def sweep() -> None:
    """Remove folders of sandboxes whose process was killed: those whose lock nobody holds."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if root.is_symlink() or root.stat().st_uid != os.geteuid():
                continue
            lock = os.open(root / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(root)
        except OSError:
            continue
        finally:
            os.close(lock)


def remove(root: Path) -> None:
    """Remove a sandbox's folder."""
    for inner in root.iterdir():
        if inner.is_dir():
            os.chmod(inner, stat.S_IRWXU)
            folder.empty(str(inner))
    shutil.rmtree(root, ignore_errors=True)
