"""How a freshly forked process shuts itself in, layer by layer, before it reads a single byte of foreign code.

What all children of a zygote share, the zygote takes on itself or prepares: limits that it can live under, the rule
set, the filter. The fork's every step in Python copies pages of memory, so few steps are left to it.
"""

import os
import resource
from collections.abc import Callable
from typing import Final, NamedTuple

from stages.sandbox import landlock, libc, seccomp
from stages.sandbox.layers import Layer

FIRST_FREE: Final = 5
"""0 stdin, 1 stdout, 2 stderr, 3 the channel, 4 the report; everything else is closed."""
_MOST_DESCRIPTORS: Final = 1 << 20
_MOST_SECONDS: Final = 1 << 30


class Bounds(NamedTuple):
    """The limits that all children of a zygote have; plain numbers, since they cross to it as JSON."""

    memory: int
    file: int
    descriptors: int
    processes: int
    """Of the whole user; -1 for no limit."""


class Walls:
    """The layers of all children of one zygote."""

    def __init__(self, layers: tuple[Layer, ...], work: str, bounds: Bounds) -> None:
        """Confine this zygote as far as it can do its work, and prepare the rest. `work`: the children's folder."""
        self._work = work
        self._own_namespace = Layer.NAMESPACES in layers
        self._landlock = Layer.LANDLOCK in layers
        self._rules = -1
        self._me = os.getpid()
        os.environ.clear()
        os.environ.update(HOME=work, TMPDIR=work, LANG="C.UTF-8", PATH="")
        os.umask(0o077)
        _limit_all(bounds)
        self._memory = _bounds(resource.RLIMIT_AS, bounds.memory)
        self._descriptors = _bounds(resource.RLIMIT_NOFILE, bounds.descriptors)
        self._most_cpu = _bounds(resource.RLIMIT_CPU, _MOST_SECONDS)[1]
        libc.refuse_new_privileges()
        self._drop: Callable[[], None] | None = None
        if self._own_namespace:
            # The zygote goes on mounting fresh folders.
            self._drop = libc.drops_capabilities()
        elif Layer.CAPABILITIES in layers:
            libc.drops_capabilities()()
        libc.hide_memory()
        self._die_with_parent = libc.dies_with_parent()
        self._filter = seccomp.Filter() if Layer.SECCOMP in layers else None
        self.renewed()

    def renewed(self) -> None:
        """Prepare what depends on the children's folder, which is a new one."""
        os.chdir(self._work)
        if self._landlock:
            if self._rules >= 0:
                os.close(self._rules)
            work = (self._work, landlock.WRITE)
            self._rules = landlock.ruleset([("/", landlock.READ), ("/dev/null", landlock.DEVICE), work])
            self._enforce = landlock.enforces(self._rules)

    def shut(self, cpu: int, descriptors: list[tuple[int, int]]) -> None:
        """Shut this forked process in, with `cpu` seconds to live.

        `descriptors`: (target, source), which open one becomes which of 0 to 4; all others are closed.
        """
        self._die_with_parent()
        if not self._own_namespace and os.getppid() != self._me:
            os._exit(1)
        for target, source in descriptors:
            os.dup2(source, target)
        if self._landlock:
            self._enforce()
        os.closerange(FIRST_FREE, _MOST_DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_AS, self._memory)
        seconds = min(cpu, self._most_cpu)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_NOFILE, self._descriptors)
        if self._drop is not None:
            self._drop()
        if self._filter is not None:
            self._filter.install(os.getpid())
        else:
            os.setpgid(0, 0)


def reserve_descriptors() -> None:
    """Fill 0 to 4 with nothing, so that whatever this process opens is above and a child need not move it."""
    null = os.open("/dev/null", os.O_RDWR)
    for target in range(FIRST_FREE):
        if target != null:
            os.dup2(null, target)
    if null >= FIRST_FREE:
        os.close(null)
    else:
        os.set_inheritable(null, True)


def _limit_all(bounds: Bounds) -> None:
    """Limits that the zygote and its children share. Those of memory and descriptors could stop the zygote itself."""
    limits = {
        resource.RLIMIT_FSIZE: bounds.file,
        resource.RLIMIT_NPROC: bounds.processes,
        resource.RLIMIT_STACK: 8 << 20,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for name, value in limits.items():
        if value >= 0:
            resource.setrlimit(name, _bounds(name, value))


def _bounds(name: int, value: int) -> tuple[int, int]:
    """Soft and hard limit, not above the hard one that there is."""
    hard = resource.getrlimit(name)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return bound, bound
