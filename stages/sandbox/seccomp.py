"""The filter of system calls: a classic BPF program that allows what `syscalls.py` names and refuses the rest.

Refused calls answer EPERM, so that honest programs can go on; clone3 answers ENOSYS, so that the C library's threads
fall back to clone, whose flags a filter can read. A foreign instruction set kills the process. Reference: the
kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

import ctypes
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from stages.sandbox.libc import machine, prepared
from stages.sandbox.syscalls import ARCHITECTURES, AUDIT, CHECKED, NUMBERS

_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT: Final = 0x40000000
_SET_MODE_FILTER: Final = 1
_ANY_PID: Final = 0x7FEDCBA9
"""Stands for the process number in a filter that is not yet installed; no process has it, and no step another use."""

_CLONE_THREAD: Final = 0x10000
_AF_UNIX: Final = 1
_FCNTL: Final = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)
"""F_DUPFD to F_SETLKW, F_DUPFD_CLOEXEC, F_GETPIPE_SZ. Not F_SETOWN and F_SETSIG: they signal other processes."""
_IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not FIOASYNC and FIOSETOWN, for the same reason."""
_PRCTL: Final = (15, 16, 0x53564D41)
"""PR_SET_NAME, PR_GET_NAME, PR_SET_VMA. Not PR_SET_DUMPABLE and PR_SET_PDEATHSIG: they would undo a layer."""


class _Step(NamedTuple):
    code: int
    if_true: int
    if_false: int
    value: int


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


class Filter:
    """A filter ready to be installed; made before the fork, because making it costs more than installing it."""

    def __init__(self, steps: Sequence[_Step] | None = None) -> None:
        """Prepare the filter of this machine, or other `steps`."""
        steps = build(machine(), _ANY_PID) if steps is None else steps
        self._pids = [8 * at + 4 for at, step in enumerate(steps) if step.value == _ANY_PID]
        """Where in the code the process number stands."""
        code = b"".join(struct.pack("=HBBI", *step) for step in steps)
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(steps), ctypes.addressof(self._code))
        self._install = prepared("seccomp", _SET_MODE_FILTER, 0, ctypes.addressof(self._program))

    def install(self, pid: int) -> None:
        """Filter this process's calls for good. `pid`: its own number as it sees it, the only target of kill."""
        for at in self._pids:
            struct.pack_into("=I", self._code, at, pid)
        self._install()


def build(architecture: str, pid: int) -> list[_Step]:
    """The filter's steps for a process that sees itself as `pid`."""
    column = ARCHITECTURES[architecture]
    steps = [
        _Step(_LOAD, 0, 0, _ARCH_AT),
        _Step(_JUMP_EQUAL, 1, 0, AUDIT[architecture]),
        _Step(_RETURN, 0, 0, _KILL),
        _Step(_LOAD, 0, 0, _NUMBER_AT),
        _Step(_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        _Step(_RETURN, 0, 0, _KILL),
    ]
    return [*steps, *_tree(_segments(column, pid))]


def _segments(column: int, pid: int) -> list[tuple[int, list[_Step]]]:
    """What to do with each call number, as (first number, steps) from there up to the next one."""
    allowed = [number for pair in NUMBERS.values() if (number := pair[column]) is not None]
    known = [(low, high, [_Step(_RETURN, 0, 0, _ALLOW)]) for low, high in _ranges(allowed)]
    for name, pair in CHECKED.items():
        number = pair[column]
        assert number is not None
        known.append((number, number, _BODIES[name](pid)))
    segments: list[tuple[int, list[_Step]]] = []
    following = 0
    for low, high, body in sorted(known, key=lambda one: one[0]):
        if low > following:
            segments.append((following, [_Step(_RETURN, 0, 0, _EPERM)]))
        segments.append((low, body))
        following = high + 1
    return [*segments, (following, [_Step(_RETURN, 0, 0, _EPERM)])]


def _tree(segments: list[tuple[int, list[_Step]]]) -> list[_Step]:
    """A binary search for the segment: the kernel walks a new filter once for each call number there is."""
    if len(segments) == 1:
        return segments[0][1]
    middle = len(segments) // 2
    left, right = _tree(segments[:middle]), _tree(segments[middle:])
    # A conditional jump reaches 255 steps, an unconditional one as far as needed.
    jump = [_Step(_JUMP_AT_LEAST, 0, 1, segments[middle][0]), _Step(_JUMP, 0, 0, len(left))]
    return [*jump, *left, *right]


def _ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring numbers as (first, last)."""
    ordered = sorted(numbers)
    start = last = ordered[0]
    for number in ordered[1:]:
        if number > last + 1:
            yield start, last
            start = number
        last = number
    yield start, last


def _argument(index: int, *, upper: bool = False) -> _Step:
    """Load half of an argument; both architectures are little-endian."""
    return _Step(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4 * upper)


def _one_of(index: int, values: Sequence[int]) -> list[_Step]:
    """Allow when the lower half of the argument is one of `values`: the kernel reads these arguments as 32 bits."""
    tests = [_Step(_JUMP_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [_argument(index), *tests, _Step(_RETURN, 0, 0, _EPERM), _Step(_RETURN, 0, 0, _ALLOW)]


def _threads_only(_pid: int) -> list[_Step]:
    return [
        _argument(0),
        _Step(_JUMP_ANY_BIT, 1, 0, _CLONE_THREAD),
        _Step(_RETURN, 0, 0, _EPERM),
        _Step(_RETURN, 0, 0, _ALLOW),
    ]


def _without_address(_pid: int) -> list[_Step]:
    """Allow sendto without flags and address, which is a write to a connected pair."""
    checks = [(3, False), (4, False), (4, True)]
    steps: list[_Step] = []
    for index, upper in checks:
        steps += [_argument(index, upper=upper), _Step(_JUMP_EQUAL, 1, 0, 0), _Step(_RETURN, 0, 0, _EPERM)]
    return [*steps, _Step(_RETURN, 0, 0, _ALLOW)]


_BODIES: Final = {
    "clone": _threads_only,
    "clone3": lambda _pid: [_Step(_RETURN, 0, 0, _ENOSYS)],
    "fcntl": lambda _pid: _one_of(1, _FCNTL),
    "ioctl": lambda _pid: _one_of(1, _IOCTL),
    "prctl": lambda _pid: _one_of(0, _PRCTL),
    "kill": lambda pid: _one_of(0, (pid,)),
    "tgkill": lambda pid: _one_of(0, (pid,)),
    "prlimit64": lambda _pid: _one_of(0, (0,)),
    "socketpair": lambda _pid: _one_of(0, (_AF_UNIX,)),
    "sendto": _without_address,
}
