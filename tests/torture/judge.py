"""Whether the end of a command is clear to its user: a documented exit code, and one sentence with what and remedy."""

import re
import signal
from typing import Final

from tests.torture.launch import End

DOCUMENTED: Final = (0, 2, 3, 65, 66, 69, 73, 75)
"""Exit codes of docs and README; 1 is a bug."""

_REMEDY: Final = re.compile(
    r"\b(run|choose|check|delete|set|start|use|wait|see|look|give|raise|fetch|make|copy|write|correct|repair|"
    r"accept|goes on|go on|again|remove|name|lower|free|report)\b",
    re.IGNORECASE,
)
_THING: Final = re.compile(r"[/'\d]|--\w|\w\.\w|\b[A-Z]{3,}|\bfolder\b|\brows?\b")


def unclear(end: End, sent: signal.Signals | None = None) -> str | None:
    """Why a user would not understand this end; None where it is clear. `sent` is the signal that the command got."""
    if end.hung:
        return "it hung"
    if end.left:
        return f"{end.left} processes lived on"
    if "Traceback (most recent call last)" in end.stderr:
        return "a traceback"
    if sent is not None and end.code == -sent:
        return None
    if end.code not in DOCUMENTED:
        return f"exit code {end.code}"
    return None if end.code == 0 else _poor_sentence(last_line(end.stderr))


def last_line(stderr: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(stderr.splitlines()) if line.strip()), "")


def _poor_sentence(line: str) -> str | None:
    if not line.startswith("error: "):
        return "the last line is no error"
    sentence = line.removeprefix("error: ")
    if not sentence.endswith("."):
        return "no sentence"
    if len(sentence) > 700:
        return "a sentence of more than 700 characters"
    if re.search(r"\bErrno\b|<class |object at 0x|\\n", sentence):
        return "inner words"
    if not _THING.search(sentence):
        return "it does not say what"
    return None if _REMEDY.search(sentence) else "it does not say what to do"
