"""Canaries: harmless programs that try to escape before any foreign one may run.

Each attempt belongs to the layer that should stop it. One that succeeds at a level that promises the layer makes the
sandbox refuse to open: what a kernel says about itself is not proof.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

from stages.core.errors import ConfigError
from stages.sandbox import frames
from stages.sandbox.attempt import Attempt, Zygotes
from stages.sandbox.decode import decode
from stages.sandbox.layers import LEVELS, Layer, Level
from stages.sandbox.watch import Budget, Stop

_ATTEMPTS: Final = {
    "read a file outside": (Layer.LANDLOCK, "open(secret).read()"),
    "list a folder outside": (Layer.LANDLOCK, "os.listdir(os.path.dirname(secret)).index(os.path.basename(secret))"),
    "write a file outside": (Layer.LANDLOCK, "open(secret + '.out', 'w').close()"),
    "open a socket": (Layer.SECCOMP, "socket_().close()"),
    "start a process": (Layer.SECCOMP, "os.fork() or os._exit(0)"),
    "start a program": (Layer.SECCOMP, "execute()"),
    "signal its parent": (Layer.SECCOMP, "os.kill(os.getppid() or -1, 0)"),
    "limit its parent": (Layer.SECCOMP, "resource.prlimit(parent, resource.RLIMIT_CORE)"),
    "change a file's mode": (Layer.SECCOMP, "os.chmod(os.__file__, os.stat(os.__file__).st_mode)"),
    "read what nobody may read": (Layer.CAPABILITIES, "open(locked()).close()"),
    "see a process outside": (Layer.NAMESPACES, "os.stat('/proc/%d' % parent)"),
    "see a file outside": (Layer.NAMESPACES, "os.stat(secret)"),
    "use more memory": (Layer.LIMITS, "len(bytearray(memory))"),
    "write a larger file": (Layer.LIMITS, "open('large', 'wb', 0).write(bytes(size)) > size - 1 or none.none"),
    "keep a descriptor": (Layer.LIMITS, "os.fstat(9)"),
    "see the environment": (Layer.LIMITS, "os.environ['PYTHONHASHSEED']"),
    "gain privileges": (Layer.LIMITS, "privileged() or none.none"),
}
"""What is tried, which layer should stop it, and the expression that does it: an exception means stopped."""

_PROGRAM: Final = """
import os, resource
none = None
def socket_():
    import socket
    return socket.socket()
def execute():
    # A file that exists and is no program: where exec is allowed, the kernel says so by another error.
    try:
        os.execv(os.__file__, ["x"])
    except OSError as error:
        if error.errno not in (1, 13):
            return True
        raise
def locked():
    # Only root's privileges open a file without any permission, and that of its owner.
    os.close(os.open("locked", os.O_CREAT | os.O_WRONLY, 0))
    return "locked"
def privileged():
    with open("/proc/self/status") as status:
        return "NoNewPrivs:\\t1" not in status.read()
def attempt(code, secret, parent, memory, size):
    try:
        eval(code, globals(), {"secret": secret, "parent": parent, "memory": memory, "size": size})
    except BaseException as error:
        return type(error).__name__
    return "done"
"""


def sing(zygotes: Zygotes, level: Level, budget: Budget) -> None:
    """Try everything that `level` promises to stop; raises ConfigError for the first thing that is not stopped."""
    promised = LEVELS[level]
    attempts = [(what, layer, code) for what, (layer, code) in _ATTEMPTS.items() if layer in promised]
    with tempfile.NamedTemporaryFile(prefix="rlbff-canary-") as secret:
        answers = _answers(zygotes, [code for _, _, code in attempts], secret.name, budget)
        Path(f"{secret.name}.out").unlink(missing_ok=True)
    for (what, layer, _), answer in zip(attempts, answers, strict=True):
        if answer == "done":
            raise ConfigError(
                f"sandbox level {level!r} is refused: a canary could {what}, which {layer} should stop."
                " See `probe()` for what this system has, or choose a lower level by name."
            )


def _answers(zygotes: Zygotes, codes: list[str], secret: str, budget: Budget) -> list[str]:
    """What came of each attempt: the name of the exception that stopped it, or "done"."""
    limits = budget.limits
    with Attempt(zygotes, budget) as attempt:
        watch = attempt.watch(attempt.program(_PROGRAM, "attempt"))
        arguments = [secret, os.getpid(), limits.memory, limits.file + 1]
        calls = [frames.pack(["c", turn, "attempt", [code, *arguments], {"d": []}]) for turn, code in enumerate(codes)]
        watch.say(b"".join(calls))
        heard = [watch.next() for _ in range(len(codes) + 1)]
        attempt.end()
        if heard[0] != ["loaded"] or any(isinstance(frame, Stop) or frame[0] != "r" for frame in heard[1:]):
            raise ConfigError(
                f"the sandbox cannot run the program that tries it out: {heard[0]} {attempt.stderr()}"
                " See `probe()` for what is missing here."
            )
    return [decode(frame[2]) for frame in heard[1:] if not isinstance(frame, Stop)]
