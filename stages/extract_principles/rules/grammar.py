"""Frames over tag strings: which words judge the response, and what negation, hedges and wishes do to them.

Works clause by clause, a clause being what lies between full stops and words like "but". Fixed wordings are in `idioms`.
"""

import re
from collections.abc import Callable, Iterator

from stages.extract_principles.mention import Verdict
from stages.extract_principles.rules.findings import Finding, flips, verdict
from stages.extract_principles.rules.nouns import CORRECTNESS_OF, QUALITY_OF
from stages.extract_principles.rules.scan import Scan

_CLAUSE = re.compile(r"[^.Bb?]{1,120}")
_CUE = re.compile(r"[AWGQPVqENnKFkMw]")
_SUBJECT = re.compile(r"[RTNnKEX]")
_COPULA = re.compile(r"([!YFshHivj]{0,6})([cC])([!ihHtd&,mAWGQqRo]{0,12})$")
_OBJECT = re.compile(r"[wO][^.BXV]{0,6}[RTNnK][ihHtm!c]{0,4}$")
_FRAGMENT = re.compile(r"[ihHt!d&,AWGQqmo]{0,12}$")
_BETWEEN = re.compile(r"[pjRTEcC]")
_NOUN_NEXT = re.compile(r"(?:[&,]?[iht]{0,2}[AWGQu])?(?:[&,]?[AWGQ])?([NnREu])")

# Predicates whose words speak of texts, so that an unknown subject does not matter.
_KNOWN_OBJECT = re.compile(r"[^.B,cwfV]{0,4}[NnKEAGQWRV]")
_ANY_SUBJECT_NO = frozenset(
    "accuracy of information|up-to-date information|soundness of reasoning|relevance|clarity|internal consistency|"
    "no fabricated information|grounding in the given context|correctness of the answer|no repetition|practicality|"
    "common sense|executable code".split("|")
)
_OWN_NAME = frozenset({"structure", "formatting", "readable layout", "appropriate tone", "engaging style", "code readability"})
_EXCEPTIONS = frozenset({"until", "except", "except that", "apart from", "other than", "up to", "besides", "aside from that"})
_TOO = {"conciseness": "depth", "depth": "conciseness", "simplicity": "depth", "specificity": "specificity"}
_NEEDS_VERDICT_NO = frozenset({"completeness", "completeness of the steps", "conclusiveness of the answer"})
_LEAVES_OUT = frozenset(
    "misses|miss|missed|missing|is missing|omits|omit|omitted|omitting|skips|skipped|skipping|leaves out|left out|overlooks|"
    "overlooked|glosses over|neglects|neglected|forgets|forgot|forgot about|forgets about|leaving out|overlooking".split("|")
)
_WEIGHING = frozenset(
    "consider|considers|considered|take into account|taking into account|take into consideration|account for|factor in|"
    "accounted for|considering|took|use|used|using|acknowledge".split("|")
)
_COMPUTING = frozenset("add|subtract|multiply|divide|calculate|convert|count|perform|deduct|compute|adding|finish|finish the".split("|"))
_WISHED = frozenset("mention|include|included|mentioned|list|cover|covered|state|specify|discuss|provided|provide|given|offered".split("|"))
_GENERAL_FAULT = "correctness of the answer"
_CODE_PRINCIPLES = frozenset({"executable code", "correctness of the code"})


