"""The private folder of the programs: emptied between two of them, however its entries were named and protected."""

import os


class FolderState:
    """Whether the folder is as it was made; what tells is its entries, its mode and its change time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._before = self._now()

    def is_untouched(self) -> bool:
        """True where nothing can have been left in it."""
        return not os.listdir(self._path) and self._now() == self._before

    def _now(self) -> tuple[int, int]:
        state = os.stat(self._path)
        return state.st_mode, state.st_ctime_ns


def renew(path: str) -> None:
    """Remove a folder and what is in it, and make it again."""
    os.chmod(path, 0o700)
    empty(path)
    os.rmdir(path)
    os.mkdir(path, 0o700)


def empty(path: str) -> None:
    """Remove everything in a folder, in constant memory, at any depth: what lies deep is moved up, then removed."""
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    mark, serial = os.urandom(8).hex(), 0
    try:
        while names := os.listdir(top):
            for name in names:
                if _removed(name, top):
                    continue
                os.chmod(name, 0o700, dir_fd=top)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
                try:
                    for child in os.listdir(inner):
                        if not _removed(child, inner):
                            os.chmod(child, 0o700, dir_fd=inner)
                            serial += 1
                            os.rename(child, f".{mark}-{serial}", src_dir_fd=inner, dst_dir_fd=top)
                finally:
                    os.close(inner)
    finally:
        os.close(top)


def larger_than(path: str, most_bytes: int, most_entries: int) -> bool:
    """Whether a folder holds more than it may; looks at no more entries than that. It may change meanwhile."""
    size = entries = 0
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if size > most_bytes or entries > most_entries:
                        return True
        except OSError:
            continue
    return False


def _removed(name: str, folder: int) -> bool:
    for call in (os.unlink, os.rmdir):
        try:
            call(name, dir_fd=folder)
        except OSError:
            continue
        return True
    return False
