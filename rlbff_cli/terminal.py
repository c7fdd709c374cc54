"""What the two output streams can do, and the one line that ends a failed command.

Imports neither rich nor typer: an error must be shown quickly and when everything else is broken.
"""

import os
import sys
from typing import TextIO


def open_streams() -> None:
    """Put an empty stream where stdin, stdout or stderr is closed, before a file of ours is given its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as we live


def colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants colours: NO_COLOR and TERM=dumb turn them off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def draws(stream: TextIO) -> bool:
    """Whether `stream` can show a line that moves; a CI log and a dumb terminal cannot."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def bold(text: str, on: bool) -> str:
    """Return `text` in bold when `on`."""
    return f"\x1b[1m{text}\x1b[0m" if on else text


def say_error(sentence: str) -> None:
    """Write `error: ...` to stderr as exactly one line."""
    word = "\x1b[1;31merror:\x1b[0m" if colours(sys.stderr) else "error:"
    sys.stderr.write(f"{word} {' '.join(sentence.split())}\n")
    sys.stderr.flush()