class Clause:
    """One clause [low:high] of a scan, with what its cues share."""

    __slots__ = ("code", "high", "inherited", "low", "scan", "tags")

    def __init__(self, scan: Scan, low: int, high: int, *, code: bool, inherited: str) -> None:
        self.scan, self.tags, self.low, self.high = scan, scan.tags, low, high
        self.code, self.inherited = code, inherited

    def subject(self, position: int) -> tuple[str, int]:
        """Tag and index of the noun that governs `position`: "u" for a noun of no list, "" with -1 for none."""
        tags, stop = self.tags, position
        while True:
            start = max(self.low, tags.rfind(",", self.low, stop) + 1)
            found = _SUBJECT.search(tags, start, stop)
            if found:
                return self._head(found.start(), stop)
            if "u" in tags[start:stop]:
                return "u", start
            if start <= self.low:
                return "", -1
            stop = start - 1

    def _head(self, index: int, stop: int) -> tuple[str, int]:
        tags = self.tags
        if tags[index] == "R":
            after = index + 2 if tags[index + 1 : index + 2] == "d" else index + 1
            if after < stop and tags[after] in "Nn":
                return tags[after], after
        return tags[index], index

    def window(self, position: int, size: int) -> str:
        """Tags of up to `size` tokens before `position`, not beyond a comma or the clause."""
        start = max(self.low, position - size, self.tags.rfind(",", self.low, position) + 1)
        return self.tags[start:position]


def judge(scan: Scan, *, code: bool) -> Iterator[Finding]:
    """Findings of all clauses in reading order; `code` says that the feedback is about code."""
    inherited, tags = "", scan.tags
    for match in _CLAUSE.finditer(tags):
        low, high = match.span()
        if low == 0 or tags[low - 1] not in "Bb":
            inherited = ""
        if tags[high : high + 1] == "?":
            continue
        clause = Clause(scan, low, high, code=code, inherited=inherited)
        yield from _judge_clause(clause)
        first = _SUBJECT.search(tags, low, high)
        if first:
            inherited = first.group()


def _judge_clause(clause: Clause) -> Iterator[Finding]:
    tags = clause.tags
    if tags[clause.low] == "s" and clause.scan.raw[clause.low] in ("if", "unless", "whether"):
        comma = tags.find(",", clause.low, clause.high)
        if comma < 0:
            return
        clause.low = comma + 1
    for cue in _CUE.finditer(tags, clause.low, clause.high):
        position = cue.start()
        found = _RULES[cue.group()](clause, position)
        if found:
            principle, outcome = found
            if clause.code and principle == _GENERAL_FAULT:
                principle = "correctness of the code"
            if principle in _CODE_PRINCIPLES and not clause.code:
                continue
            start, end = _evidence(clause, position)
            yield Finding(start, end, principle, outcome)


def _evidence(clause: Clause, position: int) -> tuple[int, int]:
    tags, scan = clause.tags, clause.scan
    start = max(clause.low, tags.rfind(",", clause.low, position) + 1)
    if not _SUBJECT.search(tags, start, position):
        start = max(clause.low, tags.rfind(",", clause.low, max(clause.low, start - 1)) + 1)
    stop = tags.find(",", position, clause.high)
    stop = clause.high if stop < 0 else stop
    return scan.starts[start], scan.ends[stop - 1]


_Found = tuple[str, Verdict] | None


def _adjective(clause: Clause, position: int) -> _Found:
    tags, word = clause.tags, clause.scan.words[position]
    noun = _NOUN_NEXT.match(tags, position + 1, clause.high)
    if noun and noun.group(1) != "u":
        return _attributive(clause, position, noun.start(1))
    copula = _COPULA.search(tags, clause.low, position)
    if copula:
        return _predicate(clause, position, copula)
    if noun:
        return None
    if _OBJECT.search(tags, max(clause.low, position - 12), position):
        return _object(clause, position)
    if _FRAGMENT.match(tags, clause.low, position):
        if clause.inherited == "X" or clause.scan.raw[position] in ("right", "true", "present"):
            return None
        principle = word.principle or _named("", word.tag, None, clause, position)
        between = tags[clause.low : position]
        return _settle(principle, word.sign, between.count("!") + between.count("o"), between, between)
    return None


