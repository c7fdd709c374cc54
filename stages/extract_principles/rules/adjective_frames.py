"""Frames of adjectives and adverbs: "is clear", "a clear explanation", "Very clear.", "makes it clear", "clearly written"."""

import re

from stages.extract_principles.mention import Verdict
from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.lexicon import Word
from stages.extract_principles.rules.nouns import CORRECTNESS_OF, QUALITY_OF

_COPULA = re.compile(r"([!YFshHivj]{0,6})([cC])((?:[!ihHtd&,mAWGQqRo]|u(?=[&,])){0,12})$")
_OBJECT = re.compile(r"[wO][^.BXV]{0,6}[RTNnK][ihHtm!c]{0,4}$")
_FRAGMENT = re.compile(r"[ihHt!d&,AWGQqmo]{0,12}$")
_NOUN_NEXT = re.compile(r"(?:[&,]{0,2}[iht]{0,2}[AWGQ]){0,3}[ud]?([NnRE])|u")
_OF_SOURCE = re.compile(r"[nNR][Pwi]?pd?X")
_DENIED_HEAD = re.compile(r"[dihH]{0,2}[!o]")

_ANY_SUBJECT_NO = frozenset(
    "accuracy of information|up-to-date information|soundness of reasoning|relevance|clarity|internal consistency|"
    "no fabricated information|grounding in the given context|no repetition|practicality|executable code".split("|")
)
_ANY_SUBJECT_YES = frozenset({"quality of the explanation"})
_OWN_NAME = frozenset(
    {"structure", "formatting", "readable layout", "appropriate tone", "engaging style", "code readability"}
)
_PROSE = frozenset(
    "appropriate tone|engaging style|word choice|fluency and grammar|polite tone|clarity|creativity|professional tone|"
    "overall quality|usefulness of the information".split("|")
)
_CODE_STYLE = frozenset(
    {"coding best practices", "code readability", "code efficiency", "executable code", "correctness of the code"}
)
_TOO = {"conciseness": "depth", "depth": "conciseness", "simplicity": "depth"}
_REACHED = re.compile(r"[wf]d?$")
_KEPT = frozenset({"kept", "maintained", "respected", "observed", "fulfilled", "matched"})
_NAMES = frozenset({"depth", "specificity", "accuracy of information"})
_WORLDLY = frozenset(
    {"completeness", "conciseness", "simplicity", "code efficiency", "specificity", "practicality", "relevance"}
)
_FOR_WHOM = frozenset({"clarity", "simplicity", "depth", "completeness", "conciseness"})
_EXCEPTIONS = frozenset(
    {"until", "except", "except that", "apart from", "other than", "up to", "besides", "aside from that"}
)
_QUESTIONS = frozenset({"how", "where", "why", "what", "whom", "which", "who", "if", "whether"})
_ASKED_FOR = frozenset({"requested", "asked", "needed", "required", "expected", "wanted", "asked for", "to"})
_PREDICATE_ONLY = frozenset({"long", "short", "basic", "simple", "natural", "brief", "excessive"})


def adjective(clause: Clause, position: int) -> Found:
    """Tries the frames in turn: before a noun, after a copula, after an object, alone."""
    tags, word = clause.tags, clause.scan.words[position]
    following = tags[position + 1 : position + 2]
    if following == "u" and word.tag != "A":
        return None
    noun = _NOUN_NEXT.match(tags, position + 1, clause.high)
    if noun and noun.group(1):
        return _attributive(clause, position, noun.start(1))
    copula = _COPULA.search(tags, clause.low, position)
    if copula:
        return _predicate(clause, position, copula)
    if following == "u" and _judges_unknown(clause, position, word):
        window = clause.window(position, 7)
        return settle(word.principle, word.sign, flips(window), irrealis="s" in window, scope=window.replace("H", ""))
    if noun and not (following == "u" and tags[position + 2 : position + 3] in ("", ".", ",", "&", "B")):
        return None
    if _OBJECT.search(tags, max(clause.low, position - 12), position):
        return _object(clause, position)
    if _FRAGMENT.match(tags, clause.low, position) or clause.raw[position - 1] == ":":
        return _fragment(clause, position, following)
    return None


