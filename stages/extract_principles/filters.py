"""Filters 1 to 3 over the mentions of one annotator's feedback: evidence, artefact, partially; and contradictions.

Filter 4, consensus, looks at several annotators and lives in a module of its own. Thresholds come from the caller.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal, NamedTuple

from stages.extract_principles.evidence import find_evidence
from stages.extract_principles.mention import Claim, Mention
from stages.extract_principles.normalise import normalise_principle, principle_key

Rule = Literal["evidence", "artefact", "partially", "contradiction"]


class Dropped(NamedTuple):
    """A mention that a filter took out, the first rule that hit it, and the number that the rule compared, if any."""

    mention: Mention
    rule: Rule
    score: float | None


class Filtered(NamedTuple):
    """The two halves of a list of mentions, each in the order of the list."""

    kept: list[Mention]
    dropped: list[Dropped]


def filter_mentions(mentions: Iterable[Mention], *, evidence_threshold: float, artefact: Sequence[str]) -> Filtered:
    """Split mentions into kept and dropped; each is dropped by the first rule that hits, in the order of the table.

    1. `evidence`: the match is not above the threshold (strictly: a match equal to it is dropped).
    2. `artefact`: the principle is one of the artefact names, or an inflection of one (see `is_artefact`).
    3. `partially`: the verdict is "partially".
    """
    filtered = Filtered([], [])
    names = tuple(artefact)
    for mention in mentions:
        if not mention.match > evidence_threshold:
            filtered.dropped.append(Dropped(mention, "evidence", mention.match))
        elif is_artefact(mention.principle, names):
            filtered.dropped.append(Dropped(mention, "artefact", None))
        elif mention.verdict == "partially":
            filtered.dropped.append(Dropped(mention, "partially", None))
        else:
            filtered.kept.append(mention)
    return filtered


def drop_contradictions(mentions: Sequence[Mention]) -> Filtered:
    """Split off the mentions in which one annotator says both yes and no of the same principle, all of them.

    `mentions` are those of one annotator that filters 1 to 3 left; principles are compared by their key.
    """
    verdicts: dict[str, set[str]] = {}
    for mention in mentions:
        verdicts.setdefault(principle_key(mention.principle), set()).add(mention.verdict)
    filtered = Filtered([], [])
    for mention in mentions:
        if len(verdicts[principle_key(mention.principle)]) > 1:
            filtered.dropped.append(Dropped(mention, "contradiction", None))
        else:
            filtered.kept.append(mention)
    return filtered


def to_mention(claim: Claim, annotator: int, feedback: str, *, evidence_threshold: float) -> Mention:
    """Normalise a claim's principle and find its evidence in the feedback it was read from.

    The quote is the feedback's own text where the match is above the threshold. Elsewhere the nearest text means
    nothing, so the claim's own words stand there with start = end = -1, beside the match that was too low.
    """
    found = find_evidence(claim.evidence, feedback)
    present = found.match > evidence_threshold
    return Mention(
        annotator=annotator,
        principle=normalise_principle(claim.principle),
        wording=claim.principle,
        verdict=claim.verdict,
        quote=feedback[found.start : found.end] if present else claim.evidence,
        start=found.start if present else -1,
        end=found.end if present else -1,
        match=found.match,
    )


def is_artefact(principle: str, names: tuple[str, ...]) -> bool:
    """Whether the principle is one of the names, said in any of the ways that add nothing to the name.

    Feedback opens by instruction with a grade of helpfulness (not, slightly, partially, mostly, perfectly helpful), so
    such an opening is the same artefact as its noun: names that end in -ness also stand for their adjective, adverb
    and opposite. Around the name, a grade, "overall", "general", "level of" and "of the response" count for nothing.
    The whole principle must be used up: "helpfulness of the examples" is another principle, and so is "usefulness".
    """
    return _artefact_pattern(names).fullmatch(principle_key(principle)) is not None


@cache
def _artefact_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for name in names for form in _inflections(principle_key(name)))
    if not forms:
        return re.compile(r"(?!)")
    return re.compile(
        r"(?:(?:the|overall|general|being|not|slightly|partially|mostly|perfectly|level of|degree of"
        r"|(?:response|answer)(?:'s)?) )*"
        rf"(?:{forms})"
        r"(?: (?:level|rating|score|overall|in general|(?:of|in) (?:the )?(?:response|answer)))*"
    )


def _inflections(name: str) -> list[str]:
    if not name.endswith("ness") or len(name) < 7:
        return [name] if name else []
    stem = name.removesuffix("ness")
    adjective = f"{stem[:-1]}y" if stem.endswith("i") else stem
    positive = [name, adjective, f"{stem}ly"]
    return positive + [f"un{form}" for form in positive]
