"""The built-in annotator: names for the reasoning steps of a text by the words with which they begin.

It knows words, not meaning; how often it is right is measured by tests/benchmarks/bench_markers.py. The rules are in
markers_data.py.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from stages.select_cotp.markers_data import FALLBACK, FALLBACK_FORMULA, OPENERS, RULES, Where
from stages.select_cotp.steps import split_steps

ANNOTATOR: Final = "rules@1"
"""Name and version; a change of rules or steps that changes a name of any text gets another number."""

OPENING_STEPS: Final = 2
"""Steps at the beginning of a text in which "I need to find" repeats the question rather than plans."""

SENTENCES: Final = 3
"""Sentences of a step that are looked at."""

READ: Final = 1200
"""Characters of a step that are looked at, from its beginning; and as many before its end."""


class Span(NamedTuple):
    """A pattern and its text: characters [start:end) of the completion."""

    name: str
    start: int
    end: int


def annotate(text: str) -> list[Span]:
    """A pattern for each step of `split_steps`, in order; nothing for a text without steps.

    Of the rules for a whole step the first that fits decides; else, of the first sentence that begins with the words
    of any rule, the first such rule; else whether the step holds a formula.
    """
    steps = split_steps(text)
    last = len(steps) - 1
    return [Span(_name(text[start:end], n, n == last), start, end) for n, (start, end) in enumerate(steps)]


def stretches(spans: Sequence[Span]) -> list[Span]:
    """The same with neighbours of one name as one pattern, from the start of the first to the end of the last.

    A pattern is what a stretch of reasoning does, however many lines it takes; models that annotate give stretches.
    """
    found: list[Span] = []
    for span in spans:
        if found and found[-1].name == span.name:
            found[-1] = found[-1]._replace(end=span.end)
        else:
            found.append(span)
    return found


def _name(step: str, number: int, is_last: bool) -> str:
    words = step.lower().replace("’", "'")
    head = words[:READ]
    for name, whole in _IN_STEP:
        if whole.search(head) or (len(words) > READ and whole.search(words, len(words) - READ)):
            return name
    if is_last and (rank := _CLOSING.fits(words, 0)) is not None:
        return RULES[rank].name
    bare = _OPENING if number < OPENING_STEPS else _BARE
    for place, end in _sentences(head):
        lead_in = _LEAD_IN.match(head, place)
        assert lead_in is not None
        found = [_SENTENCE.fits(head, place), bare.fits(head, lead_in.end())]
        ranks = [rank for rank in found if rank is not None]
        if ranks:
            return RULES[min(ranks)].name
        if _FORMULA.search(head, place, end):
            return FALLBACK_FORMULA
    return FALLBACK_FORMULA if _FORMULA.search(head) else FALLBACK


def _sentences(head: str) -> Iterator[tuple[int, int]]:
    """Beginning and end of the first sentences."""
    start = 0
    for count, gap in enumerate(_SENTENCE_GAP.finditer(head), 1):
        yield start, gap.start()
        start = gap.end()
        if count == SENTENCES:
            return
    yield start, len(head)


class _Rules:
    """The rules of some places, as one expression that tries them in their order."""

    def __init__(self, *places: Where) -> None:
        self._ranks = [rank for rank, rule in enumerate(RULES) if rule.where in places]
        self._words = re.compile("|".join(f"({RULES[rank].words})" for rank in self._ranks))
        assert self._words.groups == len(self._ranks), "the words of a rule hold a capturing group"

    def fits(self, text: str, place: int) -> int | None:
        """The rank in RULES of the first rule whose words stand at `place`."""
        found = self._words.match(text, place)
        return None if found is None else self._ranks[(found.lastindex or 0) - 1]


_IN_STEP: Final = [(rule.name, re.compile(rule.words)) for rule in RULES if rule.where == "step"]
_SENTENCE: Final = _Rules("sentence")
_BARE: Final = _Rules("bare")
_OPENING: Final = _Rules("opening", "bare")
_CLOSING: Final = _Rules("closing")
_LEAD_IN: Final = re.compile(
    rf"[\s*#>•\-–(\"'“]*+(?:\d{{1,2}}[.)]\s+)?[\s*(\"'“]*+(?:{OPENERS}[,，.。!！:：…\s]*+){{0,4}}"
)
_SENTENCE_GAP: Final = re.compile(r"(?<=[.!?:])\s++|\n\s*+|(?<=[。！？；])")
_FORMULA: Final = re.compile(
    r"[=≈≤≥≠^×÷]|\\(?:frac|sqrt|times|cdot|equiv|approx|leq?|geq?|sum|int|pmod|binom|begin)\b|\d\s*[-+*/<>]\s*\d|```|~~~"
)
