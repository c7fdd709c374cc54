"""Frames of adjectives and adverbs: picks the frame, and holds the small ones ("Very clear.", "makes it clear")."""

import re

from stages.extract_principles.rules.attributive import attributive, of_unknown
from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.naming import named, refined
from stages.extract_principles.rules.predicate import COPULA, predicate
from stages.extract_principles.rules.wordlists import words

_OBJECT = re.compile(r"[wO][^.BXV]{0,6}[RTNnK][ihHtm!c]{0,4}$")
_FRAGMENT = re.compile(r"[ihHt!d&,AWGQqmo]{0,12}$")
_NOUN_NEXT = re.compile(r"(?:[&,]{0,2}[iht]{0,2}[AWGQ]){0,3}[ud]?([NnRE])|u")
_CODE_STYLE = words(
    "coding best practices, code readability, code efficiency, executable code, correctness of the code"
)
_INTERJECTIONS = words("right, true, fine, ok, okay, best")
_AFTER_FRAGMENT = frozenset(("", *".,&bBpj?LuiR"))
_AFTER_ALONE = frozenset(("", *".,&B"))


def adjective(clause: Clause, position: int) -> Found:
    """Tries the frames in turn: before a noun, after a copula, after an object, alone."""
    tags, word = clause.tags, clause.scan.words[position]
    following = tags[position + 1 : position + 2]
    if following == "u" and word.tag != "A":
        return None
    noun = _NOUN_NEXT.match(tags, position + 1, clause.high)
    if noun and noun.group(1):
        return attributive(clause, position, noun.start(1))
    copula = COPULA.search(tags, clause.low, position)
    if copula:
        return predicate(clause, position, copula)
    if following == "u":
        found = of_unknown(clause, position, word)
        if found or tags[position + 2 : position + 3] not in _AFTER_ALONE:
            return found
    elif noun:
        return None
    if _OBJECT.search(tags, max(clause.low, position - 12), position):
        return _object(clause, position)
    if _FRAGMENT.match(tags, clause.low, position) or clause.raw[position - 1] == ":":
        return _fragment(clause, position, following)
    return None


def adverb(clause: Clause, position: int) -> Found:
    """What is done "correctly" or "clearly", where the response or a part of it acts."""
    tags, word = clause.tags, clause.scan.words[position]
    following = tags[position + 1 : position + 2]
    if following in ("A", "W", "G", "Q", "V", "E"):
        return None
    subject, governor = clause.subject(position)[0], clause.governor(position)
    window = clause.window(position, 6)
    if governor == "X" or (subject == "u" and "c" not in window) or clause.reported(position):
        return None
    if not subject and (following not in ("w", "u", "x", "f") or clause.raw[clause.low] == "to"):
        return None
    return settle(word.principle, word.sign, flips(window), irrealis="s" in window, scope=window)


def _object(clause: Clause, position: int) -> Found:
    """The adjective in "makes it easy to follow" and "I find the explanation confusing"."""
    word, window = clause.scan.words[position], clause.window(position, 8)
    if clause.subject(position)[0] == "X" or clause.after(position) == "that" or word.tag == "P":
        return None
    nouns = [index for index in range(max(clause.low, position - 6), position) if clause.tags[index] in "Nn"]
    noun = clause.scan.words[nouns[-1]].principle if nouns else None
    principle = refined(word.principle, noun) if word.principle else named(clause, position, "R", noun)
    near = "t" if window.endswith("t") else ""
    return settle(principle, word.sign, flips(window), irrealis="s" in window, scope=window[-3:], near=near)


def _fragment(clause: Clause, position: int, following: str) -> Found:
    word = clause.scan.words[position]
    if position >= 2 and clause.raw[position - 1] == ":" and clause.tags[position - 2] in "NnK":
        return settle(clause.scan.words[position - 2].principle, word.sign, 0, irrealis=False, scope="")
    if clause.low and clause.raw[clause.low - 1] in ("how", "what", "when", "where"):
        return None
    if clause.inherited == "X" or clause.raw[position] in _INTERJECTIONS:
        return None
    if following not in _AFTER_FRAGMENT:
        return None
    if word.tag in "WP" and (following == "u" or clause.inherited not in ("", "R", "T")):
        return None
    if following == "u" and not (clause.code and word.principle in _CODE_STYLE):
        return None
    before = clause.tags[clause.low : position]
    before = before[before.rfind(",") + 1 :]
    principle = word.principle or named(clause, position, "", None)
    return settle(principle, word.sign, flips(before), irrealis=False, scope=before, near=before)
