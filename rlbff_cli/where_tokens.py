"""The words of a `--where` text, each with its position, and the error that points at one. Knows no columns."""

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from stages.core.errors import ConfigError

Kind = Literal["name", "quoted", "text", "number", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<quoted>`[^`]+`)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign><=|>=|!=|<>|==|=|<|>|\(|\)|,|\.)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """One word; `start` counts characters from 0. A `quoted` name is a column even if it is a word of the language."""

    kind: Kind
    value: str
    start: int

    def is_word(self, word: str) -> bool:
        """Whether this is the unquoted word `word`, in any case."""
        return self.kind == "name" and self.value.lower() == word


def tokens(text: str) -> list[Token]:
    """Split `text`; the last token is of kind `end`. Raises ConfigError at a character without a meaning."""
    result: list[Token] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            start = len(text) - len(text[position:].lstrip())
            opened = text[start] in "'\"`"
            fail(text, start, "this quote is not closed" if opened else f"{text[start]!r} has no meaning")
        result.append(_token(match))
        position = match.end()
    return [*result, Token("end", "", len(text))]


def fail(text: str, start: int, what: str, hint: str = "") -> NoReturn:
    """Raise ConfigError for the character at `start`, counted from 1 for the user."""
    raise ConfigError(f"--where {text!r}, character {start + 1}: {what}.{hint}")


def _token(match: re.Match[str]) -> Token:
    kind = str(match.lastgroup)
    value, start = match[kind], match.start(kind)
    match kind:
        case "text":
            return Token("text", value[1:-1].replace(value[0] * 2, value[0]), start)
        case "quoted":
            return Token("quoted", value[1:-1], start)
        case "number":
            return Token("number", value, start)
        case "name":
            return Token("name", value, start)
    return Token("sign", value, start)
