"""Frames of verbs: "contradicts itself", "does not mention ...", "misses the last step", "fails to add"."""

import re

from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle

_KNOWN_OBJECT = re.compile(r"[^.B,cwfV]{0,4}[NnKEAGQWRV]")
_NOUN_OBJECT = re.compile(r"[^.B,w]{0,5}[NnK]")
_ANY_SUBJECT_NO = frozenset(
    "soundness of reasoning|relevance|clarity|internal consistency|no fabricated information|common sense|no repetition|"
    "grounding in the given context|executable code|safety".split("|")
)
_LEAVES_OUT = frozenset(
    "misses|miss|missed|missing|omits|omit|omitted|omitting|skips|skipped|skipping|leaves out|left out|overlooks|"
    "overlooked|glosses over|neglects|neglected|forgets|forgot|forgot about|forgets about|leaving out|overlooking".split("|")
)
_WEIGHING = frozenset(
    "consider|considers|considered|take into account|taking into account|take into consideration|account for|factor in|"
    "accounted for|considering|took|use|used|using|acknowledge".split("|")
)
_COMPUTING = frozenset(
    "add|subtract|multiply|divide|calculate|convert|count|perform|deduct|compute|adding|finish|finish the".split("|")
)
_WISHED = frozenset(
    "mention|include|included|mentioned|list|cover|covered|state|specify|discuss|provided|provide|given|offered".split("|")
)
_FINITE = frozenset("cCwfV")


def verb(clause: Clause, position: int) -> Found:
    """A verb phrase that judges by itself."""
    word, window = clause.scan.words[position], clause.window(position, 6)
    subject = clause.governor(position)
    if subject == "X" or (subject == "u" and (word.sign > 0 or word.principle not in _ANY_SUBJECT_NO)):
        return None
    if not subject and not window.strip("id&qo") and not _third_person(clause.raw[position], word.principle):
        return None
    if (window.endswith("j") and not re.search("[Fs!v]", window)) or clause.reported(position):
        return None
    cut = window.rfind("&")
    if cut >= 0 and _FINITE & set(window[:cut]):
        window = window[cut + 1 :]
    return settle(word.principle, word.sign, flips(window), irrealis="s" in window, scope=window)


def _third_person(raw: str, principle: str) -> bool:
    return raw.split()[0].endswith(("s", "ed")) or principle == "overall quality"


def fails_to(clause: Clause, position: int) -> Found:
    """A response that fails to do something that no list knows leaves something out."""
    if clause.governor(position) in ("X", "u") or clause.tags[position + 1 : position + 2] != "u":
        return None
    return "completeness", "no"


def leaves_out(clause: Clause, position: int) -> Found:
    """ "The last step is missing", "it omits the deadline"; what lies in the noun lists is the part frame's."""
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
    if subject == "u" or (not subject and raw not in ("missing", "misses", "omits", "skips")):
        return None
    return settle("completeness", -1, flips(window), irrealis=False, scope="")


def left_undone(clause: Clause, position: int) -> Found:
    """A verb of providing, weighing or computing, denied or wished for, whose object no list knows."""
    raw, window = clause.raw[position], clause.window(position, 4)
    if clause.governor(position) in ("X", "u", "E") or "o" in window:
        return None
    if flips(window) % 2 == 0 and not ("s" in window and raw in _WISHED):
        return None
    if raw in _COMPUTING:
        return "completeness of the steps", "no"
    if _KNOWN_OBJECT.match(clause.tags, position + 1, clause.high):
        return None
    return ("consideration of all given facts", "no") if raw in _WEIGHING else ("completeness", "no")