def _predicate(clause: Clause, position: int, copula: re.Match[str]) -> _Found:
    tags, scan = clause.tags, clause.scan
    word = scan.words[position]
    before, verb, between = copula.groups()
    tag, index = clause.subject(copula.start())
    tag = tag or clause.inherited or "T"
    if tag == "X" or (tag == "E" and word.sign > 0):
        return None
    head = tags[max(clause.low, tags.rfind(",", clause.low, copula.start()) + 1) : copula.start()]
    after_comma = between[between.rfind(",") + 1 :]
    negations = flips(before + verb + after_comma)
    negations += head.count("!") + head.count("Y") + ("o" in head)
    outcome = _settle(None, word.sign, negations, before + between, before + between + head, wish=head)
    if outcome is None:
        return None
    said = outcome[1]
    if tag == "T" and scan.raw[position + 1 : position + 2] and scan.raw[position + 1] in ("that", "to", "if", "for"):
        if not (said == "no" and word.principle in ("clarity", "soundness of reasoning")):
            return None
    if tag == "u" and not _any_subject(word.tag, word.principle, said):
        return None
    noun = scan.words[index].principle if index >= 0 and tag in "NnK" else None
    principle = word.principle or _named(tag, word.tag, noun, clause, position)
    if "t" in after_comma and word.sign > 0 and word.principle in _TOO:
        principle = _TOO[word.principle]
    principle = _refined(principle, noun)
    if said == "yes" and scan.raw[position + 1 : position + 2] and scan.raw[position + 1] in _EXCEPTIONS:
        said = "partially"
    return (principle, said) if principle else None


def _refined(principle: str, noun: str | None) -> str:
    """Clear code is readable code; a clear structure is structure."""
    if noun is None:
        return principle
    if principle in ("clarity", "simplicity") and noun in ("correctness of the code", "code readability"):
        return "code readability"
    if principle in ("clarity", "internal consistency", "soundness of reasoning") and noun in _OWN_NAME:
        return noun
    return principle


def _any_subject(tag: str, principle: str, said: Verdict) -> bool:
    if said == "yes":
        return False
    return tag in "GP" or (tag == "A" and principle in _ANY_SUBJECT_NO)


def _named(subject: str, tag: str, noun: str | None, clause: Clause, position: int) -> str:
    """The principle of a general word: from the noun that it judges, else from the response as a whole."""
    raw = clause.scan.raw[position]
    if tag == "P":
        if noun:
            return noun
        return "completeness" if subject == "u" else ""
    if tag == "G":
        return CORRECTNESS_OF.get(noun, noun) if noun else "correctness of the answer"
    if noun:
        return QUALITY_OF.get(noun, noun)
    if subject == "u":
        return ""
    return "helpfulness" if raw == "helpful" else "overall quality"


def _settle(
    principle: str | None, sign: int, negations: int, near: str, scope: str, wish: str = ""
) -> tuple[str, Verdict] | None:
    """Principle and verdict; `near` are the tags beside the word, `scope` those that may hedge, `wish` a wider scope."""
    irrealis = "s" in near or "s" in wish
    if "t" in near and sign > 0:
        sign, negations = -1, negations
    outcome = verdict(sign, negations, irrealis=irrealis, hedged="h" in scope or "H" in scope)
    if outcome == "no" and "h" in near and negations == 0 and sign < 0 and "t" not in near:
        outcome = "partially"
    if outcome is None or principle == "":
        return None
    return principle or "", outcome


def _attributive(clause: Clause, position: int, noun_at: int) -> _Found:
    scan, tags = clause.scan, clause.tags
    word, noun = scan.words[position], scan.words[noun_at]
    if noun.tag == "E" or word.tag == "P":
        return None
    subject, _ = clause.subject(position)
    if (subject or clause.inherited) == "X":
        return None
    window = clause.window(position, 7)
    if word.tag == "G" and word.sign > 0 and "w" not in window and "f" not in window:
        return None
    if word.tag in "AW" and noun.tag == "N" and ("o" in window or "k" in window):
        return None
    if "s" in tags[noun_at : noun_at + 3]:
        return None
    if "x" in window or (word.tag == "W" and subject == "u"):
        return None
    if "k" in window and word.sign > 0:
        return None
    noun_principle = noun.principle if noun.tag in "Nn" else ""
    if word.principle:
        principle = word.principle
        if "t" in window[-2:] and word.principle in _TOO:
            principle = _TOO[principle]
    elif word.tag == "G":
        principle = CORRECTNESS_OF.get(noun_principle, noun_principle) or "correctness of the answer"
    else:
        principle = QUALITY_OF.get(noun_principle, noun_principle) or "overall quality"
    negations = flips(window)
    near = "t" if "t" in window[-2:] else ""
    principle = _refined(principle, noun_principle)
    return _settle(principle, word.sign, negations, near + ("s" if "s" in window else ""), "h" if "h" in window else "")


