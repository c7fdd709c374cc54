"""Names of reasoning patterns: one spelling for each, a map that merges names, and what names a set of chains has.

How near two names are to each other is not known here.
"""

import json
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stages.core.errors import DataError, InputMissing
from stages.core.rows import Problem

LONGEST_CHAIN: Final = 1024
"""Names in a chain; a longer one is a fault of its annotation, and its row is rejected. A default of ours."""

_NUMBERING: Final = re.compile(
    r"""(?: [(\[（] \s* (?: \d{1,4} | [ivx]{1,5} | [a-z] ) \s* [)\]）]  # (2)  [iv]  (a)
          | \d{1,4} \s* (?: [)：:、．）] | \. (?!\d) )                   # 1.  2)  3、  but not 1.5
          | (?: [ivx]{1,5} [.)] | [a-z] \) ) (?=\s|$)                       # iv.  a)
          | (?: step | pattern ) \s* \# ? \d{1,4} \s* (?: [:.)、：-] | $ )  # step 3:
          | 第 \s* [\d一二三四五六七八九十百]{1,4} \s* 步骤? \s* [:：、.,，]?      # 第二步：
          | 步骤 \s* [\d一二三四五六七八九十百]{1,4} \s* [:：、.,，]?
          | [①-⑳] | [•·▪◦●] | (?: [-*+–—>] | \#{1,6} ) (?=\s|$)          # bullets and headings
        ) \s*""",
    re.VERBOSE,
)


def normalise_name(name: str) -> str:
    """The name in Unicode form NFC, case-folded, white space collapsed, without numbering or bullets before it.

    Empty where nothing but numbering is there. A normalised name is its own normal form.
    """
    # folding can undo the composition: the folded form of one letter may be two
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    found = " ".join(folded.split())
    while (numbering := _NUMBERING.match(found)) is not None:
        found = found[numbering.end() :]
    return found


def normalise_chain(names: Sequence[str], mapping: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The normalised names of a chain, merged by `mapping`, and the places in `names` that they come from.

    A name that is empty once normalised is left out: as many as places are missing.
    """
    normal = [normalise_name(name) for name in names]
    places = tuple(place for place, name in enumerate(normal) if name)
    return tuple(mapping.get(normal[place], normal[place]) for place in places), places


def too_many(num_names: int) -> Problem:
    """Why a row whose chain is longer than LONGEST_CHAIN is rejected."""
    return Problem(
        "too_many_patterns",
        "patterns",
        f"the chain has {num_names:,} patterns, more than {LONGEST_CHAIN:,}, which is a fault of its annotation; "
        "annotate longer stretches of the text.",
    )


@dataclass(frozen=True)
class Inventory:
    """The names of a set of chains, after normalising and merging: how often each occurs, in how many chains."""

    occurrences: Mapping[str, int]
    num_chains: int

    @classmethod
    def of(cls, chains: Iterable[Sequence[str]]) -> "Inventory":
        """Count the names of chains."""
        counts: Counter[str] = Counter()
        num_chains = 0
        for chain in chains:
            counts.update(chain)
            num_chains += 1
        return cls.counted(counts, num_chains)

    @classmethod
    def counted(cls, counts: Mapping[str, int], num_chains: int) -> "Inventory":
        """Names that are counted already: the most frequent first, names of equal counts by their letters."""
        return cls(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))), num_chains)

    @property
    def median(self) -> float:
        """Median of the occurrences of distinct names; 0 where there are none."""
        return float(statistics.median(self.occurrences.values())) if self.occurrences else 0.0

    def facts(self, mapping: Mapping[str, str]) -> dict[str, object]:
        """What the manifest says: `merged` are the names that `mapping` turns into others."""
        return {
            "chains": self.num_chains,
            "names": sum(self.occurrences.values()),
            "distinct": len(self.occurrences),
            "median_occurrences": self.median,
            "merged": {name: to for name, to in sorted(mapping.items()) if name != to},
        }

    def warning(self) -> str | None:
        """A sentence where the median name occurs once, so that most names meet no other; None otherwise."""
        if self.median != 1:
            return None
        once = sum(count == 1 for count in self.occurrences.values())
        return (
            f"{once:,} of {len(self.occurrences):,} distinct pattern names occur once, so that chains match by the "
            "letters of names alone; merge names with --pattern-map FILE, a JSON or YAML file of {name: name}."
        )


def read_pattern_map(path: Path) -> dict[str, str]:
    """The merges of a file of {name: name}, JSON where it ends in .json, else YAML: normalised name -> final name.

    A name that is merged into a name that is itself merged gets the last name of the row.

    Raises:
        InputMissing: there is no such file. DataError: it is no mapping of texts, a name is empty once normalised,
            two lines about one name disagree, or merges go round in a circle; file and name are told.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputMissing(
            f"--pattern-map {path} does not exist; give a JSON or YAML file of {{name: name}}."
        ) from None
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"--pattern-map {path} cannot be read as UTF-8 text: {error}.") from error
    pairs = _json_pairs(text, path) if path.suffix.lower() == ".json" else _yaml_pairs(text, path)
    merges: dict[str, str] = {}
    for key, value in pairs:
        name, to = _name_in(path, key, key), _name_in(path, key, value)
        if merges.setdefault(name, to) != to:
            raise DataError(f"{path}: {key!r} is merged into {merges[name]!r} and into {to!r}; keep one of the two.")
    return {name: _end_of(path, merges, name) for name in merges}


def _end_of(path: Path, merges: Mapping[str, str], name: str) -> str:
    """Where merges lead to; a name that is merged into itself stays."""
    seen = [name]
    while (to := merges.get(seen[-1], seen[-1])) != seen[-1]:
        if to in seen:
            circle = " -> ".join([*seen, to])
            raise DataError(f"{path}: the merges of {name!r} go round in a circle ({circle}); delete one of them.")
        seen.append(to)
    return seen[-1]


def _name_in(path: Path, key: object, value: object) -> str:
    if not isinstance(key, str) or not isinstance(value, str):
        found = type(key if not isinstance(key, str) else value).__name__
        raise DataError(f"{path}: the entry {key!r} holds a {found}; it must be a name: the name it becomes.")
    if not (name := normalise_name(value)):
        raise DataError(f"{path}: the entry {key!r} has the name {value!r}, of which nothing is left once normalised.")
    return name


def _json_pairs(text: str, path: Path) -> list[tuple[object, object]]:
    try:
        found = json.loads(text, object_pairs_hook=_Lines)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, _Lines):
        raise DataError(f"{path} holds a {type(found).__name__}, not a mapping; write {{name: name}}.")
    return found


class _Lines(list[tuple[object, object]]):
    """The entries of a JSON object, also two about one key."""


def _yaml_pairs(text: str, path: Path) -> list[tuple[object, object]]:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise DataError(f"{path} holds no mapping; write lines of the form name: name.")
    # the text of a node, not its value: `yes` and `1` are names here
    return [(key.value, value.value) for key, value in root.value]
