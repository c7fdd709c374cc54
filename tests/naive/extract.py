"""The whole method on one response from its description: filters in order, consensus, taxonomy. Slow and plain.

Finding evidence and grouping have twins of their own; what is checked here is what happens to every claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stages.extract_principles.consensus import ConsensusRule
from stages.extract_principles.evidence import find_evidence
from stages.extract_principles.mention import Claim, Mention
from stages.extract_principles.ngram_embedder import NgramEmbedder
from tests.naive.consensus import kept_groups, pair_cosines

Said = tuple[int, int, int, str]
"""Annotator, start and end in his text, verdict."""


@dataclass
class Fates:
    """`rows`: (principle, label, evidence, share of yes); `dropped`: (annotator, principle, rule)."""

    rows: list[tuple[str, bool, tuple[Said, ...], float]] = field(default_factory=list)
    dropped: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """`artefact` holds whole principles; `renamed` maps a principle to another or, to drop it, to None."""

    evidence_threshold: float
    artefact: frozenset[str]
    consensus: ConsensusRule | None
    everyone: bool
    renamed: Mapping[str, str | None]


def fates(feedback: Sequence[str], claims: Mapping[int, Sequence[Claim]], rules: Rules) -> Fates:
    """What becomes of the claims of each annotator; principles must be in normal form, feedback "" for none."""
    result = Fates()
    left: list[Mention] = []
    for annotator, said in claims.items():
        passed = []
        for claim in said:
            found = find_evidence(claim.evidence, feedback[annotator])
            rule = _rule(claim, found.match, rules)
            if rule:
                result.dropped.append((annotator, claim.principle, rule))
            else:
                passed.append((claim, found))
        for claim, found in passed:
            if any(other.principle == claim.principle and other.verdict != claim.verdict for other, _ in passed):
                result.dropped.append((annotator, claim.principle, "contradiction"))
            else:
                left.append(_mention(annotator, claim, found.start, found.end))
    _settle(left, {n for n, text in enumerate(feedback) if text}, rules, result)
    return result


def _rule(claim: Claim, match: float, rules: Rules) -> str | None:
    if match <= rules.evidence_threshold:
        return "evidence"
    if claim.principle in rules.artefact:
        return "artefact"
    return "partially" if claim.verdict == "partially" else None


def _mention(annotator: int, claim: Claim, start: int, end: int) -> Mention:
    name, verdict = claim.principle, claim.verdict
    return Mention(
        annotator=annotator, principle=name, wording=name, verdict=verdict, quote="", start=start, end=end, match=0.0
    )


def _settle(left: Sequence[Mention], said: set[int], rules: Rules, result: Fates) -> None:
    others = said if rules.everyone else {mention.annotator for mention in left}
    groups: list[tuple[str, bool, list[int]]]
    lost: dict[int, str] = {}
    if rules.consensus is None:
        groups = [(one.principle, one.verdict == "yes", _alike(left, one)) for one in left]
        groups = [group for n, group in enumerate(groups) if group[2][0] == n]
    else:
        groups = _consensus(left, others, rules.consensus)
        rule = "consensus" if len(others) > 1 else "single_annotator"
        lost = {n: rule for n in range(len(left)) if not any(n in members for _, _, members in groups)}
    rows: dict[tuple[str, bool], list[int]] = {}
    for principle, label, members in groups:
        name = rules.renamed.get(principle, principle)
        if name is None:
            lost |= dict.fromkeys(members, "taxonomy")
        else:
            rows[name, label] = sorted(rows.get((name, label), []) + members)
    result.dropped += [(left[n].annotator, left[n].principle, rule) for n, rule in lost.items()]
    for (name, label), members in rows.items():
        evidence = tuple((left[n].annotator, left[n].start, left[n].end, left[n].verdict) for n in members)
        share = sum(left[n].verdict == "yes" for n in members) / len(members)
        result.rows.append((name, label, evidence, share))


def _alike(left: Sequence[Mention], one: Mention) -> list[int]:
    same = (one.annotator, one.principle, one.verdict)
    return [n for n, other in enumerate(left) if (other.annotator, other.principle, other.verdict) == same]


def _consensus(left: Sequence[Mention], others: set[int], rule: ConsensusRule) -> list[tuple[str, bool, list[int]]]:
    if not left:
        return []
    graph = pair_cosines(NgramEmbedder().embed([mention.principle for mention in left]).tolist())
    found = kept_groups(left, graph, others, rule.threshold, rule.label, rule.wording, rule.grouping)
    return [(principle, label, sorted(members)) for principle, label, _, members in found]
