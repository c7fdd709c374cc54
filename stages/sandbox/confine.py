"""How a freshly forked process shuts itself in, layer by layer, before it reads a single byte of foreign code.

The order matters: descriptors and limits first, then privileges, then files, then system calls, because each layer
takes away what the ones before it needed.
"""

import fcntl
import os
import resource
from typing import Final, NamedTuple

from stages.sandbox import landlock, libc, seccomp
from stages.sandbox.layers import Layer

FIRST_FREE: Final = 5
"""0 stdin, 1 stdout, 2 stderr, 3 the channel, 4 the report; everything else is closed."""


class Cell(NamedTuple):
    """The limits of one child; plain numbers, since they cross to the zygote as JSON."""

    orphaned_by: int
    """Process number of the parent that must still be there, 0 in a process namespace of its own."""
    cpu: int
    memory: int
    file: int
    descriptors: int
    processes: int
    """Of the whole user; -1 for no limit."""


class Walls:
    """The layers of all children of one zygote: what they share is prepared once, before any fork."""

    def __init__(self, layers: tuple[Layer, ...], work: str) -> None:
        self._layers = layers
        self._work = work
        self._filter = seccomp.Filter() if Layer.SECCOMP in layers else None
        os.environ.clear()
        os.environ.update(HOME=work, TMPDIR=work, LANG="C.UTF-8", PATH="")
        os.umask(0o077)
        libc.refuse_new_privileges()
        if Layer.CAPABILITIES in layers and Layer.NAMESPACES not in layers:
            libc.drop_capabilities()

    def shut(self, cell: Cell, descriptors: dict[int, int]) -> None:
        """Shut this forked process in. `descriptors`: which open one becomes 0 to 4; the rest is closed."""
        _arrange(descriptors)
        _limit(cell)
        libc.die_with_parent()
        if cell.orphaned_by and os.getppid() != cell.orphaned_by:
            os._exit(1)
        libc.hide_memory()
        os.chdir(self._work)
        if Layer.NAMESPACES in self._layers:
            libc.drop_capabilities()
        if Layer.LANDLOCK in self._layers:
            work = (self._work, landlock.WRITE)
            landlock.restrict([("/", landlock.READ), ("/dev/null", landlock.DEVICE), work])
        if self._filter is not None:
            self._filter.install(os.getpid())
        else:
            os.setpgid(0, 0)


def _arrange(descriptors: dict[int, int]) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    high = {target: fcntl.fcntl(descriptors.get(target, null), fcntl.F_DUPFD, 64) for target in range(FIRST_FREE)}
    for target, source in high.items():
        os.dup2(source, target)
    os.closerange(FIRST_FREE, 1 << 20)


def _limit(cell: Cell) -> None:
    limits = {
        resource.RLIMIT_AS: cell.memory,
        resource.RLIMIT_CPU: cell.cpu,
        resource.RLIMIT_FSIZE: cell.file,
        resource.RLIMIT_NOFILE: cell.descriptors,
        resource.RLIMIT_NPROC: cell.processes,
        resource.RLIMIT_STACK: 8 << 20,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for name, value in limits.items():
        if value < 0:
            continue
        hard = resource.getrlimit(name)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (bound, bound))
