"""Which of some output folders was made from which, told by the content of files; and what may be wrong with that.

An input of a folder is known by its sha256, which the folder's plan holds; so the folder that made it is found wherever
both lie now. A model is known by the option that names its folder. Nothing outside the folders is looked at.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from stages.core.manifest import FIRST_PASSES, damaged, hidden, recorded
from stages.core.model_digest import model_digest
from stages.core.shards import HIDDEN
from stages.core.typed import hash_file


class Input(NamedTuple):
    """A file that a folder was made from: its base name, the sha256 of its content, and its rows."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Made:
    """What the records of one folder say: its stage, its options as they were given, and its inputs.

    `place` is its path, or the URL of a copy; `models` are names of folders, each with the digest of what was used.
    """

    root: Path
    place: str
    stage: str
    options: Mapping[str, Any]
    inputs: Sequence[Input]
    seed: object = None
    models: Sequence[tuple[str, str]] = ()


class Edge(NamedTuple):
    """`to` was made from `by`, both numbers of folders; `what` is a file, or the option that names a model.

    `stale` edges are told by the path alone: `by` no longer holds what `to` was made from.
    """

    by: int
    to: int
    what: str
    rows: bool
    stale: bool


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """`order` has every folder's number after those it was made from; `sources` are inputs that no folder made."""

    order: Sequence[int]
    edges: Sequence[Edge]
    sources: Mapping[Input, Sequence[int]]
    doubts: Sequence[str]


def read_made(root: Path, place: str | None = None) -> Made:
    """Read what a folder was made from; `place` is its URL where it is a copy. Raises DataError for a damaged plan."""
    path = hidden(root, "plan.json")
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        inputs = [Input(str(one["name"]), str(one["sha256"]), int(one["rows"])) for one in plan["inputs"]]
        stage, seed = plan["stage"], plan["config"].get("seed")
        models = _MODEL.findall(json.dumps(plan["config"], ensure_ascii=False))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise damaged(path, repr(error)) from error
    if not isinstance(stage, str):
        raise damaged(path, f"its stage is {stage!r}")
    where, options = place or os.path.abspath(root), given_options(root)
    return Made(root=root, place=where, stage=stage, options=options, inputs=inputs, seed=seed, models=models)


def trace(folders: Sequence[Made], names: Sequence[str]) -> Lineage:
    """Find out who was made from whom among `folders`; `names` is how doubts call them."""
    outputs = [_Outputs(made.root) for made in folders]
    edges: list[Edge] = []
    sources: dict[Input, list[int]] = {}
    for to, made in enumerate(folders):
        named = _folders_named(made, folders)
        for one in made.inputs:
            by = _maker(one, to, outputs, [place for place, _ in named["inputs"]])
            if by is not None:
                edges.append(Edge(by, to, one.name, True, False))
        known = {edge.by for edge in edges if edge.to == to}
        unknown = [one for one in made.inputs if _maker(one, to, outputs, []) is None]
        gone = [by for by, _ in named["inputs"] if by not in known] if unknown else []
        edges += [Edge(by, to, unknown[0].name, True, True) for by in dict.fromkeys(gone)]
        if not gone:
            for one in unknown:
                sources.setdefault(one, []).append(to)
        options = ((key, by) for key, found in named.items() if key != "inputs" for by, _ in found)
        edges += [Edge(by, to, key, False, False) for key, by in dict.fromkeys(options)]
    edges = list(dict.fromkeys(edges))
    order = _in_order(len(folders), edges, list(sources.values()))
    doubts = [*_stale(edges, names), *_other_models(folders, names), *_seeds(folders, names)]
    return Lineage(order=order, edges=edges, sources=sources, doubts=doubts)


