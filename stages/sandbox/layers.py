"""What protects the host at each level, whether this system can do it, and what to do where it cannot.

A level is all of its layers or it is refused: nothing is ever left out silently. Whether a layer that the kernel
claims to have really holds is found out by `canary.py`.
"""

import sys
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from stages.core.errors import ConfigError
from stages.sandbox import landlock, libc
from stages.sandbox.syscalls import ARCHITECTURES

Level = Literal["weak", "standard", "strict"]


class Layer(StrEnum):
    """One independent means of protection."""

    LIMITS = "limits"
    CAPABILITIES = "capabilities"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"
    NAMESPACES = "namespaces"


LEVELS: Final[dict[Level, tuple[Layer, ...]]] = {
    "weak": (Layer.LIMITS,),
    "standard": (Layer.LIMITS, Layer.CAPABILITIES, Layer.LANDLOCK, Layer.SECCOMP),
    "strict": (Layer.LIMITS, Layer.CAPABILITIES, Layer.LANDLOCK, Layer.SECCOMP, Layer.NAMESPACES),
}

_MEANING: Final = {
    Layer.LIMITS: "own session, resource limits, no new privileges, no tracing, clean environment, closed descriptors",
    Layer.CAPABILITIES: "every privilege of root given up",
    Layer.LANDLOCK: "files: the interpreter read-only and one private folder; no TCP, no signals to others",
    Layer.SECCOMP: "allow-list of system calls: no process, no program, no socket",
    Layer.NAMESPACES: "own users, mounts, network, IPC; a process table per program; a minimal root",
}


class LayerState(NamedTuple):
    """Whether one layer is to be had here. `reason` and `remedy` are empty where it is."""

    layer: Layer
    available: bool
    meaning: str
    reason: str = ""
    remedy: str = ""


class Facts(NamedTuple):
    """What the kernel says of itself; tests put in what other systems would say."""

    platform: str
    machine: str
    landlock: int
    seccomp: int
    """Minus the error number of an empty filter: EFAULT (-14) where filters are understood."""
    namespaces: str
    """Why namespaces cannot be made; empty where they can."""


def facts(*, namespaces: bool) -> Facts:
    """Ask this system. Making namespaces is tried in a fresh process, and only if asked for."""
    if sys.platform != "linux":
        return Facts(sys.platform, "", 0, 0, "only Linux has them")
    return Facts(
        platform=sys.platform,
        machine=libc.machine(),
        landlock=landlock.version(),
        seccomp=libc.asks("seccomp", 1, 0, None),
        namespaces=_why_no_namespaces() if namespaces else "",
    )


def probe(known: Facts | None = None) -> tuple[LayerState, ...]:
    """Every layer: to be had or not, with the reason and what a user can do about it."""
    known = facts(namespaces=True) if known is None else known
    problems = {
        Layer.LIMITS: _limits(known),
        Layer.CAPABILITIES: _limits(known) or _machine(known),
        Layer.LANDLOCK: _limits(known) or _machine(known) or _landlock(known),
        Layer.SECCOMP: _limits(known) or _machine(known) or _seccomp(known),
        Layer.NAMESPACES: _limits(known) or _machine(known) or _namespaces(known),
    }
    return tuple(LayerState(layer, not problem, _MEANING[layer], *problem) for layer, problem in problems.items())


def require(level: Level, known: Facts | None = None) -> tuple[Layer, ...]:
    """The layers of a level; raises ConfigError that names the first one that this system lacks."""
    if level not in LEVELS:
        raise ConfigError(f"sandbox level {level!r} does not exist. Choose one of {', '.join(LEVELS)}.")
    known = facts(namespaces=level == "strict") if known is None else known
    for state in probe(known):
        if state.layer in LEVELS[level] and not state.available:
            raise ConfigError(f"sandbox level {level!r} needs {state.layer}: {state.reason}. {state.remedy}")
    return LEVELS[level]


def header(level: Level, known: Facts | None = None) -> tuple[str, ...]:
    """One line per layer for stderr: active, or not part of the level, or missing and why."""
    lines = []
    for state in probe(known):
        if state.layer in LEVELS[level] and state.available:
            lines.append(f"sandbox {level}: {state.layer} active ({state.meaning})")
        else:
            why = state.reason if not state.available else f"not part of level {level!r}"
            lines.append(f"sandbox {level}: {state.layer} off: {why}")
    return tuple(lines)


_Problem = tuple[str, str] | tuple[()]


def _limits(known: Facts) -> _Problem:
    if known.platform == "linux":
        return ()
    return f"this system is {known.platform}, and the sandbox is written for Linux", "Run in a Linux VM or container."


def _machine(known: Facts) -> _Problem:
    if known.machine in ARCHITECTURES:
        return ()
    names = " and ".join(ARCHITECTURES)
    return f"system calls are known for {names}, not for {known.machine}", "Use such a machine, or level weak by name."


def _landlock(known: Facts) -> _Problem:
    if known.landlock >= 1:
        return ()
    return (
        "the kernel has no Landlock, or it is switched off or blocked",
        "Use Linux 5.13 or newer with landlock in the boot option lsm=, and a container profile that allows it"
        " (podman and docker do since 2022).",
    )


def _seccomp(known: Facts) -> _Problem:
    if known.seccomp == -14:
        return ()
    return (
        "the kernel refuses seccomp filters",
        "Use a kernel with CONFIG_SECCOMP_FILTER, and a container profile that allows the seccomp call.",
    )


def _namespaces(known: Facts) -> _Problem:
    if not known.namespaces:
        return ()
    return (
        f"namespaces cannot be made ({known.namespaces})",
        "Allow them (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0; Debian: sysctl"
        " kernel.unprivileged_userns_clone=1; containers: --security-opt seccomp=unconfined), or use level standard.",
    )


def _why_no_namespaces() -> str:
    # Not above: zygotes import this file, and the module's hooks would run in every fork.
    import subprocess
    from pathlib import Path

    root = str(Path(__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r}); from stages.sandbox import namespaces\n"
        "try: namespaces.enter()\nexcept OSError as error: print(error.strerror or error)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-B", "-c", code], env={}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or (done.stderr.strip()[-200:] if done.returncode else "")
