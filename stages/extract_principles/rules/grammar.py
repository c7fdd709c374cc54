"""Walks the clauses of a scan and asks, for each word that may judge, the frame of its kind; no fixed wordings.

A clause is what lies between full stops, words like "but", "if", and an "and" before a verb.
"""

import re
from collections.abc import Callable, Iterator

from stages.extract_principles.rules import adjective_frames, noun_frames, verb_frames
from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import Finding
from stages.extract_principles.rules.scan import Scan

# The bound keeps every look at a clause short, whatever the text.
_CLAUSE = re.compile(r"[^.BbL?]{1,120}")
_CUE = re.compile(r"[AWGQPVqENnKFkMwfZ]")

_FRAMES: dict[str, Callable[[Clause, int], Found]] = {
    **dict.fromkeys("AWGQP", adjective_frames.adjective),
    "q": adjective_frames.adverb,
    "V": verb_frames.verb,
    "F": verb_frames.fails_to,
    "k": verb_frames.leaves_out,
    "M": verb_frames.left_undone,
    "w": verb_frames.left_undone,
    "f": verb_frames.left_undone,
    "Z": noun_frames.right_thing,
    "E": noun_frames.fault,
    **dict.fromkeys("NnK", noun_frames.part),
}


def judge(scan: Scan, *, code: bool) -> Iterator[Finding]:
    """Findings of all clauses in reading order; `code` says that the feedback is about code."""
    inherited, tags = "", scan.tags
    for match in _CLAUSE.finditer(tags):
        low, high = match.span()
        if low == 0 or tags[low - 1] not in "Bb":
            inherited = ""
        if tags[high : high + 1] == "?":
            continue
        if low and tags[low - 1] == "L":
            # What is only supposed is no judgement; its consequence after the comma may be one.
            low = tags.find(",", low, high) + 1
            if not low:
                continue
        clause = Clause(scan, low, high, code=code, inherited=inherited)
        yield from _findings(clause)
        inherited = clause.first_noun() or inherited


def _findings(clause: Clause) -> Iterator[Finding]:
    for cue in _CUE.finditer(clause.tags, clause.low, clause.high):
        found = _FRAMES[cue.group()](clause, cue.start())
        if found is None:
            continue
        principle, verdict = found
        if principle == "correctness of the answer" and clause.code:
            principle = "correctness of the code"
        elif principle == "correctness of the code" and not clause.code:
            principle = "correctness of the answer"
        elif principle == "executable code" and not clause.code:
            continue
        yield Finding(*clause.evidence(cue.start()), principle, verdict)
