"""The frame of an adjective after a copula: "the tone is rude", "none of the links are correct"."""

import re

from stages.extract_principles.mention import Verdict
from stages.extract_principles.rules.clause import Clause, Found
from stages.extract_principles.rules.findings import flips, settle
from stages.extract_principles.rules.lexicon import Word
from stages.extract_principles.rules.naming import TOO, named, refined
from stages.extract_principles.rules.wordlists import words

COPULA = re.compile(r"([!YFshHivj]{0,6})([cC])((?:[!DihHtd&,mAWGQqRo]|u(?=[&,])){0,12})$")
_DENIED_HEAD = re.compile(r"[dihH]{0,2}[!o]")
_ANY_SUBJECT_NO = words(
    "accuracy of information, up-to-date information, soundness of reasoning, relevance, clarity, internal "
    "consistency, "
    "no fabricated information, grounding in the given context, no repetition, practicality, executable code"
)
_KEPT = words("kept, maintained, respected, observed, fulfilled, matched")
_FOR_WHOM = words("clarity, simplicity, depth, completeness")
_SUITABLE = words("suitable, appropriate, unsuitable, inappropriate")
_EXCEPTIONS = words("until, except, except that, apart from, other than, up to, besides, aside from that")
_QUESTIONS = words("how, where, why, what, whom, which, who, if, whether")


def predicate(clause: Clause, position: int, copula: re.Match[str]) -> Found:
    """The adjective at `position` after the match of COPULA that ends before it."""
    word = clause.scan.words[position]
    tag, index = clause.subject(copula.start())
    if _no_judgement(clause, position, copula, tag, index):
        return None
    tag = tag or clause.inherited or "T"
    found = _verdict(clause, copula, word)
    if found is None or (found != "no" and _nested(clause, index, copula.start())):
        return None
    if tag == "u" and not _any_subject(word, found):
        return None
    if word.tag == "P" and tag == "n" and found != "no" and clause.raw[position] not in _KEPT:
        return None
    noun = clause.scan.words[index].principle if index >= 0 and tag in "NnK" else None
    principle = _principle(clause, position, tag, noun, too="t" in copula.group(3))
    excepted = clause.after(position) in _EXCEPTIONS or clause.tags[position + 1 : position + 2] == "H"
    return (principle, "partially" if found == "yes" and excepted else found) if principle else None


def _no_judgement(clause: Clause, position: int, copula: re.Match[str], tag: str, index: int) -> bool:
    """Whether subject and place of the predicate rule out that the response is judged."""
    word, start = clause.scan.words[position], copula.start()
    if copula.group(1).endswith("j") and clause.tags[copula.start(2) - 2] not in "csFV!v":
        return True
    if clause.reported(start) or (tag == "T" and not _pronoun_fits(clause, index, start, word)):
        return True
    governor = tag or clause.inherited or "T"
    return governor == "X" or (governor == "E" and word.sign > 0) or _asks(clause, position, governor, word)


def _verdict(clause: Clause, copula: re.Match[str], word: Word) -> Verdict | None:
    before, verb, between = copula.groups()
    between = between[between.rfind(",") + 1 :]
    head = clause.tags[clause.chunk(copula.start()) : copula.start()]
    negations = flips(before + verb + between) + _denied_head(clause, copula.start(), head) + head.count("Y")
    near = before + between
    found = settle("?", word.sign, negations, irrealis="s" in near + head, scope=near + head, near=near)
    return found[1] if found else None


def _principle(clause: Clause, position: int, tag: str, noun: str | None, *, too: bool) -> str:
    word, after = clause.scan.words[position], clause.after(position)
    principle = word.principle or named(clause, position, tag, noun)
    if too and word.sign > 0:
        principle = TOO.get(principle, principle)
    if after == "for" and ((too and principle in _FOR_WHOM) or clause.raw[position] in _SUITABLE):
        principle = "suitability for the audience"
    return refined(principle, noun)


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
    """Whether the predicate opens a clause of its own: "it is clear that", "is unclear how", "is confusing X with "
    "Y".
    """
    after = clause.after(position)
    if tag == "T" and after in ("that", "to", "if"):
        # "It is illogical to assume" judges; "it is reasonable to assume" argues.
        return word.principle != "soundness of reasoning" or word.sign > 0
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
        return word.principle == "quality of the explanation"
    return (
        word.tag in "GP" or (word.tag == "A" and word.principle in _ANY_SUBJECT_NO) or word.principle == "practicality"
    )
