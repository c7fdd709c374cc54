"""What an idiom is, and how its pattern is written: alternatives with <NAMES> for sets of words."""

import re
from typing import NamedTuple

from stages.extract_principles.mention import Verdict

EXPLICIT, IMPLICIT, FALLBACK = 0, 1, 2

ANSWER = "correctness of the answer"
METHOD = "correctness of the method"
CODE = "correctness of the code"
GROUNDING = "grounding in the given context"
REASONING = "soundness of reasoning"


class Idiom(NamedTuple):
    """A wording, its principle and verdict, and how sure it is.

    It is looked for where one of its trigger words occurs. IMPLICIT ones yield to an explicit verdict of the same
    family or to praise of the same principle; FALLBACK ones speak only where nothing else does.
    """

    triggers: tuple[str, ...]
    principle: str
    verdict: Verdict
    tier: int
    pattern: re.Pattern[str]


# Gaps are bounded everywhere: a pattern must stay linear on any text.
_NAMES = {
    "<ANSWER>": r"(?:answers?|response|output|model|solution|reply|completion|code|function|program|summary"
    r"|assistant|script|sample|query|implementation|list|poem|essay|story|email|translation|letter|code snippet)",
    "<SOURCE>": r"(?:context|premise|passage|text|article|story|source|document|paragraph|narrator|hypothesis|input)",
    "<NOT>": r"(?:does not|doesn't|did not|didn't|do not|don't|fails to|failed to|never|without|not|cannot|forgot to"
    r"|isn't|wasn't)",
    "<DOES NOT>": r"(?:does not|doesn't|do not|don't|did not|didn't|not)",
    "<RIGHT>": r"(?:correct|right|actual|proper|real|accurate|most probable|most likely|appropriate|expected|ideal"
    r"|valid|best)",
    "<IS>": r"(?:is|are|was|were)",
    "<LANGUAGE>": r"(?:english|spanish|french|german|italian|portuguese|chinese|mandarin|japanese|korean|russian"
    r"|arabic|hindi|dutch|polish|turkish|vietnamese|indonesian|swedish|greek|hebrew|thai|ukrainian|czech|danish"
    r"|norwegian|finnish|hungarian|romanian|malay|tagalog|bengali|urdu|persian|farsi|catalan|bulgarian|croatian|latin)",
    "<REST>": r"[^.!?\n]",
}


def idiom(triggers: str, principle: str, *alternatives: str, tier: int = IMPLICIT, verdict: Verdict = "no") -> Idiom:
    """An idiom from space-separated triggers and its alternative wordings."""
    pattern = "|".join(alternatives)
    for name, words in _NAMES.items():
        pattern = pattern.replace(name, words)
    return Idiom(tuple(triggers.split()), principle, verdict, tier, re.compile(pattern))