def _judges_unknown(clause: Clause, position: int, word: Word) -> bool:
    """ "cites a nonexistent study", "gives accurate dates": the response provides a thing of no list."""
    window = clause.window(position, 4)
    if "w" not in window or "p" in window or word.tag != "A" or clause.governor(position) not in ("R", "T"):
        return False
    return word.sign < 0 or word.principle not in _WORLDLY


def adverb(clause: Clause, position: int) -> Found:
    """ "correctly", "clearly" and their like, where the response or a part of it acts."""
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


def _predicate(clause: Clause, position: int, copula: re.Match[str]) -> Found:
    tags, word = clause.tags, clause.scan.words[position]
    before, verb, between = copula.groups()
    if before.endswith("j") and tags[copula.start(2) - 2] not in "csFV!v":
        return None
    tag, index = clause.subject(copula.start())
    if clause.reported(copula.start()) or (tag == "T" and not _pronoun_fits(clause, index, copula.start(), word)):
        return None
    tag = tag or clause.inherited or "T"
    if tag == "X" or (tag == "E" and word.sign > 0) or _asks(clause, position, tag, word):
        return None
    head = tags[clause.chunk(copula.start()) : copula.start()]
    between = between[between.rfind(",") + 1 :]
    negations = flips(before + verb + between) + _denied_head(clause, copula.start(), head) + head.count("Y")
    near = before + between
    found = settle("?", word.sign, negations, irrealis="s" in near + head, scope=near + head, near=near)
    if (
        found is None
        or (found[1] != "no" and _nested(clause, index, copula.start()))
        or (tag == "u" and not _any_subject(word, found[1]))
    ):
        return None
    if word.tag == "P" and tag == "n" and found[1] != "no" and clause.raw[position] not in _KEPT:
        return None
    noun = clause.scan.words[index].principle if index >= 0 and tag in "NnK" else None
    principle = word.principle or named(clause, position, tag, noun)
    if "t" in between and word.sign > 0:
        principle = _TOO.get(principle, principle)
    after = clause.after(position)
    if "t" in between and after == "for" and principle in _FOR_WHOM:
        principle = "suitability for the audience"
    if after == "for" and clause.raw[position] in ("suitable", "appropriate", "unsuitable", "inappropriate"):
        principle = "suitability for the audience"
    excepted = after in _EXCEPTIONS or tags[position + 1 : position + 2] == "H"
    said: Verdict = "partially" if found[1] == "yes" and excepted else found[1]
    return (refined(principle, noun), said) if principle else None


def _nested(clause: Clause, index: int, stop: int) -> bool:
    """Whether "that" or "which" between subject and copula opens a clause of its own."""
    if index < 0:
        return False
    opened = [at for at in range(index + 1, stop) if clause.raw[at] in ("that", "which")]
    return bool(opened) and not re.search("[cCw]", clause.tags[opened[-1] : stop])


def _denied_head(clause: Clause, stop: int, head: str) -> bool:
    """Whether the subject itself is denied: "none of the links", "no test", "nothing"."""
    denial = _DENIED_HEAD.match(head)
    return denial is not None and clause.raw[stop - len(head) + denial.end() - 1] != "not"


def _asks(clause: Clause, position: int, tag: str, word: Word) -> bool:
    """Whether the predicate opens a clause of its own: "it is clear that", "it is unclear how", "is confusing X with Y"."""
    after = clause.after(position)
    if (
        tag == "T"
        and after in ("that", "to", "if")
        and not (word.principle == "soundness of reasoning" and after == "that")
    ):
        return True
    if word.principle == "clarity" and after in _QUESTIONS:
        return True
    return clause.raw[position] == "confusing" and clause.tags[position + 1 : position + 2] in ("u", "d")


def _pronoun_fits(clause: Clause, index: int, stop: int, word: Word) -> bool:
    """Whether a pronoun can stand for the response: not in "that it is correct", nor in "they are friendly"."""
    raw, tags = clause.raw[index], clause.tags
    if word.tag == "W" and raw not in ("it", "this"):
        return False
    if word.tag in "GQ" and word.sign > 0:
        if raw in ("which", "that", "those", "these", "they") and (index == 0 or tags[index - 1] not in ",.B"):
            return False
        if word.tag == "Q" and raw in ("which", "that"):
            return False
        return "TT" not in tags[max(clause.low, stop - 3) : stop]
    return True


