"""Which mentions of one response say the same thing: scores, groups and the wording of a group, from their cosines.

Everything is about one response with N mentions (about ten), where plain lists are quicker than small arrays. What is
kept and what is dropped is decided in consensus.py and curve.py.
"""

from collections.abc import Collection, Sequence
from math import inf
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.extract_principles.mention import Mention

Grouping = Literal["component", "clique"]
Wording = Literal["medoid", "first"]
Cosines = Sequence[Sequence[float]]
"""N x N, symmetric; -inf where two mentions cannot match whatever their text."""


def cosine_matrix(vectors: NDArray[np.float32]) -> list[list[float]]:
    """The cosine of every pair of the N L2-normalised rows of `vectors` (N x D)."""
    matrix: list[list[float]] = (vectors @ vectors.T).tolist()
    return matrix


def same_verdict_only(cosines: Cosines, yes: Sequence[bool]) -> Cosines:
    """Copy `cosines` with -inf for the pairs whose verdicts differ."""
    if len(set(yes)) < 2:
        return cosines
    return [
        [value if yes[j] == says_yes else -inf for j, value in enumerate(row)]
        for row, says_yes in zip(cosines, yes, strict=True)
    ]


def deciding_scores(cosines: Cosines, owners: Sequence[int], annotators: Collection[int]) -> list[float]:
    """For each mention, the minimum over the other annotators of the best cosine with one of their mentions.

    `owners` holds the annotator of each mention, `annotators` the two or more who count. The score is -inf where
    one of them has no mention that could match, so that no threshold would keep this one.
    """
    assert len(annotators) > 1
    members_of = {annotator: [i for i, owner in enumerate(owners) if owner == annotator] for annotator in annotators}
    if not all(members_of.values()):
        return [-inf] * len(owners)
    return [
        min((max(row[j] for j in members) for other, members in members_of.items() if other != owner))
        for row, owner in zip(cosines, owners, strict=True)
    ]


def find_groups(cosines: Cosines, threshold: float, grouping: Grouping) -> list[tuple[int, ...]]:
    """Partition the mentions: ascending indices in each group, groups by their first index.

    `component`: connected components of the graph whose edges are cosines > threshold. `clique`: complete linkage
    inside each component, so that every pair of a group is above the threshold.
    """
    components = _components(cosines, threshold)
    if grouping == "component":
        return components
    return sorted(clique for component in components for clique in _complete_linkage(component, cosines, threshold))


class Survival(NamedTuple):
    """All groups at one threshold, those of them that survive, and the deciding score of each mention.

    A surviving group comes with its witnesses: the members that pass the rule themselves.
    """

    scores: list[float]
    groups: list[tuple[int, ...]]
    surviving: list[tuple[tuple[int, ...], list[int]]]


def survive(
    cosines: Cosines, owners: Sequence[int], annotators: Collection[int], threshold: float, grouping: Grouping
) -> Survival:
    """Find the groups with at least one member that every other annotator matches from inside the group."""
    scores = deciding_scores(cosines, owners, annotators)
    groups = find_groups(cosines, threshold, grouping)
    # a clique that spans everybody matches everybody, so the scores of the whole response decide for both groupings
    witnesses = (
        (members, [i for i in members if scores[i] > threshold])
        for members in groups
        if spans(members, owners, annotators)
    )
    return Survival(scores, groups, [pair for pair in witnesses if pair[1]])


def spans(members: Sequence[int], owners: Sequence[int], annotators: Collection[int]) -> bool:
    """Whether every annotator has a member."""
    return len({owners[i] for i in members}) == len(annotators)


def choose_wording(
    candidates: Sequence[int], members: Sequence[int], cosines: Cosines, mentions: Sequence[Mention], wording: Wording
) -> str:
    """The principle text that stands for the group `members`: that of one of its `candidates`.

    `medoid` takes the highest mean cosine with the other members, `first` none; ties go to the lowest annotator, then
    to the order of the mentions.
    """

    def rank(index: int) -> tuple[float, int, int]:
        row = cosines[index]
        # rounded, so that the last bit of a matrix product never breaks a tie
        closeness = 0.0 if wording == "first" else round(sum(row[j] for j in members if j != index), 5)
        return -closeness, mentions[index].annotator, index

    return mentions[min(candidates, key=rank)].principle


def _components(cosines: Cosines, threshold: float) -> list[tuple[int, ...]]:
    unseen = set(range(len(cosines)))
    groups = []
    for start in range(len(cosines)):
        if start not in unseen:
            continue
        unseen.remove(start)
        group = [start]
        for index in group:  # grows while it is read
            row = cosines[index]
            near = [j for j in unseen if row[j] > threshold]
            unseen.difference_update(near)
            group += near
        groups.append(tuple(sorted(group)))
    return groups


def _complete_linkage(component: tuple[int, ...], cosines: Cosines, threshold: float) -> list[tuple[int, ...]]:
    """Merge the two groups with the highest minimum cosine, ties to the earlier ones, while that is > threshold."""
    if len(component) < 3:
        return [component]
    linkage = np.array([[cosines[i][j] for j in component] for i in component])
    np.fill_diagonal(linkage, -inf)
    groups = [[index] for index in component]
    while True:
        first, second = divmod(int(linkage.argmax()), len(component))
        if not linkage[first, second] > threshold:
            return [tuple(sorted(group)) for group in groups if group]
        linkage[first] = linkage[:, first] = np.minimum(linkage[first], linkage[second])
        linkage[second] = linkage[:, second] = linkage[first, first] = -inf
        groups[first] += groups[second]
        groups[second] = []
