"""What a taxonomy is, and what it does to one principle: another name, dropped, capped, or nothing.

How one is made from frequencies is in taxonomy_build.py, how it is written and read in taxonomy_file.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, NamedTuple

from stages.extract_principles.normalise import principle_key


class DomainShare(NamedTuple):
    """A cluster in one domain: its rows, the share that says yes, and how much more frequent it is than overall.

    `lift` = (the cluster's share of the domain's rows) / (its share of all rows).
    """

    rows: int
    yes_rate: float
    lift: float


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Principles that a taxonomy treats as one.

    `members` maps each to its rows in the run that made the file. `yes_rate` and `domains` inform, nothing is done
    with them.
    """

    name: str
    members: Mapping[str, int]
    drop: bool = False
    cap: int | None = None
    yes_rate: float | None = None
    domains: Mapping[str, DomainShare] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all members together."""
        return sum(self.members.values())


@dataclass(frozen=True, kw_only=True)
class Taxonomy:
    """Clusters, how they were made, and how many rarer principles were left out of the clustering."""

    clusters: tuple[Cluster, ...]
    embedder: str | None = None
    threshold: float | None = None
    names_left_out: int = 0


class Applied(NamedTuple):
    """The principle's name after the taxonomy, and whether its row is kept."""

    principle: str
    fate: Literal["kept", "dropped", "capped"]


def index_members(taxonomy: Taxonomy) -> dict[str, Cluster]:
    """Map each member, and each cluster's name unless it is a member elsewhere, to its cluster.

    Keys are `principle_key`s, so that case and style of quotation marks do not matter.
    """
    index = {principle_key(member): cluster for cluster in taxonomy.clusters for member in cluster.members}
    for cluster in taxonomy.clusters:
        index.setdefault(principle_key(cluster.name), cluster)
    return index


def apply_taxonomy(index: Mapping[str, Cluster], principle: str, row_id: str) -> Applied:
    """Look `principle` up in what `index_members` gave; one that is not there passes through unchanged.

    A cap keeps a row by a hash of its id and the cluster's name, with probability cap / rows of the cluster: the
    choice does not depend on shards or workers, and about `cap` rows remain on the data the file was made from (the
    standard deviation is below the square root of the cap). Other data keeps the same share.
    """
    cluster = index.get(principle_key(principle))
    if cluster is None:
        return Applied(principle, "kept")
    if cluster.drop:
        return Applied(cluster.name, "dropped")
    if cluster.cap is not None:
        digest = blake2b(f"{cluster.name}\n{row_id}".encode(), digest_size=8).digest()
        if int.from_bytes(digest, "big") * cluster.rows >= cluster.cap << 64:
            return Applied(cluster.name, "capped")
    return Applied(cluster.name, "kept")
