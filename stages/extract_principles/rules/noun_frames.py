"""Frames of nouns: faults that are there or not ("no errors"), parts that are given, missing or wished for."""

import re

from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.nouns import CORRECTNESS_OF
from stages.extract_principles.rules.wordlists import words

_IN_PART = re.compile(r"[pw][du]{0,2}([nN])")
_BETWEEN = re.compile(r"[pjRTEcC]")
_IGNORES = words("ignores, ignore, ignored, ignoring, disregards, disregard, disregarded, disregarding")
_CHOOSES = words("take, takes, took, find, finds, choose, chooses, chose, pick, picks, picked, select, selects")
_WISH = re.compile(r"s[iqhwcm!]{0,4}$")
_ONLY_NO = words("completeness, completeness of the steps, conclusiveness of the answer")
_CONTENT = words(
    "accuracy of information, correctness of the answer, correctness of the method, arithmetic accuracy, "
    "correctness of the code,"
)
_KEPT = words("formatting, coding best practices, structure")
_WISHES = words(
    "needs, need, could use, would have liked, would like, would benefit from, deserves, in need of, requires, "
    "i would have liked, i would like, i'd like, i'd have liked, i wish, i would prefer, i would have "
    "preferred, i was hoping for, i'd prefer, i expected, i would love, i'd love, i was expecting, i'd have "
    "preferred,"
)


def fault(clause: Clause, position: int) -> Found:
    """A noun that names a fault; "no" and "without" turn it into praise."""
    tags, known, word = clause.tags, clause.scan.words, clause.scan.words[position]
    window = clause.window(position, 7)
    if clause.governor(position) == "X" or "x" in window or ("s" in window and "o" not in window):
        return None
    if clause.reported(position):
        return None
    if position > clause.low and tags[position - 1] in "AWGQ" and known[position - 1].sign > 0:
        return None
    principle = word.principle
    if principle == "correctness of the answer" or clause.raw[position] in ("flaw", "flaws"):
        part = _IN_PART.match(tags, position + 1, clause.high)
        if part:
            noun = known[part.start(1)].principle
            principle = CORRECTNESS_OF.get(noun, noun)
    return settle(principle, -1, flips(window), irrealis="s" in window, scope="")


def part(clause: Clause, position: int) -> Found:
    """A part or side of the response under the nearest verb or word of giving, keeping, lacking or wishing."""
    word = clause.scan.words[position]
    subject, index = clause.subject(position)
    window = clause.window(position, 7)
    at = max(window.rfind(tag) for tag in "wfkosxMO")
    governing = window[at] if at >= 0 else ""
    if governing in ("", "x", "O") or _BETWEEN.search(window, at):
        return None
    wish = clause.raw[position - len(window) + at]
    if (subject == "X" and index < position and wish not in _WISHES) or wish in _CHOOSES:
        return None
    before = window[:at]
    if before.endswith("j") and before[-2:-1] not in ("F", "s", "v", "!", "c"):
        return None
    irrealis = "s" in before
    if irrealis and governing == "w" and not _WISH.search(before):
        return None
    if governing in "ko":
        if _lacking_source(clause, position, subject) or (wish == "without" and flips(before)):
            return None
        principle = word.principle
        if principle in _CONTENT:
            principle = "consideration of all given facts" if wish in _IGNORES else "completeness"
        return settle(principle, -1, flips(before), irrealis=irrealis, scope="")
    if governing == "s":
        wished = "m" in window[at:] or wish in _WISHES
        return (word.principle, "no") if wished and word.principle not in _CONTENT else None
    if _has_own_adjective(clause, position, window) or not _counts(word.tag, word.principle, governing):
        return None
    if wish.endswith("ing") and before.endswith("p"):
        irrealis = irrealis or "V" in clause.tags[clause.low : position]
    if clause.after(position) in ("that", "which") and flips(clause.tags[position : position + 5]):
        return None
    if "t" in window[-3:]:
        return word.principle, "no"
    found = settle(word.principle, 1, flips(before), irrealis=irrealis, scope=window.replace("H", ""))
    return None if found and found[0] in _ONLY_NO and found[1] != "no" else found


def _counts(tag: str, principle: str, governing: str) -> bool:
    if tag == "K":
        return governing == "f"
    return tag == "N" or (governing == "f" and principle in _KEPT)


def _has_own_adjective(clause: Clause, position: int, window: str) -> bool:
    """Whether an adjective before the noun already says what is to be said ("a clear explanation", "poor examples")."""
    before = clause.scan.words[position - len(window[-3:]) : position]
    return any(word.tag in "AW" or (word.tag in "GQ" and word.sign < 0) for word in before)


def _lacking_source(clause: Clause, position: int, subject: str) -> bool:
    """Whether it is the source that lacks something, as in "there is not enough evidence in the context"."""
    if subject in ("R", "T"):
        return False
    ahead = clause.tags[position : position + 6]
    return "X" in ahead or (
        clause.scan.words[position].principle == "justification" and subject not in ("R", "T", "N", "n")
    )


def right_thing(clause: Clause, position: int) -> Found:
    """Praise where a verb reaches the right thing ("it arrives at the correct result"); else it is an idiom's topic."""
    window = clause.window(position, 6)
    at = max(window.rfind("w"), window.rfind("f"))
    subject, _ = clause.subject(position)
    if at < 0 or _BETWEEN.search(window, at) or (subject or clause.inherited) not in ("R", "T", "n", "N"):
        return None
    return settle(
        clause.scan.words[position].principle,
        1,
        flips(window[:at]),
        irrealis="s" in window,
        scope=window.replace("H", ""),
    )
