"""The value that flows through the stage: one principle that one annotator's feedback mentions."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Verdict = Literal["yes", "no", "partially"]


class Claim(NamedTuple):
    """What an extractor says before anything is checked, in the order in which a model is asked for it."""

    principle: str
    evidence: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A claim after normalisation and the search for its evidence.

    `quote` is the feedback's own text [start:end] in characters where the evidence was found, else the claim's words
    with start = end = -1. `match` is 0 to 100.
    """

    annotator: int
    principle: str
    wording: str
    verdict: Verdict
    quote: str
    start: int
    end: int
    match: float
