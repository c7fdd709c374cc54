"""Runs the idioms whose trigger words occur and settles which of their findings stand."""

import re
from operator import itemgetter

from stages.extract_principles.mention import Verdict
from stages.extract_principles.rules.code_idioms import CODE_IDIOMS
from stages.extract_principles.rules.findings import Finding
from stages.extract_principles.rules.idiom import ANSWER, CODE, FALLBACK, IMPLICIT, METHOD, Idiom
from stages.extract_principles.rules.idioms import IDIOMS
from stages.extract_principles.rules.inventory import FAMILY_OF

_STOP = re.compile(r"[.!?](?=\s|$)|[\n;]|, ?(?=but |and |so )")
# What code fails to consider is what it gets wrong.
_IN_CODE = frozenset({ANSWER, METHOD, "consideration of all given facts"})
_BACK, _LONGEST = 100, 240


def _by_trigger(idioms: tuple[Idiom, ...]) -> dict[str, tuple[tuple[int, int, Idiom], ...]]:
    """Idioms by trigger word, each behind its tier and its place in the list, by which they are tried."""
    table: dict[str, list[tuple[int, int, Idiom]]] = {}
    for place, idiom in enumerate(idioms):
        for trigger in idiom.triggers:
            table.setdefault(trigger, []).append((idiom.tier, place, idiom))
    return {trigger: tuple(found) for trigger, found in table.items()}


_PROSE = _by_trigger(IDIOMS)
_CODE = _by_trigger(IDIOMS + CODE_IDIOMS)
_PROSE_TRIGGERS = frozenset(_PROSE)
_CODE_TRIGGERS = frozenset(_CODE)


def with_idioms(text: str, tokens: set[str], explicit: list[Finding], *, code: bool) -> list[Finding]:
    """`explicit` and what the idioms add in masked, normalised `text` whose words are `tokens`."""
    table, triggers = (_CODE, _CODE_TRIGGERS) if code else (_PROSE, _PROSE_TRIGGERS)
    candidates = {entry[1]: entry for trigger in tokens & triggers for entry in table[trigger]}
    findings = list(explicit)
    families = {(FAMILY_OF[finding.principle], finding.verdict) for finding in explicit}
    settled = {(finding.principle, finding.verdict) for finding in explicit}
    for _, _, idiom in sorted(candidates.values(), key=itemgetter(0, 1)):
        principle = idiom.principle
        if code and principle in _IN_CODE:
            principle = CODE
        if (principle, idiom.verdict) in settled:
            continue
        if idiom.tier >= IMPLICIT and (
            (principle, "yes") in settled or (FAMILY_OF[principle], idiom.verdict) in families
        ):
            continue
        if idiom.tier == FALLBACK and settled - {("helpfulness", "no")}:
            break
        match = idiom.pattern.search(text)
        if match:
            start, end = _evidence(text, match.start(), match.end())
            if _said_already(findings, start, end, principle, idiom.verdict):
                continue
            settled.add((principle, idiom.verdict))
            families.add((FAMILY_OF[principle], idiom.verdict))
            findings.append(Finding(start, end, principle, idiom.verdict))
    return findings


def _said_already(findings: list[Finding], start: int, end: int, principle: str, verdict: Verdict) -> bool:
    """Whether words of this span already made a claim of the same family and verdict."""
    family = FAMILY_OF[principle]
    return any(
        found.start < end and start < found.end and found.verdict == verdict and FAMILY_OF[found.principle] == family
        for found in findings
    )


def _evidence(text: str, start: int, end: int) -> tuple[int, int]:
    """The match, grown to the ends of its sentence as far as they are near."""
    while start < end - 1 and text[start] in ".!?;:,)\n ":
        start += 1
    low = text.find(" ", start - _BACK, start) + 1 if start > _BACK else 0
    for stop in _STOP.finditer(text, max(0, start - _BACK), start):
        low = stop.end()
    closing = _STOP.search(text, end - 1, start + _LONGEST)
    return low, closing.start() + 1 if closing else min(len(text), start + _LONGEST)
