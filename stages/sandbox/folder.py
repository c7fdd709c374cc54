"""The private folder of the programs: emptied between two of them, however its entries were named and protected."""

import os
from typing import Final, NamedTuple

MOST_LEVELS: Final = 64
"""Folders in each other; deeper nests are too slow to remove."""
_DEEPEST: Final = 32


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
    """Remove everything in a folder, however deep, with few descriptors: what lies deeper is moved up to the top.

    Moving takes longer than removing, so that it is done once in _DEEPEST levels only.
    """
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    mark, serial = os.urandom(8).hex(), 0
    levels = [_Level(top, "", os.listdir(top))]
    try:
        while True:
            level = levels[-1]
            if not level.names:
                if len(levels) == 1:
                    return
                os.close(levels.pop().descriptor)
                os.rmdir(level.name, dir_fd=levels[-1].descriptor)
                continue
            name = level.names.pop()
            if _removed(name, level.descriptor):
                continue
            _unlock(name, level.descriptor)
            if len(levels) <= _DEEPEST:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=level.descriptor)
                levels.append(_Level(inner, name, []))
                levels[-1].names.extend(os.listdir(inner))
            else:
                serial += 1
                os.rename(name, f".{mark}-{serial}", src_dir_fd=level.descriptor, dst_dir_fd=top)
                levels[0].names.append(f".{mark}-{serial}")
    finally:
        for level in levels:
            os.close(level.descriptor)


def larger_than(path: str, most_bytes: int, most_entries: int) -> bool:
    """Whether a folder holds more than it may, or hides it; looks at no more entries. It may change meanwhile."""
    size = entries = 0
    waiting = [(path, 0)]
    while waiting:
        where, depth = waiting.pop()
        if depth > MOST_LEVELS:
            return True
        try:
            with os.scandir(where) as found:
                for entry in found:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if size > most_bytes or entries > most_entries:
                        return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            # A path that is too long, or a folder that its owner has locked: nobody can say what is in it.
            return True
    return False


class _Level(NamedTuple):
    """A folder that is being emptied, its name in the one above, and the entries that are left."""

    descriptor: int
    name: str
    names: list[str]


def _unlock(name: str, folder: int) -> None:
    """Take back the right to empty a folder."""
    if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=folder)


def _removed(name: str, folder: int) -> bool:
    for call in (os.unlink, os.rmdir):
        try:
            call(name, dir_fd=folder)
        except OSError:
            continue
        return True
    return False
