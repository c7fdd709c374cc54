"""The words of an expression of columns, each with its position, and the error that points at one."""

import re
from typing import Final, Literal, NamedTuple, NoReturn

from stages.core.errors import ConfigError

Kind = Literal["name", "number", "sign", "end"]

_WORD: Final = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<name>[^\W\d]\w*)
    | (?P<sign><=|>=|!=|<>|==|=|<|>|\(|\))
    )""",
    re.VERBOSE,
)


class Word(NamedTuple):
    """One word; `start` counts characters from 0."""

    kind: Kind
    text: str
    start: int


def words(text: str) -> list[Word]:
    """Split `text`; the last word is of kind `end`. Raises ConfigError at a character without a meaning."""
    result: list[Word] = []
    position = 0
    while rest := text[position:].lstrip():
        match = _WORD.match(text, position)
        if match is None:
            fail(text, len(text) - len(rest), f"{rest[0]!r} has no meaning here")
        group = str(match.lastgroup)
        kind: Kind = "number" if group == "number" else "name" if group == "name" else "sign"
        result.append(Word(kind, match[group], match.start(group)))
        position = match.end()
    return [*result, Word("end", "", len(text))]


def fail(text: str, start: int, what: str, hint: str = "") -> NoReturn:
    """Raise ConfigError for the character at `start`, counted from 1 for the user."""
    raise ConfigError(f"--keep {text!r}, character {start + 1}: {what}.{hint}")