class _Outputs:
    """The files of a folder by their sha256: from its records, and only where these say nothing from the files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        numbers = sorted(path.stem.removeprefix("part-") for path in hidden(root, "done").glob("part-*.json"))
        records = [recorded(root, int(number)) for number in numbers if number.isdecimal()]
        self._told = {name: digest for one in records if one is not None for name, digest in one.sha256.items()}
        self._digests = set(self._told.values())
        self._hashes: dict[str, str] = {}

    def holds(self, one: Input) -> bool:
        """Whether a file of this content is in the folder; those without a record need the same base name, too."""
        return one.sha256 in self._digests or any(self._hash(name) == one.sha256 for name in self._untold[one.name])

    @cached_property
    def _untold(self) -> dict[str, list[str]]:
        """The files of which the records say nothing, by base name."""
        found: dict[str, list[str]] = defaultdict(list)
        for folder, inner, files in os.walk(self._root):
            if Path(folder).name == HIDDEN:
                inner[:] = sorted(set(inner) - {*FIRST_PASSES, "spool", "tmp", "done"})
            inner.sort()
            for base in files:
                name = os.path.relpath(os.path.join(folder, base), self._root)
                if name not in self._told:
                    found[base].append(name)
        return found

    def _hash(self, name: str) -> str:
        if name not in self._hashes:
            try:
                self._hashes[name] = hash_file(self._root / name)
            except OSError:  # a file that we may not read, or that is gone by now, made nothing
                self._hashes[name] = ""
        return self._hashes[name]


def _maker(one: Input, to: int, outputs: Sequence[_Outputs], first: Sequence[int]) -> int | None:
    """The folder that holds an input: of several equal ones, that which was named."""
    others = (place for place in range(len(outputs)) if place not in first)
    return next((place for place in (*first, *others) if place != to and outputs[place].holds(one)), None)


_MODEL: Final = re.compile(r"([^/:@\"]+)@([0-9a-f]{8})\b")
_SPEC: Final = re.compile(r"[a-z]+:")
_WEIGHT: Final = re.compile(r"@[-+.\de]+$")


def _folders_named(made: Made, folders: Sequence[Made]) -> dict[str, list[tuple[int, str]]]:
    """By option: the folders that its paths lie in, each with the path; those of reward specs without their kind."""
    base = _working_directory(made)
    places = [_place(other.place, base) for other in folders]
    found: dict[str, list[tuple[int, str]]] = {"inputs": []}
    for key, value in made.options.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and key != "out":
                bare = _WEIGHT.sub("", _SPEC.sub("", text, count=1))
                for path in dict.fromkeys((text, bare)):
                    by = _within(_place(path, base), places) if path else None
                    if by is not None and folders[by] is not made:
                        found.setdefault(key, []).append((by, path))
                        break
    return found


def _place(path: str, base: Path) -> str:
    """Where a path of the command line leads, without links; a URL as it is."""
    if "://" in path:
        return path.rstrip("/")
    try:
        return os.path.realpath(base / path)
    except ValueError:  # no path of this system, such as one with a zero byte
        return path


def _working_directory(made: Made) -> Path:
    """Where the run was started, as its own folder and what it was told to write to say; else where we are."""
    out = made.options.get("out")
    root = Path(os.path.abspath(made.root))
    tail = Path(out).parts if isinstance(out, str) else ()
    if tail and root.parts[-len(tail) :] == tail and ".." not in tail:
        return Path(*root.parts[: len(root.parts) - len(tail)])
    return Path.cwd()


def _within(path: str, places: Sequence[str]) -> int | None:
    """Which of the folders a path lies in, the innermost."""
    around = [k for k, place in enumerate(places) if path == place or path.startswith(place + os.sep)]
    return max(around, key=lambda k: len(places[k]), default=None)


def given_options(root: Path) -> Mapping[str, Any]:
    """Every option as it was given; none where there is no record of them."""
    try:
        found = yaml.safe_load(hidden(root, "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in items if isinstance(key, str) and _is_option(value)}


def _is_option(value: object) -> bool:
    """Whether a value is one that an option can have; YAML has deeper ones, which may even hold themselves."""
    return not any(isinstance(one, list | dict | set) for one in (value if isinstance(value, list) else [value]))


def _in_order(num: int, edges: Sequence[Edge], together: Sequence[Sequence[int]]) -> list[int]:
    """Every folder after those it was made from, and close behind the last of them; a ring is cut at its first folder.

    What hangs together, by links or by being in one of the groups of `together`, stands together.
    """
    made_from: dict[int, set[int]] = {one: {edge.by for edge in edges if edge.to == one} for one in range(num)}
    group = _groups(num, [*((edge.by, edge.to) for edge in edges), *together])
    order: dict[int, None] = {}
    left = sorted(range(num), key=lambda one: (group[one], one))
    while left:
        first = next((one for one in left if made_from[one] <= order.keys()), left[0])
        ready = [first]
        while ready:
            one = ready.pop()
            order[one] = None
            users = [to for to in left if one in made_from[to] and to not in order and made_from[to] <= order.keys()]
            ready += [to for to in reversed(users) if to not in ready]
        left = [one for one in left if one not in order]
    return list(order)


def _groups(num: int, together: Sequence[Sequence[int]]) -> list[int]:
    """For every folder the first of those that it hangs together with."""
    group = list(range(num))
    for members in together:
        joined = {group[one] for one in members}
        group = [min(joined) if own in joined else own for own in group]
    return group


def _stale(edges: Sequence[Edge], names: Sequence[str]) -> list[str]:
    return [
        f"{names[edge.to]} was made from another version of {names[edge.by]}: the content of {edge.what} that it "
        "read is no longer there. Run it again."
        for edge in edges
        if edge.stale
    ]


def _other_models(folders: Sequence[Made], names: Sequence[str]) -> list[str]:
    """A sentence for every model that was changed after a folder was made with it; copies of URLs have no weights."""
    doubts: dict[str, None] = {}
    for made, name in zip(folders, names, strict=True):
        base = _working_directory(made)
        found = ((key, *one) for key, named in _folders_named(made, folders).items() for one in named)
        for key, by, path in found:
            model = Path(_place(path, base))
            known = {digest for called, digest in made.models if called == model.name}
            if key == "inputs" or not known or "://" in path or not (model / "config.json").is_file():
                continue
            if model_digest(model) not in known:
                option = f"--{key.replace('_', '-')}"
                doubts[f"{name} was made with another version of {names[by]}, which {option} names. Run it again."] = (
                    None
                )
    return list(doubts)


def _seeds(folders: Sequence[Made], names: Sequence[str]) -> list[str]:
    """A sentence if the folders have different seeds."""
    by_seed: dict[str, list[str]] = {}
    for made, name in zip(folders, names, strict=True):
        if isinstance(made.seed, int):
            by_seed.setdefault(str(made.seed), []).append(name)
    if len(by_seed) < 2:
        return []
    told = "; ".join(f"{seed} in {_some(those)}" for seed, those in sorted(by_seed.items()))
    return [f"The folders have different seeds: {told}."]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"
