"""Which files, ports and signals a process may reach, by the kernel's Landlock, at whatever version it has.

Version 1 knows files, 2 adds moves between folders, 3 truncation, 4 TCP ports, 5 device controls, 6 abstract sockets
and signals. Reference: the kernel's Documentation/userspace-api/landlock.rst.
"""

import os
import stat
import struct
from collections.abc import Callable, Sequence
from typing import Final

from stages.sandbox.libc import asks, prepared, syscall

_CREATE_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR = 1, 2, 4, 8, 16
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_FOR_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_MAKE_SPECIAL: Final = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11
"""Character device, socket, named pipe, block device: nobody needs to make one."""
_FILES_KNOWN: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_FILES: Final = (1 << 16) - 1
_TCP: Final = 3
_SCOPES: Final = 3

READ: Final = _READ_FILE | _READ_DIR
LIST: Final = _READ_DIR
WRITE: Final = _ALL_FILES & ~_EXECUTE & ~_MAKE_SPECIAL
DEVICE: Final = _READ_FILE | _WRITE_FILE


def version() -> int:
    """The version of Landlock that this kernel has, 0 where it has none or has it switched off."""
    return max(0, asks("landlock_create_ruleset", None, 0, _CREATE_VERSION))


def restrict(rules: Sequence[tuple[str, int]]) -> None:
    """Confine this process, on top of what already confines it, to `rules`; see `ruleset`."""
    rules_of_ours = ruleset(rules)
    try:
        enforces(rules_of_ours)()
    finally:
        os.close(rules_of_ours)


def enforces(rules: int) -> Callable[[], None]:
    """A call that confines the process that makes it to a rule set; it must have given up new privileges."""
    return prepared("landlock_restrict_self", rules, 0)


def ruleset(rules: Sequence[tuple[str, int]]) -> int:
    """A descriptor of a set of `rules`: (path, rights beneath it).

    TCP, device controls, abstract sockets and signals to processes outside are refused altogether, as far as this
    kernel's version can. Paths that do not exist raise OSError.
    """
    known = version()
    files = _FILES_KNOWN.get(known, _ALL_FILES)
    fields = struct.pack("=QQQ", files, _TCP, _SCOPES)
    size = 8 if known < 4 else 16 if known < 6 else 24
    made = syscall("landlock_create_ruleset", fields, size, 0)
    for path, rights in rules:
        _allow(made, path, rights & files)
    return made


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _FOR_FILES
        syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
