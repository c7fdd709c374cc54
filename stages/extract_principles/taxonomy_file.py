"""A taxonomy as YAML that a person edits, and back, with the line of every mistake.

What the entries mean is in taxonomy.py. Takes and returns text; files are the caller's.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Final

import yaml

from stages.core.errors import ConfigError
from stages.extract_principles.normalise import principle_key
from stages.extract_principles.taxonomy import Cluster, DomainShare, Taxonomy

_HEADER: Final = """\
# Principles by cluster, the most frequent first. Edit this file and give it back with --taxonomy:
#   rename   change a cluster's `name`: its rows get that name
#   merge    move lines of `members` from one cluster to another, and delete a cluster that has none left
#   split    move lines of `members` into a new cluster with its own `name`
#   drop     add `drop: true`: the cluster's rows are dropped
#   cap      add `cap: 500`: about 500 of the cluster's rows are kept, drawn by a hash of each row's id. The share kept
#            is 500 / (the sum of the members' numbers), so leave the numbers as they are.
# The number behind a member is its rows in the run that wrote this file. `rows`, `yes_rate` and `domains` inform; what
# you write there has no effect. `lift` is how much more frequent the cluster is in a domain than overall. Principles
# that stand nowhere in this file pass through unchanged.
"""

_TOP_KEYS: Final = ("taxonomy", "embedder", "threshold", "names_left_out", "clusters")
_CLUSTER_KEYS: Final = ("name", "drop", "cap", "rows", "yes_rate", "domains", "members")
_SHARE_KEYS: Final = ("rows", "yes_rate", "lift")
_VERSION: Final = 1
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?")


def to_yaml(taxonomy: Taxonomy) -> str:
    """Write the taxonomy with a header that explains how to edit it; `parse_taxonomy` gives the same value back."""
    return "\n".join(_lines(taxonomy)) + "\n"


def parse_taxonomy(text: str, source_name: str) -> Taxonomy:
    """Read a taxonomy; every mistake is a ConfigError that names `source_name`, the line and the key."""
    return _Reader(source_name).taxonomy(text)


def _lines(taxonomy: Taxonomy) -> Iterator[str]:
    yield _HEADER + f"taxonomy: {_VERSION}"
    if taxonomy.embedder is not None:
        yield f"embedder: {_scalar(taxonomy.embedder)}"
    if taxonomy.threshold is not None:
        yield f"threshold: {taxonomy.threshold}"
    if taxonomy.names_left_out:
        yield "# rarer principles that were not clustered; they pass through unchanged"
        yield f"names_left_out: {taxonomy.names_left_out}"
    yield "clusters:" if taxonomy.clusters else "clusters: []"
    for cluster in taxonomy.clusters:
        yield from _cluster_lines(cluster)


def _cluster_lines(cluster: Cluster) -> Iterator[str]:
    yield f"- name: {_scalar(cluster.name)}"
    if cluster.drop:
        yield "  drop: true"
    if cluster.cap is not None:
        yield f"  cap: {cluster.cap}"
    yield f"  rows: {cluster.rows}"
    if cluster.yes_rate is not None:
        yield f"  yes_rate: {cluster.yes_rate}"
    if cluster.domains:
        yield "  domains:"
    for domain, share in cluster.domains.items():
        values = f"{{rows: {share.rows}, yes_rate: {share.yes_rate}, lift: {share.lift}}}"
        yield f"    {_key(domain)}: {values}"
    yield "  members:"
    for member, rows in cluster.members.items():
        yield f"    {_key(member)}: {rows}"


_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9 '()/_-]*[A-Za-z0-9'()/_-])?")
_NOT_TEXT: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT:
        return text
    escaped = (f"\\{char}" if char in '"\\' else char if char.isprintable() else f"\\U{ord(char):08X}" for char in text)
    return f'"{"".join(escaped)}"'


def _key(text: str) -> str:
    """A mapping key; YAML wants a sign before those that are longer than 1024 characters."""
    scalar = _scalar(text)
    return scalar if len(scalar) < 1000 else f"? {scalar}\n    "


class _Reader:
    """Turns YAML nodes into values; a node knows its line, a loaded value would not."""

    def __init__(self, source_name: str) -> None:
        self.source_name = source_name

    def taxonomy(self, text: str) -> Taxonomy:
        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ConfigError(f"{self.source_name} line {line}: this is not YAML: {error.problem}.") from error
        except yaml.YAMLError as error:
            words = " ".join(str(error).split())
            raise ConfigError(f"{self.source_name}: this is not YAML: {words}.") from error
        if root is None:
            raise ConfigError(f"{self.source_name} is empty; it needs the key `clusters`.")
        keys = self._mapping(root, "the file", _TOP_KEYS)
        if "clusters" not in keys:
            raise self._error(root, "the key `clusters` is missing; a taxonomy needs it")
        version = self._count(keys["taxonomy"], "taxonomy") if "taxonomy" in keys else _VERSION
        if version != _VERSION:
            raise self._error(keys["taxonomy"], f"this is format {version}; this version reads format {_VERSION}")
        clusters = tuple(self._cluster(node) for node in self._sequence(keys["clusters"], "clusters"))
        self._check_unique(keys["clusters"], clusters)
        return Taxonomy(
            clusters=clusters,
            embedder=self._text(keys["embedder"], "embedder") if "embedder" in keys else None,
            threshold=self._number(keys["threshold"], "threshold") if "threshold" in keys else None,
            names_left_out=self._count(keys["names_left_out"], "names_left_out") if "names_left_out" in keys else 0,
        )

    def _cluster(self, node: yaml.Node) -> Cluster:
        keys = self._mapping(node, "a cluster", _CLUSTER_KEYS)
        for required in ("name", "members"):
            if required not in keys:
                raise self._error(node, f"the cluster has no `{required}`; every cluster needs one")
        name = self._text(keys["name"], "name")
        counts = self._mapping(keys["members"], f"members of {name!r}")
        members = {member: self._count(value, member, blank=0) for member, value in counts.items()}
        if not members:
            raise self._error(keys["members"], f"the cluster {name!r} has no members; delete the cluster")
        cap = self._count(keys["cap"], "cap") if "cap" in keys else None
        if cap == 0:
            raise self._error(keys["cap"], "cap is 0; write drop: true instead")
        if cap is not None and not sum(members.values()):
            raise self._error(keys["cap"], f"cap of {name!r} needs the members' rows; write a number behind a member")
        return Cluster(
            name=name,
            members=members,
            drop=self._flag(keys["drop"], "drop") if "drop" in keys else False,
            cap=cap,
            yes_rate=self._number(keys["yes_rate"], "yes_rate") if "yes_rate" in keys else None,
            domains=self._domains(keys["domains"]) if "domains" in keys else {},
        )

    def _domains(self, node: yaml.Node) -> dict[str, DomainShare]:
        result = {}
        for domain, entry in self._mapping(node, "domains").items():
            share = self._mapping(entry, f"domain {domain!r}", _SHARE_KEYS)
            if missing := [key for key in _SHARE_KEYS if key not in share]:
                raise self._error(entry, f"domain {domain!r} has no `{missing[0]}`; delete the domain or complete it")
            rows, yes_rate, lift = (share[key] for key in _SHARE_KEYS)
            result[domain] = DomainShare(
                self._count(rows, "rows"), self._number(yes_rate, "yes_rate"), self._number(lift, "lift")
            )
        return result

    def _check_unique(self, node: yaml.Node, clusters: tuple[Cluster, ...]) -> None:
        homes: dict[str, str] = {}
        names: set[str] = set()
        for entry, cluster in zip(node.value, clusters, strict=True):
            if principle_key(cluster.name) in names:
                raise self._error(entry, f"two clusters are named {cluster.name!r}; move the members into one of them")
            names.add(principle_key(cluster.name))
            for member in cluster.members:
                home = homes.setdefault(principle_key(member), cluster.name)
                if home != cluster.name:
                    raise self._error(
                        entry, f"{member!r} is a member of {home!r} and of {cluster.name!r}; keep it in one of them"
                    )

    def _mapping(self, node: yaml.Node, what: str, known: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must be a mapping, lines of the form `key: value`")
        result: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self._text(key_node, f"a key of {what}")
            if key in result:
                raise self._error(key_node, f"the key {key!r} stands twice in {what}; delete one of them")
            if known and key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
                raise self._error(key_node, f"unknown key {key!r}; {hint}")
            result[key] = value
        return result

    def _sequence(self, node: yaml.Node, key: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{key} must be a list, entries that begin with `- `")
        return list(node.value)

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._error(node, f"{key} must be text")
        return str(node.value)

    def _count(self, node: yaml.Node, key: str, *, blank: int | None = None) -> int:
        if blank is not None and isinstance(node, yaml.ScalarNode) and not node.value:
            return blank
        if not isinstance(node, yaml.ScalarNode) or not re.fullmatch(r"[0-9]{1,15}", node.value):
            raise self._error(node, f"{key} must be a whole number of 0 or more, not {_shown(node)}")
        return int(node.value)

    def _number(self, node: yaml.Node, key: str) -> float:
        if not isinstance(node, yaml.ScalarNode) or not _NUMBER.fullmatch(node.value):
            raise self._error(node, f"{key} must be a number, not {_shown(node)}")
        return float(node.value)

    def _flag(self, node: yaml.Node, key: str) -> bool:
        value = node.value.casefold() if isinstance(node, yaml.ScalarNode) else ""
        if value not in ("true", "false"):
            raise self._error(node, f"{key} must be true or false, not {_shown(node)}")
        return bool(value == "true")

    def _error(self, node: yaml.Node, problem: str) -> ConfigError:
        end = "" if problem.endswith(("?", ".")) else "."
        return ConfigError(f"{self.source_name} line {node.start_mark.line + 1}: {problem}{end}")


def _shown(node: yaml.Node) -> str:
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
