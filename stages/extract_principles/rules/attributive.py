"""The frame of an adjective before its noun: "a clear explanation", "wrong code", "without concrete examples"."""

import re

from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.lexicon import Word
from stages.extract_principles.rules.naming import TOO, named, refined
from stages.extract_principles.rules.wordlists import words

_OF_SOURCE = re.compile(r"[nNR][Pwi]?pd?X")
_REACHED = re.compile(r"[wf]d?$")
_PROSE = words(
    "appropriate tone, engaging style, word choice, fluency and grammar, polite tone, clarity, creativity, "
    "professional tone, "
    "overall quality, usefulness of the information"
)
_WORLDLY = words("completeness, conciseness, simplicity, code efficiency, specificity, practicality, relevance")
_ASKED_FOR = words("requested, asked, needed, required, expected, wanted, asked for")
_PREDICATE_ONLY = words("long, short, basic, simple, natural, brief, excessive")


def attributive(clause: Clause, position: int, noun_at: int) -> Found:
    """The adjective at `position` before a noun of the lists at `noun_at`."""
    known = clause.scan.words
    word, noun = known[position], known[noun_at]
    window = clause.window(position, 7)
    if noun.tag == "E" or word.tag == "P" or clause.governor(position) == "X" or clause.reported(position):
        return None
    if _asked_for(clause, position, noun_at, window) or _of_the_world(clause, position, noun_at, window):
        return None
    noun_principle = noun.principle if noun.tag in "Nn" else ""
    too = "t" in window[-2:]
    if word.principle:
        principle = refined(TOO.get(word.principle, word.principle) if too else word.principle, noun_principle or None)
    else:
        principle = named(clause, position, noun.tag, noun_principle or None)
    irrealis = "s" in window or "s" in clause.tags[noun_at + 1 : noun_at + 2]
    scope = window.replace("H", "")
    return settle(principle, word.sign, flips(window), irrealis=irrealis, scope=scope, near="t" if too else "")


def of_unknown(clause: Clause, position: int, word: Word) -> Found:
    """The adjective before a noun of no list that the response provides: "cites a nonexistent study"."""
    window = clause.window(position, 4)
    if "w" not in window or "p" in window or word.tag != "A" or clause.governor(position) not in ("R", "T"):
        return None
    if word.sign > 0 and word.principle in _WORLDLY:
        return None
    window = clause.window(position, 7)
    return settle(word.principle, word.sign, flips(window), irrealis="s" in window, scope=window.replace("H", ""))


def _asked_for(clause: Clause, position: int, noun_at: int, window: str) -> bool:
    """Whether noun and adjective are what was asked for, what should be, what gets fixed, or a side of the source."""
    tags, raw = clause.tags, clause.raw
    if tags[noun_at - 1] == "d" and noun_at - 1 > position and not raw[noun_at - 1].endswith(" of"):
        return True
    if "s" in tags[noun_at + 1 : noun_at + 3] or "x" in window or _OF_SOURCE.match(tags, noun_at, clause.high):
        return True
    return any(text in _ASKED_FOR for text in raw[noun_at + 1 : noun_at + 4])


def _of_the_world(clause: Clause, position: int, noun_at: int, window: str) -> bool:
    """Whether the adjective may describe the world, or its praise lacks a verb, or another frame says it better."""
    raw, word, noun = clause.raw, clause.scan.words[position], clause.scan.words[noun_at]
    if raw[position] in _PREDICATE_ONLY or (raw[position] == "right" and not _REACHED.search(window)):
        return True
    if noun.principle == "correctness of the code" and noun.tag == "n" and not clause.code:
        return True
    if word.tag in "GQ" and raw[noun_at] in ("manner", "fashion", "way"):
        return True
    harm = word.principle in ("safety", "ethical content") and word.sign < 0 and "w" in window
    if word.tag == "W" and noun.tag != "R" and noun.principle not in _PROSE and not harm:
        return True
    if word.sign > 0 and ("k" in window or (word.tag in "GQ" and noun.principle == "correctness of the answer")):
        return True
    if word.tag == "G" and word.sign > 0 and "w" not in window and "f" not in window:
        return True
    return word.tag in "AW" and noun.tag == "N" and ("o" in window or "k" in window)
