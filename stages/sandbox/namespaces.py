"""Namespaces of the `strict` level: a network of its own, a process table per program, and a minimal root.

User, mount, network, IPC and host-name namespaces are made once per zygote; only the process namespace is made per
program, because a network namespace costs more than the rest together. Needs no root where the system lets ordinary
users make user namespaces.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import Final

from stages.sandbox.libc import LIBC, Fork, syscall

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH: Final = 2
_KEPT_FLAGS: Final = 1 | 2 | 4 | 8 | 1024 | 2048
"""Mount flags that statvfs reports with the same bits; a remount in a user namespace may not clear them."""


def enter() -> None:
    """Move this process into namespaces of its own, where it is root over nothing outside. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    syscall("unshare", _NEWUSER | _NEWNS | _NEWNET | _NEWIPC | _NEWUTS)
    # The kernel takes a group map from an ordinary user only after setgroups is given up.
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    _mount("none", "/", None, _REC | _PRIVATE)


def minimal_root(readable: Sequence[str], hidden: Sequence[str], work: str, *, work_bytes: int) -> None:
    """Replace the root by one that holds only `readable`, two devices, and an empty folder at `work`.

    `hidden` folders below the readable ones are covered by empty ones. `work` must exist; the new root is assembled
    on it. Everything but `work` is read-only.
    """
    root = work
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=755,size=1m")
    for path in (*readable, "/dev/null", "/dev/urandom"):
        _show(path, root)
    for path in hidden:
        _mount("tmpfs", root + path, "tmpfs", _NOSUID | _NODEV | _RDONLY, "mode=555,size=4k")
    os.makedirs(root + work, exist_ok=True)
    os.chdir(root)
    syscall("pivot_root", b".\0", b".\0")
    _checked(LIBC.umount2(b".", _DETACH), "umount2")
    os.chdir("/")
    _mount("none", "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    fresh_work(work, work_bytes, first=True)


def fresh_work(work: str, size: int, *, first: bool = False) -> None:
    """Put an empty folder of at most `size` bytes at `work`; what was there is gone."""
    if not first:
        _checked(LIBC.umount2(work.encode(), _DETACH), "umount2")
    _mount("tmpfs", work, "tmpfs", _NOSUID | _NODEV | _NOEXEC, f"mode=700,size={size},nr_inodes=4096")


def fork_alone() -> Fork:
    """A fork whose child is alone in a process namespace: the kernel kills all its descendants with it."""
    return Fork(_NEWPID)


def _show(path: str, root: str) -> None:
    """Make a file or folder of the old root visible, read-only, at the same place below the new one."""
    place = root + path
    if os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(path, place, None, _BIND)
    kept = os.statvfs(place).f_flag & _KEPT_FLAGS
    writable = 0 if path.startswith("/dev/") else _RDONLY
    no_devices = 0 if path.startswith("/dev/") else _NODEV
    _mount("none", place, None, _REMOUNT | _BIND | writable | no_devices | _NOSUID | kept)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    data = None if options is None else options.encode()
    _checked(LIBC.mount(*texts, ctypes.c_ulong(flags), data), f"mount {target}")


def _checked(result: int, what: str) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
