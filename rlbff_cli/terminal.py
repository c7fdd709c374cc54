"""What the output streams can do, and how one message is set on them: wrapped on a terminal, one line elsewhere.

Imports neither rich nor typer: an error must be shown quickly and when everything else is broken.
"""

import os
import sys
import textwrap
from typing import Final, TextIO

_NARROWEST: Final = 30
_UNKNOWN_WIDTH: Final = 80


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


def folded(text: str, stream: TextIO, indent: int = 2) -> str:
    """Return one message as `stream` shows it best: wrapped at words on a terminal, unchanged anywhere else.

    The lines after the first are set `indent` columns to the right. A word longer than a line stays whole, so that a
    path can be copied.
    """
    if not stream.isatty():
        return text
    lines = textwrap.wrap(
        text,
        # A full line makes some terminals add an empty one.
        max(_NARROWEST, _columns(stream) - 1),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def say_error(sentence: str) -> None:
    """Write `error: ...` to stderr as one message."""
    _say("error:", "1;31", sentence)


def say_note(sentence: str) -> None:
    """Write `note: ...` to stderr as one message."""
    _say("note:", "1", sentence)


def _say(word: str, style: str, sentence: str) -> None:
    text = folded(f"{word} {' '.join(sentence.split())}", sys.stderr)
    if colours(sys.stderr):
        text = f"\x1b[{style}m{word}\x1b[0m{text.removeprefix(word)}"
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _columns(stream: TextIO) -> int:
    """The width of the terminal `stream`, or what COLUMNS says."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _UNKNOWN_WIDTH
    except OSError:
        return _UNKNOWN_WIDTH
