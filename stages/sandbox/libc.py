"""How this process talks to the kernel where Python has no function of its own: system calls by number, and prctl."""

import ctypes
import os
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


def asks(name: str, *arguments: int | None) -> int:
    """Make a system call and give its result, or minus the error number: for questions to the kernel."""
    if machine() not in ARCHITECTURES:
        return -38
    result: int = LIBC.syscall(*_arguments(name, arguments))
    return result if result >= 0 else -ctypes.get_errno()


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that forked it ends (PR_SET_PDEATHSIG)."""
    _prctl(_PR_SET_PDEATHSIG, 9)


def refuse_new_privileges() -> None:
    """Let no later exec add privileges; needed by Landlock and seccomp without root (PR_SET_NO_NEW_PRIVS)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """Let no process of the same user trace this one or read its /proc files (PR_SET_DUMPABLE)."""
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent has ended (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def drop_capabilities() -> None:
    """Give up every capability of this process (capset with empty sets)."""
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    syscall("capset", header, bytes(24))


def fork_into(flags: int) -> int:
    """Fork with clone flags such as CLONE_NEWPID; 0 in the child.

    Python's own hooks run around the call, and the GIL is held throughout, since the child has no thread that could
    hand it back.
    """
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = _HOLDING_THE_GIL.syscall(*_arguments("clone", (flags | _SIGCHLD, 0, 0, 0, 0)))
    error = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid


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
