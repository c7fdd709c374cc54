"""What the grammar and the idioms hand to the extractor, and how sign, negation and hedges become a verdict."""

import re
from typing import NamedTuple

from stages.extract_principles.mention import Verdict


class Finding(NamedTuple):
    """One judgement: where its wording starts and ends in the feedback (characters), what about, and how it went."""

    start: int
    end: int
    principle: str
    verdict: Verdict


_FLIPS = re.compile(r"[!vCFYo]")


def flips(tags: str) -> int:
    """How many of these tags turn a judgement into its opposite."""
    return len(_FLIPS.findall(tags))


def verdict(sign: int, negations: int, *, irrealis: bool, hedged: bool) -> Verdict | None:
    """Sign after `negations` flips; a wish ("should be clear") denies; a hedge on praise gives "partially".

    None where the words judge nothing, as in "should not be wrong".
    """
    flipped = sign if negations % 2 == 0 else -sign
    if irrealis:
        return "no" if flipped > 0 else None
    if flipped < 0:
        return "no"
    return "partially" if hedged else "yes"
