"""How many rows, principles and label conflicts other consensus thresholds would give, under two rules.

One response is evaluated at all thresholds; a tally adds responses and merges shards. Keeps and drops nothing.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

import numpy as np

from stages.extract_principles.consensus import LabelRule, majority, share
from stages.extract_principles.matching import (
    Cosines,
    Wording,
    choose_wording,
    deciding_scores,
    find_groups,
    same_verdict_only,
    spans,
)
from stages.extract_principles.mention import Mention

CurveRule = Literal["every", "component"]
RULES: Final[tuple[CurveRule, ...]] = ("every", "component")
"""`every`: some member is matched by every other annotator (the rule that filters). `component`: the group merely has
members of all annotators, if only through chains."""

THRESHOLDS: Final = (0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)


class Step(NamedTuple):
    """One response at one threshold: a wording a row, groups matched by text, those of them with both verdicts."""

    principles: tuple[str, ...]
    matched: int
    conflicts: int


class CurvePoint(NamedTuple):
    """One rule at one threshold over all responses; the rate is None where nothing matched."""

    rule: CurveRule
    threshold: float
    rows: int
    unique_principles: int
    matched: int
    label_conflicts: int
    label_conflict_rate: float | None


def response_curve(
    mentions: Sequence[Mention],
    cosines: Cosines,
    annotators: Collection[int],
    *,
    label: LabelRule,
    wording: Wording,
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[tuple[Step, ...]]:
    """One entry a threshold, each with one Step a rule in the order of RULES; groups are connected components.

    With fewer than two annotators, or one who says nothing, every step is empty.
    """
    owners = [mention.annotator for mention in mentions]
    if len(annotators) < 2 or len(set(owners)) < len(annotators):
        return [(Step((), 0, 0),) * len(RULES)] * len(thresholds)
    yes = [mention.verdict == "yes" for mention in mentions]
    graph = cosines if label == "any" else same_verdict_only(cosines, yes)
    texts, finals = (deciding_scores(matrix, owners, annotators) for matrix in (cosines, graph))
    edges = sorted(value for i, row in enumerate(cosines) for value in row[:i])

    def evaluate(threshold: float) -> tuple[Step, ...]:
        text_groups, groups = (
            [members for members in find_groups(matrix, threshold, "component") if spans(members, owners, annotators)]
            for matrix in (cosines, graph)
        )
        steps = []
        for rule in RULES:
            matched = [group for group in text_groups if _witnesses(rule, group, texts, threshold)]
            principles = tuple(
                choose_wording(witnesses, members, graph, mentions, wording)
                for members in groups
                if (witnesses := _witnesses(rule, members, finals, threshold)) and majority(members, yes) is not None
            )
            steps.append(Step(principles, len(matched), sum(share(group, yes) not in (0, 1) for group in matched)))
        return tuple(steps)

    # the same pairs above two thresholds make the same groups
    by_edges: dict[int, tuple[Step, ...]] = {}
    result = []
    for threshold in thresholds:
        below = bisect_right(edges, threshold)
        if below not in by_edges:
            by_edges[below] = evaluate(threshold)
        result.append(by_edges[below])
    return result


def _witnesses(rule: CurveRule, members: Sequence[int], scores: Sequence[float], threshold: float) -> Sequence[int]:
    passing = [i for i in members if scores[i] > threshold]
    return passing if passing or rule == "every" else members


@dataclass
class CurveTally:
    """Sums over responses, indexed [rule][threshold], and which principles occur where.

    `masks` maps a 64-bit hash of a principle to a bit set: bit rule * len(thresholds) + threshold. Hashes, so that a
    shard's tally stays small; two of a million principles share one with a probability of 3e-8.
    """

    thresholds: tuple[float, ...] = THRESHOLDS
    rows: list[list[int]] = field(default_factory=list)
    matched: list[list[int]] = field(default_factory=list)
    conflicts: list[list[int]] = field(default_factory=list)
    masks: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sums in (self.rows, self.matched, self.conflicts):
            if not sums:
                sums.extend([0] * len(self.thresholds) for _ in RULES)

    def add(self, curve: Sequence[Sequence[Step]]) -> None:
        """Count one response, as `response_curve` returns it."""
        assert len(curve) == len(self.thresholds)
        for k, steps in enumerate(curve):
            for r, step in enumerate(steps):
                self.rows[r][k] += len(step.principles)
                self.matched[r][k] += step.matched
                self.conflicts[r][k] += step.conflicts
                for principle in step.principles:
                    key = blake2b(principle.encode(), digest_size=8).hexdigest()
                    self.masks[key] = self.masks.get(key, 0) | 1 << (r * len(self.thresholds) + k)

    def merge(self, other: "CurveTally") -> None:
        """Add the sums of another shard over the same thresholds."""
        assert self.thresholds == other.thresholds
        for mine, theirs in zip(
            (self.rows, self.matched, self.conflicts), (other.rows, other.matched, other.conflicts), strict=True
        ):
            for sums, more in zip(mine, theirs, strict=True):
                sums[:] = [a + b for a, b in zip(sums, more, strict=True)]
        for key, mask in other.masks.items():
            self.masks[key] = self.masks.get(key, 0) | mask

    def points(self) -> list[CurvePoint]:
        """The finished curve, rule by rule in ascending thresholds."""
        masks = np.fromiter(self.masks.values(), dtype=np.uint64, count=len(self.masks))
        result = []
        for r, rule in enumerate(RULES):
            for k, threshold in enumerate(self.thresholds):
                bit = np.uint64(r * len(self.thresholds) + k)
                matched, conflicts = self.matched[r][k], self.conflicts[r][k]
                unique = int((masks >> bit & np.uint64(1)).sum())
                rate = conflicts / matched if matched else None
                result.append(CurvePoint(rule, threshold, self.rows[r][k], unique, matched, conflicts, rate))
        return result

    def to_json(self) -> dict[str, object]:
        """A value for a shard's side-car; keys are sorted, so that equal tallies give equal bytes."""
        return {
            "thresholds": list(self.thresholds),
            "rows": self.rows,
            "matched": self.matched,
            "conflicts": self.conflicts,
            "masks": dict(sorted(self.masks.items())),
        }


def tally_from_json(stored: Mapping[str, object]) -> CurveTally:
    """Read back what `CurveTally.to_json` gave."""
    fields = dict(stored)
    thresholds = fields.pop("thresholds")
    assert isinstance(thresholds, list)
    return CurveTally(tuple(thresholds), **fields)  # type: ignore[arg-type]
