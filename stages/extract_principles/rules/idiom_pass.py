"""Runs the idioms whose trigger words occur and settles which of their findings stand."""

from collections.abc import Iterable

from stages.extract_principles.rules.findings import Finding
from stages.extract_principles.rules.idioms import CODE_IDIOMS, FALLBACK, FALLBACKS, IDIOMS, IMPLICIT, Idiom
from stages.extract_principles.rules.inventory import FAMILY_OF

_STOPS = ".!?\n;"
_LONGEST = 240


def _by_trigger(idioms: Iterable[Idiom]) -> dict[str, tuple[Idiom, ...]]:
    table: dict[str, list[Idiom]] = {}
    for idiom in idioms:
        for trigger in idiom.triggers:
            table.setdefault(trigger, []).append(idiom)
    return {trigger: tuple(found) for trigger, found in table.items()}


_PROSE = _by_trigger(IDIOMS + FALLBACKS)
_CODE = _by_trigger(IDIOMS + CODE_IDIOMS + FALLBACKS)
_PROSE_TRIGGERS = frozenset(_PROSE)
_CODE_TRIGGERS = frozenset(_CODE)


def with_idioms(text: str, tokens: set[str], explicit: list[Finding], *, code: bool) -> list[Finding]:
    """`explicit` and what the idioms add in masked, normalised `text` whose words are `tokens`."""
    table, triggers = (_CODE, _CODE_TRIGGERS) if code else (_PROSE, _PROSE_TRIGGERS)
    candidates = {id(idiom): idiom for trigger in tokens & triggers for idiom in table[trigger]}
    findings = list(explicit)
    families = {(FAMILY_OF[finding.principle], finding.verdict) for finding in explicit}
    settled = {(finding.principle, finding.verdict) for finding in explicit}
    for idiom in sorted(candidates.values(), key=lambda candidate: candidate.tier):
        principle = idiom.principle
        if code and principle in ("correctness of the answer", "correctness of the method"):
            principle = "correctness of the code"
        if (principle, idiom.verdict) in settled:
            continue
        if idiom.tier >= IMPLICIT and ((principle, "yes") in settled or (FAMILY_OF[principle], idiom.verdict) in families):
            continue
        if idiom.tier == FALLBACK and any(found != "helpfulness" for found, _ in settled):
            break
        match = idiom.pattern.search(text)
        if match:
            settled.add((principle, idiom.verdict))
            families.add((FAMILY_OF[principle], idiom.verdict))
            findings.append(Finding(*_evidence(text, match.start(), match.end()), principle, idiom.verdict))
    return findings


def _evidence(text: str, start: int, end: int) -> tuple[int, int]:
    """The match, grown to the end of its sentence and back over the word that it may have begun within."""
    limit = min(len(text), start + _LONGEST)
    while end < limit and text[end - 1] not in _STOPS:
        end += 1
    while start < end and text[start] in ".!?;:)\n ":
        start += 1
    return start, max(start + 1, end)
