"""What can be counted in a text, each by a rule that fits in a sentence. Which counts are wanted is in checks.py.

Fenced code counts as text, but holds no bullets, headings or highlights.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from stages.programs.fences import blocks

_WORD: Final = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*")
_CJK: Final = re.compile(r"[぀-ヿ㐀-䶿一-鿿]")
_SENTENCE: Final = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？]+|\n[ \t]*\n")
_BLANK: Final = re.compile(r"\n[ \t]*\n")
_FENCED: Final = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(?:.*?\n)??[ \t]*\1[`~]*[ \t]*$", re.DOTALL | re.MULTILINE)
_BULLET: Final = re.compile(r"^[ \t]*[-*+•][ \t]+\S", re.MULTILINE)
_NUMBERED: Final = re.compile(r"^[ \t]*\d+[.)][ \t]+\S", re.MULTILINE)
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+\S", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*[^*\n]+\*\*")
_ITALIC: Final = re.compile(r"(?<![*\w])\*[^*\s][^*\n]*\*(?![*\w])")
_PLACEHOLDER: Final = re.compile(r"\[[^\[\]\n]+\](?!\()")
_LINK: Final = re.compile(r"\[[^\[\]\n]+\]\([^()\s]+\)")
_TABLE: Final = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*(\|[ \t]*:?-{3,}:?[ \t]*)+\|?[ \t]*$", re.MULTILINE)
_CODE_SPAN: Final = re.compile(r"`[^`\n]+`")


def words(text: str) -> list[str]:
    """Runs of letters and digits, joined by apostrophe, hyphen or point; each Chinese or Japanese sign is one."""
    return _WORD.findall(_CJK.sub(lambda sign: f" {sign[0]} ", text))


def occurrences(text: str, word: str) -> int:
    """How often a word or phrase stands in the text as such, whatever its case."""
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def markdown(text: str) -> bool:
    """Whether there is any heading, list, emphasis, link, table, code span or fence."""
    bare = _outside(text)
    rules = (_BULLET, _NUMBERED, _HEADING, _BOLD, _ITALIC, _LINK, _TABLE, _CODE_SPAN)
    return bool(blocks(text)) or any(rule.search(bare) for rule in rules)


COUNTS: Final[Mapping[str, Callable[[str], int]]] = {
    "words": lambda text: len(words(text)),
    "chars": lambda text: len(text.strip()),
    "sentences": lambda text: sum(bool(_WORD.search(part)) for part in _SENTENCE.split(text)),
    "lines": lambda text: sum(bool(line.strip()) for line in text.splitlines()),
    "paragraphs": lambda text: sum(bool(part.strip(" \t\n*-_")) for part in _BLANK.split(text)),
    "bullets": lambda text: len(_BULLET.findall(_outside(text))),
    "numbered": lambda text: len(_NUMBERED.findall(_outside(text))),
    "headings": lambda text: len(_HEADING.findall(_outside(text))),
    "highlights": lambda text: len(_BOLD.findall(_outside(text))) + len(_ITALIC.findall(_outside(text))),
    "placeholders": lambda text: len(_PLACEHOLDER.findall(_outside(text))),
    "code-blocks": lambda text: len(blocks(text)),
    "commas": lambda text: len(re.findall("[,،，、]", text)),
    "capital-words": lambda text: sum(word.isupper() and len(word) > 1 for word in words(text)),
}
"""What each name counts. Abbreviations end sentences; a word in capitals has at least two letters."""


def _outside(text: str) -> str:
    return _FENCED.sub("", text)
