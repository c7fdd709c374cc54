"""Filter 4 from its definitions, slow and without shared code: all subsets of pairs, closures by repetition."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from stages.extract_principles.mention import Mention

Graph = dict[tuple[int, int], float]


def pair_cosines(vectors: Sequence[Sequence[float]]) -> Graph:
    """Every ordered pair's dot product."""
    return {
        (i, j): sum(a * b for a, b in zip(vectors[i], vectors[j], strict=True))
        for i in range(len(vectors))
        for j in range(len(vectors))
        if i != j
    }


def kept_groups(
    mentions: Sequence[Mention],
    graph: Graph,
    annotators: set[int],
    threshold: float,
    label: str,
    wording: str,
    grouping: str,
) -> set[tuple[str, bool, Fraction, frozenset[int]]]:
    """The rows: wording, label, share of yes, members."""
    if len(annotators) < 2:
        return set()
    if label == "same":
        graph = {pair: value for pair, value in graph.items() if len({mentions[i].verdict for i in pair}) == 1}
    result = set()
    for members in partition(len(mentions), graph, threshold, grouping):
        passing = [i for i in members if passes(i, members, mentions, graph, annotators, threshold)]
        yes = Fraction(sum(mentions[i].verdict == "yes" for i in members), len(members))
        if not passing or yes == Fraction(1, 2):
            continue
        best = None
        for i in sorted(passing, key=lambda i: (mentions[i].annotator, i)):
            close = 0.0 if wording == "first" else sum(graph[i, j] for j in members if j != i)
            if best is None or close > best[0] + 1e-4:
                best = close, i
        assert best is not None
        result.add((mentions[best[1]].principle, yes > Fraction(1, 2), yes, frozenset(members)))
    return result


def passes(
    i: int, members: set[int], mentions: Sequence[Mention], graph: Graph, annotators: set[int], threshold: float
) -> bool:
    """Whether each other annotator has a member of the group above the threshold."""
    return all(
        any(mentions[j].annotator == other and graph.get((i, j), -2) > threshold for j in members)
        for other in annotators - {mentions[i].annotator}
    )


def score(i: int, mentions: Sequence[Mention], graph: Graph, annotators: set[int], label: str) -> float | None:
    """The lowest of the other annotators' best cosines, None where one of them has nothing to offer."""
    bests = []
    for other in annotators - {mentions[i].annotator}:
        offers = [
            graph[i, j]
            for j, mention in enumerate(mentions)
            if mention.annotator == other and (label == "any" or mention.verdict == mentions[i].verdict)
        ]
        if not offers:
            return None
        bests.append(max(offers))
    return min(bests) if bests else None


def partition(n: int, graph: Graph, threshold: float, grouping: str) -> list[set[int]]:
    """Components by merging any two touching sets until none touch; cliques by merging the two closest sets."""
    groups = [{i} for i in range(n)]
    while True:
        groups.sort(key=min)
        linkage = min if grouping == "clique" else max
        candidates = [
            (linkage(graph.get((i, j), -2.0) for i in a for j in b), a, b) for a, b in combinations(groups, 2)
        ]
        candidates = [candidate for candidate in candidates if candidate[0] > threshold]
        if not candidates:
            return groups
        top = max(value for value, _, _ in candidates)
        _, a, b = next(candidate for candidate in candidates if candidate[0] == top)
        groups = [group for group in groups if group not in (a, b)] + [a | b]
