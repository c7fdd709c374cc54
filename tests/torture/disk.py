"""Small disks in memory, mounted over the output folder of one command: full, without room for names, or read-only.

Without the right to mount there are none, and the campaign limits sizes and permissions instead.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from tests.torture.chain import ROOT

_ROOMY: Final = "size=256m,nr_inodes=100k"


@contextmanager
def small_disk(place: Path, options: str = _ROOMY) -> Iterator[None]:
    """Mount a disk of these tmpfs options at `place` for the length of the block."""
    place.mkdir(parents=True, exist_ok=True)
    _call("mount", "-t", "tmpfs", "-o", options, "torture", str(place))
    try:
        yield
    finally:
        unmount(place)


def make_room(place: Path) -> None:
    """Give a small disk all the room that a command needs."""
    _call("mount", "-o", f"remount,rw,{_ROOMY}", str(place))


def make_read_only(place: Path) -> None:
    """Let nobody write to a small disk."""
    _call("mount", "-o", "remount,ro", str(place))


def unmount(place: Path) -> None:
    """Take a small disk away, even where a process still uses it."""
    _call("umount", "-l", str(place))


def unmount_all(below: Path) -> None:
    """Take away every disk that is mounted below a folder: what a campaign that was killed left."""
    for line in Path("/proc/mounts").read_text().splitlines():
        kind, place = line.split()[0], Path(line.split()[1])
        if kind == "torture" and place.is_relative_to(below):
            unmount(place)


@cache
def may_mount() -> bool:
    """Whether this process may mount disks."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk"):
                return True
        except (subprocess.CalledProcessError, FileNotFoundError):
            return False


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
