"""What the grammar and the idioms hand to the extractor, and how sign, negation and hedges become a verdict."""

import re
from typing import NamedTuple

from stages.extract_principles.mention import Verdict

_FLIPS = re.compile(r"[!vCFYo]")
_HEDGES = re.compile(r"[hH]")


class Finding(NamedTuple):
    """One judgement: where its wording starts and ends in the feedback (characters), what about, and how it went."""

    start: int
    end: int
    principle: str
    verdict: Verdict


def flips(tags: str) -> int:
    """How many of these tags turn a judgement into its opposite; "nor" (D) begins anew what "neither" began."""
    start = tags.rfind("D") + 1
    return len(_FLIPS.findall(tags, start)) + (start > 0)


def settle(
    principle: str, sign: int, negations: int, *, irrealis: bool, scope: str, near: str = ""
) -> tuple[str, Verdict] | None:
    """Principle and verdict of a judgement of `sign` after `negations` flips; None where nothing is judged.

    A wish ("should be clear", irrealis) denies what it praises. A hedge in the tags `scope` makes praise "partially",
    and so does a weak hedge in the tags `near` with blame ("somewhat vague"). "Too" in `near` turns praise into blame.
    """
    if not principle:
        return None
    if "t" in near and sign > 0:
        sign, negations = -1, negations + (negations % 2)
    flipped = sign if negations % 2 == 0 else -sign
    if irrealis:
        return (principle, "no") if flipped > 0 else None
    if flipped > 0:
        return principle, "partially" if _HEDGES.search(scope) else "yes"
    if "h" in near and sign < 0 and "t" not in near:
        return principle, "partially"
    return principle, "no"
