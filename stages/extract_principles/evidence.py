"""Where in a feedback the words stand that a claim gives as its evidence, and how well they match.

It decides nothing: whether a match is good enough is the filter's question. Offsets count code points.
"""

import re
from typing import Final, Literal, NamedTuple

from rapidfuzz.fuzz import partial_ratio_alignment

from stages.extract_principles.normalise import Folded, fold, strip_quotes

How = Literal["exact", "normalised", "fuzzy", "none"]


class Found(NamedTuple):
    """The span feedback[start:end] that fits a quote best, and how well on RapidFuzz's scale of 0 to 100.

    `how` names the first search that led to a span. With "none" there is no span: start = end = -1 and match = 0.
    """

    start: int
    end: int
    match: float
    how: How


NOWHERE: Final = Found(-1, -1, 0.0, "none")

MIN_CHARACTERS: Final = 8
MIN_WORDS: Final = 2
MAX_WORK: Final = 2e11


def find_evidence(quote: str, feedback: str) -> Found:
    """Find the quote in the feedback: verbatim, else after folding, else by RapidFuzz's partial ratio.

    A verbatim quote is found at its first occurrence. Folding ignores case, white space, the style of quotation marks
    and dashes, the Unicode form, and a pair of quotation marks around the whole quote. The fuzzy search sees the same
    folded texts, and its span is widened to whole words while `match` stays that of the unwidened span.

    Fewer than 8 characters or 2 words fit almost any text, so a quote (or a feedback) as short as that is never
    searched fuzzily. A quote longer than the feedback is compared with the whole of it. A fuzzy search costs at most
    short² * long steps; above MAX_WORK (seconds; 200 characters against 5 million) the quote counts as not found.
    """
    wanted = quote.strip()
    if not wanted:
        return NOWHERE
    start = feedback.find(wanted)
    if start >= 0:
        return Found(start, start + len(wanted), 100.0, "exact")
    folded = fold(feedback)
    needle = fold(wanted).text
    for form in (needle, fold(strip_quotes(wanted).strip()).text):
        start = folded.text.find(form)
        if start >= 0 and form:
            return Found(*folded.original(start, start + len(form)), 100.0, "normalised")
    return _fuzzy(needle, folded, feedback)


def _fuzzy(needle: str, folded: Folded, feedback: str) -> Found:
    short, long = sorted((len(needle), len(folded.text)))
    if _is_short(needle) or _is_short(folded.text) or short * short * long > MAX_WORK:
        return NOWHERE
    alignment = partial_ratio_alignment(needle, folded.text)
    if alignment is None or not folded.text[alignment.dest_start : alignment.dest_end].strip():
        return NOWHERE
    if len(needle) > len(folded.text):
        return Found(0, len(feedback), alignment.score, "fuzzy")
    span = folded.original(alignment.dest_start, alignment.dest_end)
    return Found(*_whole_words(feedback, *span), alignment.score, "fuzzy")


def _is_short(folded: str) -> bool:
    words = sum(1 for _, _ in zip(_WORD.finditer(folded), range(MIN_WORDS), strict=False))
    return len(folded.strip()) < MIN_CHARACTERS or words < MIN_WORDS


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Drop white space at the span's ends, then widen it over the rest of a word that it cuts.

    A "word" that goes on for more than 32 characters is data or a script without spaces, and stays cut.
    """
    inner = text[start:end]
    start, end = start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())
    before = _REST_BEFORE.search(text[max(0, start - 33) : start]) if _LETTER.match(text, start) else None
    after = _LETTER_RUN.match(text, end) if _LETTER.match(text, end - 1) else None
    if before is not None and len(before[0]) <= 32:
        start -= len(before[0])
    if after is not None and len(after[0]) <= 32:
        end += len(after[0])
    return start, end


# Chinese and Japanese write no spaces: each of their characters counts as a word.
_CJK: Final = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_LETTER: Final = re.compile(rf"[^\W{_CJK}]")
_LETTER_RUN: Final = re.compile(rf"[^\W{_CJK}]{{1,33}}")
_REST_BEFORE: Final = re.compile(rf"[^\W{_CJK}]+\Z")