def _any_subject(word: Word, said: Verdict) -> bool:
    if said == "yes":
        return word.principle in _ANY_SUBJECT_YES
    return (
        word.tag in "GP" or (word.tag == "A" and word.principle in _ANY_SUBJECT_NO) or word.principle == "practicality"
    )


def _attributive(clause: Clause, position: int, noun_at: int) -> Found:
    tags, words = clause.tags, clause.scan.words
    word, noun = words[position], words[noun_at]
    window = clause.window(position, 7)
    if noun.tag == "E" or word.tag == "P" or clause.governor(position) == "X" or clause.reported(position):
        return None
    if _not_said_of_it(clause, position, noun_at, window):
        return None
    noun_principle = noun.principle if noun.tag in "Nn" else ""
    too = "t" in window[-2:]
    if word.principle:
        principle = refined(_TOO.get(word.principle, word.principle) if too else word.principle, noun_principle or None)
    else:
        principle = named(clause, position, noun.tag, noun_principle or None)
    irrealis = "s" in window or "s" in tags[noun_at + 1 : noun_at + 2]
    return settle(
        principle, word.sign, flips(window), irrealis=irrealis, scope=window.replace("H", ""), near="t" if too else ""
    )


def _not_said_of_it(clause: Clause, position: int, noun_at: int, window: str) -> bool:
    """Adjective and noun that judge nothing: asked for, of the source, of the world, or praise without a verb."""
    tags, raw = clause.tags, clause.raw
    word, noun = clause.scan.words[position], clause.scan.words[noun_at]
    if "s" in tags[noun_at + 1 : noun_at + 3] or "x" in window or _OF_SOURCE.match(tags, noun_at, clause.high):
        return True
    if any(text in _ASKED_FOR for text in raw[noun_at + 1 : noun_at + 4]) or raw[position] in _PREDICATE_ONLY:
        return True
    if raw[position] == "right" and not _REACHED.search(window):
        return True
    if noun.principle == "correctness of the code" and noun.tag == "n" and not clause.code:
        return True
    if word.tag in "GQ" and raw[noun_at] in ("manner", "fashion", "way"):
        return True
    if word.tag == "W" and noun.tag != "R" and noun.principle not in _PROSE:
        return True
    if word.sign > 0 and ("k" in window or (word.tag in "GQ" and noun.principle == "correctness of the answer")):
        return True
    if word.tag == "G" and word.sign > 0 and "w" not in window and "f" not in window:
        return True
    return word.tag in "AW" and noun.tag == "N" and ("o" in window or "k" in window)


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
    if clause.inherited == "X" or clause.raw[position] in ("right", "true", "fine", "ok", "okay", "best"):
        return None
    if following not in ("", ".", ",", "&", "b", "B", "p", "j", "?", "L", "u", "i", "R"):
        return None
    if word.tag in "WP" and (following == "u" or clause.inherited not in ("", "R", "T")):
        return None
    if following == "u" and not (clause.code and word.principle in _CODE_STYLE):
        return None
    before = clause.tags[clause.low : position]
    before = before[before.rfind(",") + 1 :]
    principle = word.principle or named(clause, position, "", None)
    return settle(principle, word.sign, flips(before), irrealis=False, scope=before, near=before)


def named(clause: Clause, position: int, subject: str, noun: str | None) -> str:
    """The principle of a general word: from the noun that it judges, else from the response as a whole."""
    tag, raw = clause.scan.words[position].tag, clause.raw[position]
    if tag == "P":
        return noun or ("completeness" if subject == "u" else "")
    if tag == "G":
        return CORRECTNESS_OF.get(noun, noun) if noun else "correctness of the answer"
    if noun:
        return QUALITY_OF.get(noun, noun)
    if subject == "u":
        return ""
    return "helpfulness" if raw == "helpful" else "overall quality"


def refined(principle: str, noun: str | None) -> str:
    """Clear code is readable code; a clear structure is structure."""
    if noun is None:
        return principle
    if noun == "code readability" and principle in _NAMES:
        return noun
    if principle in ("clarity", "simplicity") and noun in ("correctness of the code", "code readability"):
        return "code readability"
    if principle in ("clarity", "internal consistency", "soundness of reasoning") and noun in _OWN_NAME:
        return noun
    return principle