def _object(clause: Clause, position: int) -> _Found:
    """The adjective in "makes it easy to follow" and "I find the explanation confusing"."""
    scan, word = clause.scan, clause.scan.words[position]
    subject, _ = clause.subject(position)
    if subject == "X":
        return None
    found = [index for index in range(max(clause.low, position - 6), position) if clause.tags[index] in "Nn"]
    noun = scan.words[found[-1]].principle if found else None
    principle = word.principle or _named("R", word.tag, noun, clause, position)
    window = clause.window(position, 8)
    negations = flips(window)
    near = ("s" if "s" in window else "") + ("t" if window.endswith("t") else "")
    return _settle(principle, word.sign, negations, near, window[-3:])


def _adverb(clause: Clause, position: int) -> _Found:
    tags, word = clause.tags, clause.scan.words[position]
    following = tags[position + 1 : position + 2]
    if following in ("A", "W", "G", "Q", "V", "E"):
        return None
    subject, _ = clause.subject(position)
    if (subject or clause.inherited) == "X" or subject == "u":
        return None
    if not subject and (following not in ("w", "u", "x", "f") or clause.scan.raw[clause.low] == "to"):
        return None
    window = clause.window(position, 6)
    negations = flips(window)
    return _settle(word.principle, word.sign, negations, "s" if "s" in window else "", window)


def _verb(clause: Clause, position: int) -> _Found:
    tags, scan, word = clause.tags, clause.scan, clause.scan.words[position]
    subject, _ = clause.subject(position)
    subject = subject or clause.inherited
    if subject == "X" or (subject == "u" and (word.sign > 0 or word.principle not in _ANY_SUBJECT_NO)):
        return None
    window = clause.window(position, 6)
    if not subject and not window.strip("id&qo") and not scan.raw[position].split()[0].endswith(("s", "ed")):
        if word.principle != "overall quality":
            return None
    cut = window.rfind("&")
    window = window[cut + 1 :] if cut >= 0 and any(tag in "cCwfV" for tag in window[:cut]) else window
    negations = flips(window)
    return _settle(word.principle, word.sign, negations, "s" if "s" in window else "", window)


def _fault(clause: Clause, position: int) -> _Found:
    tags, scan, word = clause.tags, clause.scan, clause.scan.words[position]
    subject, index = clause.subject(position)
    if subject == "X" or (not subject and clause.inherited == "X"):
        return None
    window = clause.window(position, 7)
    if "x" in window or ("s" in window and "o" not in window):
        return None
    if position > clause.low and tags[position - 1] in "AWGQ" and scan.words[position - 1].sign > 0:
        return None
    principle = word.principle
    if principle == _GENERAL_FAULT or scan.raw[position] in ("flaw", "flaws"):
        after = re.compile(r"[pw][du]{0,2}([nN])").match(tags, position + 1, clause.high)
        if after:
            principle = CORRECTNESS_OF.get(scan.words[after.start(1)].principle, scan.words[after.start(1)].principle)
    negations = flips(window)
    return _settle(principle, -1, negations, "s" if "s" in window else "", "")


