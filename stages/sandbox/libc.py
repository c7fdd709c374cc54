"""How this process talks to the kernel where Python has no function of its own: system calls by number, and prctl."""

import ctypes
import os
from collections.abc import Callable
from typing import Final

from stages.sandbox.syscalls import ARCHITECTURES, SETUP

LIBC: Final = ctypes.CDLL(None, use_errno=True)
_HOLDING_THE_GIL: Final = ctypes.PyDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_CAPABILITY_VERSION_3: Final = 0x20080522
_SIGCHLD: Final = 17


def machine() -> str:
    """The name of this computer's instruction set, as in `syscalls.ARCHITECTURES`."""
    return os.uname().machine


def syscall(name: str, *arguments: int | ctypes.Array[ctypes.c_char] | bytes | None) -> int:
    """Make the system call `name` of `syscalls.SETUP`; raises OSError with the kernel's reason."""
    return _checked(name, LIBC.syscall(*_arguments(name, arguments)))


def prepared(name: str, *arguments: int | bytes | None) -> Callable[[], None]:
    """The system call as a function without arguments: all that can be worked out before a fork is."""
    return _prepared(name, LIBC.syscall, _arguments(name, arguments))


def asks(name: str, *arguments: int | None) -> int:
    """Make a system call and give its result, or minus the error number: for questions to the kernel."""
    if machine() not in ARCHITECTURES:
        return -38
    result: int = LIBC.syscall(*_arguments(name, arguments))
    return result if result >= 0 else -ctypes.get_errno()


def dies_with_parent() -> Callable[[], None]:
    """A call that lets the kernel kill this process when the thread that forked it ends (PR_SET_PDEATHSIG)."""
    return _prepared("prctl", LIBC.prctl, [ctypes.c_long(value) for value in (_PR_SET_PDEATHSIG, 9, 0, 0, 0)])


def refuse_new_privileges() -> None:
    """Let no later exec add privileges; needed by Landlock and seccomp without root (PR_SET_NO_NEW_PRIVS)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """Let no process of the same user trace this one or read its /proc files (PR_SET_DUMPABLE)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent has ended (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def drops_capabilities() -> Callable[[], None]:
    """A call that gives up every capability of this process (capset with empty sets)."""
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    return prepared("capset", header, bytes(24))


class Fork:
    """Forks this process, which must have no other thread, with clone flags such as CLONE_NEWPID.

    Without the hooks of Python and of the C library: they make locks anew that another thread might have held, seed
    `random` from the system, and touch a hundred pages, each of which the child would have to copy.
    """

    def __init__(self, flags: int = 0) -> None:
        self._arguments = _arguments("clone", (flags | _SIGCHLD, 0, 0, 0, 0))

    def __call__(self) -> int:
        """The child's process number, 0 in the child; raises OSError."""
        # The GIL is held throughout, since the child has no thread that could hand it back.
        pid: int = _HOLDING_THE_GIL.syscall(*self._arguments)
        if pid < 0:
            _checked("clone", pid)
        return pid


def _prepared(name: str, call: Callable[..., int], values: list[object]) -> Callable[[], None]:
    def make() -> None:
        if call(*values) < 0:
            _checked(name, -1)

    return make


def _prctl(option: int, value: int) -> None:
    _checked("prctl", LIBC.prctl(option, value, 0, 0, 0))


def _arguments(name: str, arguments: tuple[object, ...]) -> list[object]:
    number = SETUP[name][ARCHITECTURES[machine()]]
    return [ctypes.c_long(value) if isinstance(value, int) else value for value in (number, *arguments)]


def _checked(name: str, result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result
