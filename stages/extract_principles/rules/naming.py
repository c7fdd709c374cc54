"""Which principle a judging word is about, given the noun that it judges."""

from stages.extract_principles.rules.clause import Clause
from stages.extract_principles.rules.nouns import CORRECTNESS_OF, QUALITY_OF
from stages.extract_principles.rules.wordlists import words

_OWN_NAME = words("structure, formatting, readable layout, appropriate tone, engaging style, code readability")
_OF_NAMES = words("depth, specificity, accuracy of information, clarity, simplicity")

# "Too detailed" blames the length, "too short" the depth.
TOO = {"conciseness": "depth", "depth": "conciseness", "simplicity": "depth"}


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
    if noun == "code readability" and principle in _OF_NAMES:
        return noun
    if principle in ("clarity", "simplicity") and noun == "correctness of the code":
        return "code readability"
    if principle in ("clarity", "internal consistency", "soundness of reasoning") and noun in _OWN_NAME:
        return noun
    return principle