def _part(clause: Clause, position: int) -> _Found:
    tags, scan, word = clause.tags, clause.scan, clause.scan.words[position]
    subject, index = clause.subject(position)
    if subject == "X" and index < position:
        return None
    window = clause.window(position, 7)
    at = max((window.rfind(tag) for tag in "wfkosxMO"), default=-1)
    governing = window[at] if at >= 0 else ""
    if governing in ("", "x") or _BETWEEN.search(window, at):
        return None
    own_adjective = any(tag in "AW" for tag in window[-3:]) or any(
        tag in "GQ" and scan.words[position - len(window[-3:]) + offset].sign < 0 for offset, tag in enumerate(window[-3:])
    )
    if own_adjective and governing in "wf":
        return None
    negations = flips(window[:at])
    if governing in "ko":
        if governing == "o" and any(tag in "w" for tag in window[at:]) and word.tag == "n":
            return None
        return _settle(word.principle, -1, negations, "s" if "s" in window[:at] else "", "")
    if governing == "s":
        return (word.principle, "no") if word.tag == "N" and "m" in window[at:] or _wishes(scan, position, at, window) else None
    if word.tag == "n" and not (governing == "f" and word.principle in ("formatting", "coding best practices")):
        return None
    if word.tag == "K" and governing != "f":
        return None
    outcome = _settle(word.principle, 1, negations, "s" if "s" in window[:at] else "", window)
    if outcome and word.principle in _NEEDS_VERDICT_NO and outcome[1] != "no":
        return None
    return outcome


def _wishes(scan: Scan, position: int, at: int, window: str) -> bool:
    verb = scan.raw[position - len(window) + at]
    return scan.words[position].tag in "Nn" and verb in (
        "needs", "need", "could use", "would have liked", "would like", "would benefit from", "deserves", "in need of", "requires"
    )


def _fails_to(clause: Clause, position: int) -> _Found:
    """A response that fails to do something that no list knows leaves something out."""
    subject, _ = clause.subject(position)
    if (subject or clause.inherited) in ("X", "u"):
        return None
    following = clause.tags[position + 1 : position + 2]
    return ("completeness", "no") if following == "u" else None


def _leaves_out(clause: Clause, position: int) -> _Found:
    scan, tags = clause.scan, clause.tags
    subject, index = clause.subject(position)
    subject = subject or clause.inherited
    if subject == "X":
        return None
    raw = scan.raw[position]
    copula = _COPULA.search(tags, clause.low, position)
    ends = tags[position + 1 : position + 2] in ("", ".", "B", "p", "&", ",")
    if copula and ends:
        noun = scan.words[index].principle if index >= 0 and tags[index] in "NnK" else "completeness"
        return _settle(noun, -1, ("!" in copula.group(0)) + (copula.group(2) == "C"), "", "")
    if raw not in _LEAVES_OUT or ends:
        return None
    if subject == "u" or (subject == "" and raw not in ("missing", "misses", "omits", "skips")):
        return None
    if re.compile(r"[^.B,w]{0,5}[NnK]").match(tags, position + 1, clause.high):
        return None
    window = clause.window(position, 5)
    if "s" in window:
        return None
    negations = flips(window)
    return _settle("completeness", -1, negations, "", "")


def _left_undone(clause: Clause, position: int) -> _Found:
    """A verb of providing, considering or computing, denied or wished for, whose object no list knows."""
    tags, scan = clause.tags, clause.scan
    subject, _ = clause.subject(position)
    if (subject or clause.inherited) in ("X", "u", "E"):
        return None
    window = clause.window(position, 4)
    if flips(window) % 2 == 0 and not ("s" in window and scan.raw[position] in _WISHED):
        return None
    if "o" in window or _KNOWN_OBJECT.match(tags, position + 1, clause.high):
        return None
    if scan.raw[position] in _WEIGHING:
        return "consideration of all given facts", "no"
    if scan.raw[position] in _COMPUTING:
        return "completeness of the steps", "no"
    return "completeness", "no"


_RULES: dict[str, Callable[[Clause, int], _Found]] = {
    "A": _adjective,
    "W": _adjective,
    "G": _adjective,
    "Q": _adjective,
    "P": _adjective,
    "V": _verb,
    "q": _adverb,
    "E": _fault,
    "N": _part,
    "n": _part,
    "K": _part,
    "F": _fails_to,
    "k": _leaves_out,
    "M": _left_undone,
    "w": _left_undone,
}
