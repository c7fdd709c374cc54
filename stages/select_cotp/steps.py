"""Reasoning steps of a completion: stretches of one or a few lines, found by the form of the text alone.

What a step does for the reasoning is not known here. Formulas, code blocks and sentences are never cut.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

SHORTEST: Final = 120
"""Bytes of UTF-8 that a step has at least, unless the next line turns elsewhere; many write a thought in two lines."""

SHORTEST_TURN: Final = 48
"""Bytes that stand before a line that turns elsewhere, such as "Wait, ...", for it to begin a step."""

LONGEST: Final = 800
"""Bytes from which on a step takes in no further line, and a line is cut at the ends of its sentences."""


class Step(NamedTuple):
    """Characters [start:end) of the text, without white space at the ends."""

    start: int
    end: int


def split_steps(text: str) -> list[Step]:
    """The steps in order, disjoint; every character is in one but white space and tags such as <think>.

    Deterministic, and linear in the length of the text. Sizes are counted in bytes so that a Chinese sentence, which
    has a third of the characters, counts like an English one.
    """
    steps: list[Step] = []
    size, last = 0, ""
    for unit, behind_tag in _units(text):
        line = text[unit.start : unit.end]
        length = _size(line)
        if steps and not behind_tag and _goes_on(size, last, line):
            steps[-1] = Step(steps[-1].start, unit.end)
            size += length
        else:
            steps.append(unit)
            size = length
        last = line
    return steps


_TAG: Final = r"</?(?:think|thinking|thought|reasoning|answer|solution)>|<\|(?:begin|end)_of_\w{1,20}\|>"
_BREAK: Final = re.compile(rf"\n\s*+|(?:{_TAG})\s*+", re.IGNORECASE)
_TURN: Final = re.compile(
    r"(?:\W*+(?:but|so|and|oh|ah|yes|ok|okay|hmm+|well)\b){0,2}\W*+"
    r"(?:(?:wait|hold on|hmm+|alternatively|actually|first|second|third|next|now|finally)\b"
    r"|another (?:way|approach|idea|method)\b|case \d|step \d"
    r"|等等|等一下|不对|或者|另一种|换一种|第[\d一二三四五六七八九十]+步|步骤\s*[\d一二三四五六七八九十])"
    r"|\W*+\d{1,2}\. +\*\*|#{1,6} ",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(
    r"#{1,6} .*|\W*+(?:step|case|part)\s+\d+\W*+|(?:\d{1,2}\. +)?\*\*[^*]++\*\*\W*+", re.IGNORECASE
)
_FORMULA: Final = re.compile(r"\\\[|\\\(|\$|\\begin\{|[&=+/|<>≈≤≥≠⇒→×·]|-\d")
_GOES_ON: Final = (":", "：", ",", "，", "\\\\")
_FENCES: Final = ("```", "~~~")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')\]*]*+\s++(?=[A-Z\\$(\[*])|(?<=[。！？])")


def _goes_on(size: int, last: str, line: str) -> bool:
    """Whether a line belongs to the step of `size` bytes that ends with the line `last`."""
    if size >= LONGEST:
        return False
    if _HEADING.fullmatch(last) or last.endswith(_GOES_ON):
        return True
    if line.startswith(_FENCES):
        return False
    if _FORMULA.match(line):
        return True
    return size < (SHORTEST_TURN if _TURN.match(line) else SHORTEST)


def _units(text: str) -> Iterator[tuple[Step, bool]]:
    """Lines, and sentences of long ones, that are not empty; and whether a tag stands before."""
    kept = _Kept(text)
    begin, behind_tag = 0, False
    for start, end in [*(gap.span() for gap in _BREAK.finditer(text)), (len(text), len(text))]:
        if kept.holds(start) or kept.holds(end):
            continue
        for piece in _sentences(text, _stripped(text, begin, start), kept):
            yield piece, behind_tag
            behind_tag = False
        behind_tag = behind_tag or text[start:end].strip() != ""
        begin = end


def _sentences(text: str, line: Step, kept: "_Kept") -> Iterator[Step]:
    """A line in runs of whole sentences, each of at least half of LONGEST; all of it where it is short enough."""
    if _size(text[line.start : line.end]) <= LONGEST:
        if line.end > line.start:
            yield line
        return
    begin = line.start
    for gap in _SENTENCE_END.finditer(text, line.start, line.end):
        if kept.holds(gap.start()) or kept.holds(gap.end()):
            continue
        if _size(text[begin : gap.start()]) >= LONGEST // 2:
            yield Step(begin, gap.start())
            begin = gap.end()
    if begin < line.end:
        yield _stripped(text, begin, line.end)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _stripped(text: str, start: int, end: int) -> Step:
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    return Step(begin, max(begin, start + len(piece.rstrip())))


_OPENER: Final = re.compile(r"\\[\\$]|```|~~~|\\\[|\\\(|\$\$|\$|\\begin\{")
_CLOSERS: Final = {"```": "```", "~~~": "~~~", "\\[": "\\]", "\\(": "\\)", "$$": "$$", "$": "$", "\\begin{": "\\end{"}


class _Kept:
    """Formulas and code blocks of a text, which are never cut; an opener without its closer opens nothing."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        find = _Finder(text)
        place = 0
        while (opener := _OPENER.search(text, place)) is not None:
            sign, place = opener[0], opener.end()
            closer = _CLOSERS.get(sign)
            if closer is None:  # an escaped sign
                continue
            end = find.after(closer, place)
            # prices: a single $ counts as a formula only within its line
            if end < 0 or (sign == "$" and 0 <= find.after("\n", place) < end):
                continue
            self._starts.append(opener.start())
            self._ends.append(end + len(closer))
            place = self._ends[-1]

    def holds(self, place: int) -> bool:
        """Whether a cut before the character `place` would be inside."""
        found = bisect_right(self._starts, place) - 1
        return found >= 0 and self._starts[found] < place < self._ends[found]


class _Finder:
    """Finds strings behind places that only grow, without looking at any part of the text twice."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, int] = {}

    def after(self, what: str, place: int) -> int:
        """The first `what` at or behind `place`; -1 if there is none."""
        known = self._next.get(what, -2)
        if known == -1 or known >= place:
            return known
        self._next[what] = self._text.find(what, place)
        return self._next[what]
