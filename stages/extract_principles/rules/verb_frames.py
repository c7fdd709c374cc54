"""Frames of verbs: "contradicts itself", "does not mention ...", "misses the last step", "fails to add"."""

import re

from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.nouns import QUALITY_OF
from stages.extract_principles.rules.wordlists import words

_KNOWN_OBJECT = re.compile(r"[^.B,cwfV]{0,4}[NnKEAGQWVZ]")
_NOUN_OBJECT = re.compile(r"[^.B,w]{0,5}[NnK]")
_ANY_SUBJECT_NO = words(
    "soundness of reasoning, relevance, clarity, internal consistency, no fabricated information, common sense, "
    "no repetition, grounding in the given context, executable code, safety,"
)
_LEAVES_OUT = words(
    "misses, miss, missed, missing, omits, omit, omitted, omitting, skips, skipped, skipping, leaves out, left out, "
    "overlooks, "
    "overlooked, glosses over, neglects, neglected, forgets, forgot, forgot about, forgets about, leaving out, "
    "overlooking"
)
_WEIGHING = words(
    "consider, considers, considered, take into account, taking into account, take into consideration, account "
    "for, factor in, accounted for, considering, took, use, used, using, acknowledge,"
)
_COMPUTING = words(
    "add, subtract, multiply, divide, calculate, convert, count, perform, deduct, compute, adding, finish, finish the,"
)
_WISHED = words(
    "mention, include, included, mentioned, list, cover, covered, state, specify, discuss, provided, provide, given, "
    "offered"
)
_DENIED = re.compile(r"[!vF][iqh]{0,2}w?$")
_WISH = re.compile(r"s[dR]{0,2}[iqhwc]{0,3}$")
_QUESTIONS = words("how, where, why, what, whom, which, who")
_ONLY_NO = words("completeness, completeness of the steps, conclusiveness of the answer")
_PASSIVE = re.compile(r"[cC][!ihHq]{0,4}$")
_DENIED_HEAD = re.compile(r"[dihH]{0,2}[!o]")
_ENDS = words(", ., B, b, p, &, ,, ?, q, i")
_FINITE = frozenset("cCwfV")


def verb(clause: Clause, position: int) -> Found:
    """A verb phrase that judges by itself."""
    word, window = clause.scan.words[position], clause.window(position, 6)
    subject = clause.governor(position)
    explained = word.principle == "quality of the explanation" and window.rstrip("ihHq").endswith(("c", "C", "c!"))
    if subject == "X" or (
        subject == "u" and not explained and (word.sign > 0 or word.principle not in _ANY_SUBJECT_NO)
    ):
        return None
    if not subject and not window.strip("id&qo") and not _third_person(clause.raw[position], word.principle):
        return None
    if word.sign > 0 and subject == "T" and clause.inherited == "X":
        return None
    if (window.endswith("j") and not re.search("[Fs!v]", window)) or clause.reported(position):
        return None
    cut = window.rfind("&")
    if cut >= 0 and _FINITE & set(window[:cut]):
        window = window[cut + 1 :]
    principle = word.principle
    tag, index = clause.subject(position)
    if principle == "overall quality" and tag in ("N", "n"):
        principle = QUALITY_OF.get(clause.scan.words[index].principle, clause.scan.words[index].principle)
    return settle(principle, word.sign, flips(window), irrealis="s" in window, scope=window)


def _third_person(raw: str, principle: str) -> bool:
    return raw.split()[0].endswith(("s", "ed")) or principle == "overall quality"


def fails_to(clause: Clause, position: int) -> Found:
    """A response that fails to do something that no list knows leaves something out."""
    if clause.governor(position) in ("X", "u") or clause.tags[position + 1 : position + 2] != "u":
        return None
    return "completeness", "no"


def leaves_out(clause: Clause, position: int) -> Found:
    """What is missing or left out ("it omits the deadline"), unless the noun lists know it."""
    tags, raw = clause.tags, clause.raw[position]
    subject, index = clause.subject(position)
    if (subject or clause.inherited) == "X":
        return None
    ends = tags[position + 1 : position + 2] in ("", ".", "B", "b", "p", "&", ",")
    window = clause.window(position, 5)
    if ends and re.search("[cC]", window):
        noun = clause.scan.words[index].principle if index >= 0 and tags[index] in "NnK" else "completeness"
        return settle(noun, -1, flips(window), irrealis=False, scope="")
    if raw not in _LEAVES_OUT or ends or "s" in window or _NOUN_OBJECT.match(tags, position + 1, clause.high):
        return None
    if (
        subject == "u"
        or (not subject and "p" in window)
        or (not subject and raw not in ("missing", "misses", "omits", "skips"))
    ):
        return None
    return settle("completeness", -1, flips(window), irrealis=False, scope="")


def left_undone(clause: Clause, position: int) -> Found:
    """A verb of providing, weighing or computing, denied or wished for, whose object no list knows."""
    raw, window = clause.raw[position], clause.window(position, 6)
    if clause.tags[position + 1 : position + 2] in _ENDS and _PASSIVE.search(clause.tags, clause.low, position):
        return _passive(clause, position)
    if clause.tags[position] == "f":
        return None
    if clause.governor(position) in ("X", "u", "E", "K") or clause.after(position) in _QUESTIONS:
        return None
    if _DENIED.search(window):
        if "s" in window:
            return None
    elif raw not in _WISHED or not _WISH.search(window):
        return None
    if raw in _COMPUTING:
        return "completeness of the steps", "no"
    if _KNOWN_OBJECT.match(clause.tags, position + 1, clause.high):
        return None
    if raw in _WEIGHING:
        return ("correctness of the code" if clause.code else "consideration of all given facts"), "no"
    return "completeness", "no"


def _passive(clause: Clause, position: int) -> Found:
    """A part that is given or kept: "tests are provided", "the word limit is not met", "no sources are given"."""
    start = clause.chunk(position)
    head = clause.tags[start:position]
    subject, index = clause.subject(position)
    negations = flips(head) - head.count("o") + bool(_DENIED_HEAD.match(head) and head.lstrip("dihH")[:1] == "o")
    if subject not in ("N", "n", "K") or clause.reported(position):
        return None
    principle = clause.scan.words[index].principle
    kept = clause.tags[position] == "f" or clause.raw[position] in ("kept", "maintained")
    if (subject == "K" and not kept) or (subject == "n" and not kept and negations % 2 == 0):
        return None
    found = settle(principle, 1, negations, irrealis="s" in head, scope=head)
    return None if found and principle in _ONLY_NO and found[1] != "no" else found
