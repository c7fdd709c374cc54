"""From how often each principle occurs, and its vector, to clusters with a medoid name, yes-rate and lift by domain.

Leader clustering over principles in order of frequency: quadratic in the worst case, so only the most frequent ones
take part. N principles, D dimensions.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.extract_principles.normalise import principle_key
from stages.extract_principles.taxonomy import Cluster, DomainShare, Taxonomy

Counts = Mapping[str, Mapping[str, tuple[int, int]]]
"""Principle -> domain -> (rows that say yes, rows that say no)."""

MOST_NAMES: Final = 50_000
"""Principles that are clustered; rarer ones stay as they are and are counted as left out."""

_BLOCK: Final = 1024


def fold_spellings(counts: Counts) -> dict[str, Mapping[str, tuple[int, int]]]:
    """Add up principles that differ only in case and style, under the most frequent spelling."""
    spellings: dict[str, list[str]] = {}
    for name in counts:
        spellings.setdefault(principle_key(name), []).append(name)
    folded: dict[str, Mapping[str, tuple[int, int]]] = {}
    for names in spellings.values():
        best = min(names, key=lambda name: (-_total(counts[name]), name))
        # nearly every principle has one spelling; a copy of each would cost hundreds of megabytes on free wording
        folded[best] = counts[best] if len(names) == 1 else _sum_domains([counts[name] for name in names])
    return folded


def frequent_names(counts: Counts, most: int = MOST_NAMES) -> list[str]:
    """The `most` principles with the most rows, by rows descending and then by name."""
    return sorted(counts, key=lambda name: (-_total(counts[name]), name))[:most]


def build_taxonomy(
    counts: Counts, names: Sequence[str], vectors: NDArray[np.float32], *, threshold: float, embedder: str
) -> Taxonomy:
    """Cluster `names` (as `frequent_names` orders them) by their L2-normalised `vectors` (N x D).

    A principle joins the leader with the highest cosine above `threshold`, else it becomes one. A cluster is named
    after the member with the highest mean cosine over the cluster's rows. Rates and lifts have four decimals.
    """
    assert vectors.shape[:1] == (len(names),)
    leaders = assign_leaders(vectors, threshold)
    totals = {name: _total(counts[name]) for name in names}
    assert all(totals.values())
    domain_rows = {domain: sum(pair) for domain, pair in _sum_domains(list(counts.values())).items()}
    clusters = []
    order = np.argsort(leaders, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(leaders[order])) + 1) if len(names) else []:
        members = [names[i] for i in group]
        weights = np.array([totals[name] for name in members], dtype=np.float32)
        domains = _sum_domains([counts[name] for name in members])
        clusters.append(
            Cluster(
                name=members[_medoid(vectors[group], weights)],
                members={name: totals[name] for name in members},
                yes_rate=round(sum(yes for yes, _ in domains.values()) / _total(domains), 4),
                domains=_shares(domains, domain_rows),
            )
        )
    clusters.sort(key=lambda cluster: (-cluster.rows, cluster.name))
    return Taxonomy(
        clusters=tuple(clusters), embedder=embedder, threshold=threshold, names_left_out=len(counts) - len(names)
    )


def assign_leaders(vectors: NDArray[np.float32], threshold: float) -> NDArray[np.intp]:
    """For each of the N rows the index of its leader: itself, or the nearest earlier leader with a cosine > threshold.

    Works in blocks: beside `vectors` it holds a few of _BLOCK x _BLOCK and _BLOCK x D numbers.
    """
    result = np.arange(len(vectors))
    leaders: list[int] = []
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        best, nearest = _nearest_leaders(block, vectors, leaders)
        within = block @ block.T
        fresh: list[int] = []
        for i in range(len(block)):
            if fresh:
                k = int(within[i, fresh].argmax())
                if within[i, fresh[k]] > best[i]:
                    best[i], nearest[i] = within[i, fresh[k]], start + fresh[k]
            if best[i] > threshold:
                result[start + i] = nearest[i]
            else:
                fresh.append(i)
        leaders += [start + i for i in fresh]
    return result


def _nearest_leaders(
    block: NDArray[np.float32], vectors: NDArray[np.float32], leaders: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    best = np.full(len(block), -np.inf, dtype=np.float32)
    nearest = np.full(len(block), -1)
    for start in range(0, len(leaders), _BLOCK):
        rows = np.array(leaders[start : start + _BLOCK])
        cosines = block @ vectors[rows].T
        top = cosines.argmax(axis=1)
        value = cosines[np.arange(len(block)), top]
        nearer = value > best
        best[nearer], nearest[nearer] = value[nearer], rows[top[nearer]]
    return best, nearest


def _medoid(vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> int:
    closeness = vectors @ (weights @ vectors) / weights.sum()
    # rounded, so that the last bit of a product never breaks a tie; the first is the most frequent
    return int(closeness.round(5).argmax())


def _shares(domains: Mapping[str, tuple[int, int]], domain_rows: Mapping[str, int]) -> dict[str, DomainShare]:
    overall = _total(domains) / sum(domain_rows.values())
    return {
        domain: DomainShare(yes + no, round(yes / (yes + no), 4), round((yes + no) / domain_rows[domain] / overall, 4))
        for domain, (yes, no) in sorted(domains.items())
        if yes + no
    }


def _total(domains: Mapping[str, tuple[int, int]]) -> int:
    return sum(yes + no for yes, no in domains.values())


def _sum_domains(parts: Sequence[Mapping[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    result: dict[str, tuple[int, int]] = {}
    for part in parts:
        for domain, (yes, no) in part.items():
            before = result.get(domain, (0, 0))
            result[domain] = (before[0] + yes, before[1] + no)
    return result
