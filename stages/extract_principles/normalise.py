"""How principles and quotes are written before they are compared, with the way back to the original's characters.

`normalise_principle` is what is stored, `principle_key` and `fold` are for comparing only. Nothing is searched here.
Every offset counts code points, as Python's own string indices do.
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_REMEMBERED: Final = 16_384
"""Principles whose normal form is kept: the same few are looked up for every response."""


class Folded(NamedTuple):
    """A folded text of N characters, and the way back to the text it was made of.

    `starts` has N + 1 non-decreasing entries: the original offset at which the source of each folded character begins,
    then the original's length.
    """

    text: str
    starts: Sequence[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the smallest original span whose folding covers the folded [start:end], which must not be empty."""
        assert 0 <= start < end <= len(self.text)
        return self.starts[start], self.starts[bisect_right(self.starts, self.starts[end - 1])]


@lru_cache(maxsize=_REMEMBERED)
def normalise_principle(text: str) -> str:
    """Return the principle as it is stored: NFC, single spaces, no trailing punctuation, no quotes around it.

    Upper and lower case stay as they are. Text that is nothing but punctuation keeps it, so that only blank text
    becomes empty.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    shorter = strip_quotes(plain.rstrip(_TRAILING)).strip()
    while shorter and shorter != plain:
        plain = shorter
        shorter = strip_quotes(plain.rstrip(_TRAILING)).strip()
    return plain


@lru_cache(maxsize=_REMEMBERED)
def principle_key(text: str) -> str:
    """Return what two wordings of one principle have in common: normalised, without case, quote and dash styles."""
    return fold(normalise_principle(text)).text


def strip_quotes(text: str) -> str:
    """Drop one pair of quotation marks that encloses the whole text; marks that enclose only parts stay."""
    if len(text) >= 2 and text[-1] in _CLOSING.get(text[0], ""):
        inner = text[1:-1]
        if text[0] not in inner and text[-1] not in inner:
            return inner
    return text


def fold(text: str) -> Folded:
    """Fold case, runs of white space, quotation marks and dashes, over the NFC form, for comparing.

    Each white-space run becomes one space, each quotation mark an apostrophe, each dash a hyphen. Case folding may
    lengthen the text (ß becomes ss) and NFC may shorten it; `Folded.original` undoes both.
    """
    if unicodedata.is_normalized("NFC", text) and len(text.casefold()) == len(text):
        return _fold_one_to_one(text)
    starts = array("l")
    pieces: list[str] = []
    for start, unit in _units(text):
        piece = " " if unit.isspace() else unicodedata.normalize("NFC", unit).casefold().translate(_STYLES)
        pieces.append(piece)
        starts.extend([start] * len(piece))
    starts.append(len(text))
    return Folded("".join(pieces), starts)


def _fold_one_to_one(text: str) -> Folded:
    """Fold a text in which only white-space runs change their length: nearly every text, and twenty times as fast."""
    starts = array("l")
    pieces: list[str] = []
    done = 0
    for run in _SPACE_RUN.finditer(text):
        pieces.append(text[done : run.start() + 1])
        starts.extend(range(done, run.start() + 1))
        done = run.end()
    if not done:
        return Folded(text.casefold().translate(_STYLES), range(len(text) + 1))
    pieces.append(text[done:])
    starts.extend(range(done, len(text) + 1))
    return Folded("".join(pieces).casefold().translate(_STYLES), starts)


def _units(text: str) -> Iterator[tuple[int, str]]:
    """Cut the text, without gaps, into white-space runs and single characters with the marks that may join them."""
    composed = unicodedata.is_normalized("NFC", text)
    start, length = 0, len(text)
    while start < length:
        end = start + 1
        if text[start].isspace():
            while end < length and text[end].isspace():
                end += 1
        elif not composed:
            while end < length and _joins(text[end]):
                end += 1
        yield start, text[start:end]
        start = end


def _joins(char: str) -> bool:
    """Whether NFC may merge the character into the one before it: marks, and the later letters of a Hangul syllable."""
    return "\u1160" <= char <= "\u11ff" or unicodedata.category(char).startswith("M")


_TRAILING: Final = " .,;:!?…。、，；：！？"

_CLOSING: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "”",
    "”": "”",
    "„": "“”",
    "‘": "’",
    "’": "’",
    "‚": "‘’",
    "«": "»",
    "»": "«",
    "‹": "›",
    "›": "‹",
    "「": "」",
    "『": "』",
}
"""Opening quotation marks of many languages, and what may close each."""

# Models swap “ ” for ' ' to spare themselves the escapes in JSON, so all marks, double and single, become one.
_QUOTES: Final = "\"'`´ʼ“”„‟‘’‚‛«»‹›′″‵‶「」『』〝〞＂＇"
_DASHES: Final = "-‐‑‒–—―−﹘﹣－"
_SPACES: Final = "".join(filter(str.isspace, map(chr, range(0x3001))))
_STYLES: Final = str.maketrans(dict.fromkeys(_QUOTES, "'") | dict.fromkeys(_DASHES, "-") | dict.fromkeys(_SPACES, " "))
_SPACE_RUN: Final = re.compile(r"\s{2,}")
