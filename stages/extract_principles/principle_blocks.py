"""The tables and drawings of the principles themselves: how often each is satisfied, their domains and clusters.

From the sums of the parts and a taxonomy. Reads no file.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from stages.core.charts import bars
from stages.core.sections import Drawing, Grid
from stages.core.shown import cell, count, distinct, percent, wilson
from stages.extract_principles.taxonomy import Taxonomy

_MOST: Final = 8
"""Principles at either end, of those that are satisfied most and least often."""

_ENOUGH: Final = 10
"""Rows from which on the share of a principle is compared with that of others."""

_MOST_DOMAINS: Final = 12
_MOST_CLUSTERS: Final = 12
_MOST_MEMBERS: Final = 6

Names = Mapping[str, Mapping[str, Sequence[int]]]
"""{domain: {principle: [rows with yes, rows with no]}}, as Stats has them."""


def principle_blocks(names: Names) -> list[Drawing | Grid]:
    """Which principles responses satisfy most and least often, and the rows of each domain."""
    sums: dict[str, tuple[int, int]] = {}
    for own in names.values():
        for name, (yes, no) in own.items():
            before = sums.get(name, (0, 0))
            sums[name] = (before[0] + yes, before[1] + no)
    if not sums:
        return []
    return [_satisfied(sums), _domains(names)]


def _satisfied(sums: Mapping[str, tuple[int, int]]) -> Drawing:
    enough = {name: own for name, own in sums.items() if sum(own) >= _ENOUGH} or sums
    ordered = sorted(enough, key=lambda name: (-enough[name][0] / max(sum(enough[name]), 1), -sum(enough[name]), name))
    ends = ordered if len(ordered) <= 2 * _MOST else [*ordered[:_MOST], *ordered[-_MOST:]]
    labels = distinct(ends)
    shares = [enough[name][0] / max(sum(enough[name]), 1) for name in ends]
    said = f"{labels[0]} is satisfied most often ({percent(shares[0])}), {labels[-1]} least ({percent(shares[-1])})."
    if shares[0] == shares[-1]:
        said = f"{percent(shares[0])} of the rows of {'each principle' if len(ends) > 1 else labels[0]} say yes."
    intervals = [wilson(enough[name][0], sum(enough[name])) for name in ends]
    limit = f" with at least {_ENOUGH} rows" if len(enough) < len(sums) else ""
    rows = [
        (name, count(sum(enough[own])), percent(share), f"{percent(low)} to {percent(high)}")
        for name, own, share, (low, high) in zip(labels, ends, shares, intervals, strict=True)
    ]
    counted = f"{count(len(ordered))} principle{'' if len(ordered) == 1 else 's'}"
    part = f"The {_MOST} most and the {_MOST} least often of " if len(ends) < len(ordered) else ""
    return Drawing(
        title="Principles, from the most to the least often satisfied",
        markup=bars(
            said,
            {name: 100 * share for name, share in zip(labels, shares, strict=True)},
            unit="%",
            intervals={n: (100 * low, 100 * high) for n, (low, high) in zip(labels, intervals, strict=True)},
        ),
        said=said,
        note=f"{part}{counted}{limit}. Whiskers: Wilson's 95 % interval.",
        numbers=Grid(
            title="Rows that say yes", head=("principle", "rows", "yes", "95 % interval"), rows=rows, folded=True
        ),
    )


def _domains(names: Names) -> Grid:
    sizes = {domain: [sum(own[k] for own in by.values()) for k in (0, 1)] for domain, by in names.items()}
    ordered = sorted(sizes, key=lambda domain: (-sum(sizes[domain]), domain))[:_MOST_DOMAINS]
    rows = [
        (
            cell(name),
            count(sum(sizes[name])),
            percent(sizes[name][0] / max(sum(sizes[name]), 1)),
            count(len(names[name])),
        )
        for name in ordered
    ]
    more = f"The {_MOST_DOMAINS} largest of {count(len(sizes))}." if len(sizes) > len(ordered) else ""
    return Grid(title="Rows by domain", head=("domain", "rows", "yes", "principles"), rows=rows, note=more)


def taxonomy_blocks(taxonomy: Taxonomy | None) -> list[Grid]:
    """The largest clusters of principles, with the most frequent members of each."""
    if taxonomy is None or not taxonomy.clusters:
        return []
    largest = sorted(taxonomy.clusters, key=lambda one: -one.rows)[:_MOST_CLUSTERS]
    rows = []
    for one in largest:
        members = sorted(one.members, key=lambda name: -one.members[name])
        told = ", ".join(f"{cell(name, 48)} {count(one.members[name])}" for name in members[:_MOST_MEMBERS])
        more = f", and {count(len(members) - _MOST_MEMBERS)} more" if len(members) > _MOST_MEMBERS else ""
        rows.append((cell(one.name), count(one.rows), percent(one.yes_rate), count(len(members)), told + more))
    more = f"The {len(rows)} largest of {count(len(taxonomy.clusters))}. " if len(taxonomy.clusters) > len(rows) else ""
    note = f"{more}The whole taxonomy is .rlbff/report/taxonomy.yaml: edit it, and give it back with --taxonomy."
    return [
        Grid(
            title="Clusters of principles",
            head=("cluster", "rows", "yes", "names", "members and their rows"),
            rows=rows,
            note=note,
        )
    ]
