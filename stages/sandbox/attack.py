"""What an attack of the battery is, and how its program is written.

Each pretends to solve one task, add(a, b). PLACE stands for a folder outside with secret.txt and victim.txt; whoever
writes a file there has escaped. Every burst is bounded, so that even without walls the harm ends.
"""

from typing import Final, NamedTuple

from stages.sandbox.verdict import Outcome


class Attack(NamedTuple):
    """One program. `outcomes`: what its tests may come to; the first test decides."""

    kind: str
    name: str
    source: str
    outcomes: tuple[Outcome, ...]


ERR, FAIL, OUT, PASS = Outcome.ERROR, Outcome.FAIL, Outcome.OUTPUT_LIMIT, Outcome.PASS
CRASH, TIME, MEM, ODD, NONE = Outcome.CRASH, Outcome.TIMEOUT, Outcome.MEMORY, Outcome.NOT_PLAIN, Outcome.NOT_RUN
BROKEN = Outcome.PROTOCOL_ERROR

WRONG: Final = "def add(a, b):\n    return 0\n"
RIGHT: Final = "def add(a, b):\n    return a + b\n"


def body(code: str, before: str = "") -> str:
    """A program whose function does `code` and then gives a wrong answer."""
    lines = "".join(f"    {line}\n" for line in code.split("\n"))
    return f"{before}\ndef add(a, b):\n{lines}    return 0\n"


def with_c(code: str) -> str:
    """A function that calls the C library as `c`."""
    return body(code, "import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)")


def with_frames(code: str) -> str:
    """A function that does `code` for every frame `f` above it, and for all that the frames can name."""
    return body(
        f"f = sys._getframe()\nwhile f:\n    for k, v in [*f.f_locals.items(), *f.f_globals.items()]:\n"
        f"        try:\n            {code}\n        except Exception: pass\n    f = f.f_back",
        "import sys",
    )
