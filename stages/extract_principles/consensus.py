"""Filter 4: which mentions of one response every other annotator makes too, and the rows that come of them.

Groups survive, mentions are dropped with the score that decided. Does not embed, and does not see other responses.
"""

from collections.abc import Collection, Iterable, Sequence
from math import inf
from typing import Literal, NamedTuple

from stages.extract_principles.matching import (
    Cosines,
    Grouping,
    Wording,
    choose_wording,
    same_verdict_only,
    survive,
)
from stages.extract_principles.mention import Mention
from stages.extract_principles.normalise import principle_key

LabelRule = Literal["same", "any"]


class ConsensusRule(NamedTuple):
    """How mentions are matched: two match when their cosine is above (not at) `threshold`.

    `label`: with `same` only mentions of equal verdict match; with `any` the majority of a group decides.
    """

    threshold: float
    label: LabelRule
    wording: Wording
    grouping: Grouping


class Group(NamedTuple):
    """One row to write: its wording, its label, the share of its members that say yes, their ascending indices."""

    principle: str
    label: bool
    agreement: float
    members: tuple[int, ...]


class Dropped(NamedTuple):
    """A mention that is not kept, by its index.

    `score` is the lowest, over the other annotators, of the best cosine with one of theirs; None where one of them
    has nothing that could match, so that no threshold would have kept it.
    """

    mention: int
    rule: Literal["consensus", "single_annotator"]
    score: float | None


class Unit(NamedTuple):
    """A principle that at least two annotators judged, matched by text alone: how many say yes, how many no.

    An annotator counts once, by the majority of his mentions; one who contradicts himself does not count.
    """

    principle: str
    yes: int
    no: int


class Consensus(NamedTuple):
    """What came of one response.

    `matched` counts the groups that pass the rule when verdicts are ignored, `label_conflicts` those of them that hold
    both verdicts. `chains` counts the kept groups in which two members do not match each other directly. `ties` counts
    the groups dropped because yes and no are even: their members' scores are above the threshold. `units` feed the
    agreement statistics.
    """

    groups: tuple[Group, ...]
    dropped: tuple[Dropped, ...]
    units: tuple[Unit, ...]
    matched: int = 0
    label_conflicts: int = 0
    chains: int = 0
    ties: int = 0


def find_consensus(
    mentions: Sequence[Mention], cosines: Cosines, annotators: Collection[int], rule: ConsensusRule
) -> Consensus:
    """Keep a principle only if every other annotator has one with a cosine above the threshold.

    Source: the rule of RLBFF (arXiv 2509.21319) as a detailed reading of it reports; what a group is, its wording and
    its label are choices of ours. `cosines` is N x N over the mentions, `annotators` are all who count as other. A
    group survives through the members that pass the rule themselves: only they can give it its wording, the rest of
    the group are evidence. With fewer than two annotators everything drops as `single_annotator`.
    """
    assert len(cosines) == len(mentions)
    assert all(mention.annotator in annotators and mention.verdict != "partially" for mention in mentions)
    if len(annotators) < 2:
        return Consensus((), tuple(Dropped(i, "single_annotator", None) for i in range(len(mentions))), ())
    owners = [mention.annotator for mention in mentions]
    yes = [mention.verdict == "yes" for mention in mentions]
    text = survive(cosines, owners, annotators, rule.threshold, rule.grouping)
    graph = cosines if rule.label == "any" else same_verdict_only(cosines, yes)
    final = text if graph is cosines else survive(graph, owners, annotators, rule.threshold, rule.grouping)
    kept = [
        Group(choose_wording(witnesses, members, graph, mentions, rule.wording), label, share(members, yes), members)
        for members, witnesses in final.surviving
        if (label := majority(members, yes)) is not None
    ]
    return Consensus(
        groups=tuple(kept),
        dropped=_dropped(kept, final.scores),
        units=tuple(
            Unit(choose_wording(members, members, cosines, mentions, rule.wording), *votes)
            for members in text.groups
            if sum(votes := _votes(members, mentions)) > 1
        ),
        matched=len(text.surviving),
        label_conflicts=sum(share(members, yes) not in (0, 1) for members, _ in text.surviving),
        chains=sum(_is_chain(group.members, graph, rule.threshold) for group in kept),
        ties=len(final.surviving) - len(kept),
    )


def without_consensus(mentions: Sequence[Mention]) -> Consensus:
    """Make every mention a row, merging those of one annotator with the same text (but for case and style) and verdict.

    Nothing is dropped. `matched` counts the distinct texts, `label_conflicts` those with both verdicts.
    """
    assert all(mention.verdict != "partially" for mention in mentions)
    rows: dict[tuple[int, str, str], list[int]] = {}
    texts: dict[str, list[int]] = {}
    for i, mention in enumerate(mentions):
        text = principle_key(mention.principle)
        rows.setdefault((mention.annotator, text, mention.verdict), []).append(i)
        texts.setdefault(text, []).append(i)
    groups = (
        Group(mentions[members[0]].principle, verdict == "yes", float(verdict == "yes"), tuple(members))
        for (_, _, verdict), members in rows.items()
    )
    return Consensus(
        groups=tuple(groups),
        dropped=(),
        units=tuple(
            Unit(mentions[members[0]].principle, *votes)
            for members in texts.values()
            if sum(votes := _votes(members, mentions)) > 1
        ),
        matched=len(texts),
        label_conflicts=sum(len({mentions[i].verdict for i in members}) == 2 for members in texts.values()),
    )


def share(members: Sequence[int], yes: Sequence[bool]) -> float:
    """The share of the members that say yes."""
    return sum(yes[i] for i in members) / len(members)


def majority(members: Sequence[int], yes: Sequence[bool]) -> bool | None:
    """What most members say; None when yes and no are even."""
    says_yes = share(members, yes)
    return None if says_yes == 0.5 else says_yes > 0.5


def _is_chain(members: Sequence[int], cosines: Cosines, threshold: float) -> bool:
    return any(not cosines[i][j] > threshold for i in members for j in members if i < j)


def _dropped(kept: Iterable[Group], scores: Sequence[float]) -> tuple[Dropped, ...]:
    saved = {index for group in kept for index in group.members}
    return tuple(
        Dropped(i, "consensus", None if score == -inf else score) for i, score in enumerate(scores) if i not in saved
    )


def _votes(members: Sequence[int], mentions: Sequence[Mention]) -> tuple[int, int]:
    balance: dict[int, int] = {}
    for i in members:
        step = 1 if mentions[i].verdict == "yes" else -1
        balance[mentions[i].annotator] = balance.get(mentions[i].annotator, 0) + step
    return sum(votes > 0 for votes in balance.values()), sum(votes < 0 for votes in balance.values())
