"""What a report says of a set of folders, as parts of a page: an overview, then each folder with its stage's sections.

Looks at records and asks each stage for its own sections; how they are shown is in `sections_html.py` and in the
command line. One folder that is damaged is a doubt, not an end.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from stages.core.errors import DataError, InputMissing, RlbffError
from stages.core.folder_drawings import Fate, Shown, fates, graph
from stages.core.lineage import Lineage, Made, read_made, trace
from stages.core.manifest import FolderStatus, folder_status
from stages.core.sections import Drawing, Grid, Section
from stages.core.sections_html import Part, anchor_of
from stages.core.shards import HIDDEN

Sections = Callable[[Path], list[Section]]

_DASH: Final = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """One folder whose records can be read."""

    name: str
    state: FolderStatus
    made: Made


def find_folders(names: Sequence[str]) -> list[Path]:
    """The output folders that these names stand for: the folder itself, or all that lie below it; none twice.

    Raises:
        InputMissing: a name is no folder. DataError: it is a file, or no output folder is there.
    """
    found: dict[str, Path] = {}
    for name in names:
        if os.path.isfile(name):
            raise DataError(f"{name} is a file, not an output folder.")
        if not os.path.isdir(name):
            raise InputMissing(f"The folder {name} does not exist.")
        below = [Path(name)] if os.path.isdir(os.path.join(name, HIDDEN)) else _below(name)
        if not below:
            raise DataError(f"{name} is not an output folder of rlbff and holds none: nothing there has a {HIDDEN}.")
        for path in below:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def gather(
    roots: Sequence[Path], defaults: Mapping[str, Mapping[str, object]], named: Callable[[str], str] = str
) -> list[Part]:
    """The parts of a report about these folders; `defaults` are the options of each stage that decide what comes out.

    `named` tells the URL that a local copy stands for, and gives other paths back as they are.

    Raises:
        DataError: not one of the folders can be read.
    """
    called = [named(os.path.abspath(root)) for root in roots]
    names = _names(called)
    folders, damaged = [], []
    for root, name, place in zip(roots, names, called, strict=True):
        try:
            folders.append(_Folder(name=name, state=folder_status(root), made=read_made(root, place)))
        except (DataError, InputMissing) as error:
            damaged.append(f"{name} cannot be read: {error}".replace(str(root), name))
            first = error
    if not folders:
        raise first
    lineage = trace([one.made for one in folders], [one.name for one in folders])
    place_of = {number: place for place, number in enumerate(lineage.order)}
    parts = [_part(folders, number, lineage, defaults.get(folders[number].state.stage)) for number in lineage.order]
    shown = [
        Shown(name=one.name, about=_kind(one), anchor=anchor_of(place_of[number] + 2), finished=one.state.finished)
        for number, one in enumerate(folders)
    ]
    return [_overview(folders, shown, lineage, damaged), *parts]


def _below(name: str) -> list[Path]:
    found = []
    for folder, inner, _ in os.walk(name):
        if HIDDEN in inner:
            found.append(Path(folder))
            inner.clear()
        inner[:] = sorted(one for one in inner if not one.startswith("."))
    return found


def _names(places: Sequence[str]) -> list[str]:
    """How folders are called: by their paths below what they have in common; URLs beside paths by the whole of it."""
    if len({place.partition("://")[0] if "://" in place else "" for place in places}) > 1:
        paths = [place for place in places if "://" not in place]
        short = dict(zip(paths, _names(paths), strict=True)) if paths else {}
        return [short.get(place, place) for place in places]
    above = [place.split("/")[:-1] for place in places]
    common = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*above, strict=False))))
    return ["/".join(place.split("/")[common:]) for place in places]


def _overview(folders: Sequence[_Folder], shown: Sequence[Shown], lineage: Lineage, damaged: Sequence[str]) -> Part:
    doubts = [*damaged, *lineage.doubts, *filter(None, map(_unfinished, folders))]
    ordered = [folders[number] for number in lineage.order]
    blocks = [_lineage(folders, shown, lineage), _fates(ordered)]
    states = [one.state for one in ordered]
    facts = {
        "folders": f"{len(states)}",
        "finished": f"{sum(state.finished for state in states)}",
        "stages": f"{len({state.stage for state in states})}",
        "inputs from outside": f"{len(lineage.sources)}",
        "rows written": f"{sum(state.written for state in states):,}",
    }
    sections = [
        Section(title="What was made from what", blocks=blocks, doubts=doubts),
        Section(
            title="What was dropped and rejected",
            blocks=[_reasons(ordered)] if _any_lost(ordered) else [],
            note="" if _any_lost(ordered) else "Nothing was.",
        ),
    ]
    return Part(title="Overview", facts=facts, sections=sections)


def _lineage(folders: Sequence[_Folder], shown: Sequence[Shown], lineage: Lineage) -> Drawing:
    rows = [
        [
            folders[number].name,
            _kind(folders[number]),
            "; ".join(_origins(number, folders, lineage)) or _DASH,
            "yes" if folders[number].state.finished else "no",
        ]
        for number in lineage.order
    ]
    said = f"{_number(len(folders), 'folder')}, joined by {_number(len(lineage.edges), 'link')}: " + "; ".join(
        f"{row[0]} from {row[2]}" for row in rows if row[2] != _DASH
    )
    return Drawing(
        title="Lineage",
        markup=graph(said, lineage, shown),
        said=f"{said}.",
        note="Links follow the content of files (sha256), so they hold wherever the folders lie now.",
        numbers=Grid(title="Lineage", head=("folder", "made by", "from", "finished"), rows=rows),
    )


def _origins(number: int, folders: Sequence[_Folder], lineage: Lineage) -> list[str]:
    """What a folder was made from, in words: `first` for its rows, else with the options that name it."""
    how: dict[int, list[str]] = {}
    for edge in (edge for edge in lineage.edges if edge.to == number):
        told = "another version" if edge.stale else "rows" if edge.rows else f"--{edge.what.replace('_', '-')}"
        if told not in how.setdefault(edge.by, []):
            how[edge.by].append(told)
    makers = [
        folders[by].name + ("" if told == ["rows"] else f" ({', '.join(sorted(told, reverse=True))})")
        for by, told in how.items()
    ]
    return [*makers, *dict.fromkeys(one.name for one, users in lineage.sources.items() if number in users)]


def _fates(folders: Sequence[_Folder]) -> Drawing:
    rows = {one.name: Fate(one.state.kept, one.state.dropped, one.state.rejected) for one in folders}
    read, kept = sum(map(sum, rows.values())), sum(fate.kept for fate in rows.values())
    said = f"Of {read:,} rows that the folders read, {kept:,} were kept, each folder on its own."
    numbers = Grid(
        title="Rows",
        head=("folder", "in", "kept", "dropped", "rejected", "written"),
        rows=[
            [one.name, *(f"{count:,}" for count in (sum(rows[one.name]), *rows[one.name], one.state.written))]
            for one in folders
        ],
    )
    return Drawing(
        title="Rows of each folder",
        markup=fates(said, rows),
        said=said,
        note="in = kept + dropped + rejected, of the rows that were read; a kept row can make none or many.",
        numbers=numbers,
    )


def _any_lost(folders: Sequence[_Folder]) -> bool:
    return any(one.state.dropped_by or one.state.rejected_by for one in folders)


def _reasons(folders: Sequence[_Folder]) -> Grid:
    """How often each reason took something out; a row of input can lose many things."""
    rows = [
        [one.name, fate, reason, f"{count:,}"]
        for one in folders
        for fate, reasons in (("dropped", one.state.dropped_by), ("rejected", one.state.rejected_by))
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Grid(
        title="Reasons",
        head=("folder", "fate", "reason", "count"),
        rows=rows,
        note="Counts are of what was taken out, which may be finer than rows: principles of a feedback, for instance. "
        "rlbff cat prints them, with --dropped or --rejects.",
    )


def _unfinished(one: _Folder) -> str:
    state = one.state
    if state.finished:
        return ""
    return (
        f"{one.name} is not finished: {state.parts_done:,} of {state.parts:,} parts, {state.rows_done:,} of "
        f"{state.rows:,} rows. The same command goes on where it stopped."
    )


def _kind(one: _Folder) -> str:
    """The stage of a folder; of eval also which benchmark."""
    benchmark = one.made.options.get("benchmark")
    return f"{one.state.stage} {benchmark}" if isinstance(benchmark, str) else one.state.stage


def _part(folders: Sequence[_Folder], number: int, lineage: Lineage, defaults: Mapping[str, object] | None) -> Part:
    """One folder; `defaults` is None where the stage is not one of ours."""
    one = folders[number]
    state = one.state
    rows = f"{state.rows_done:,} in, {state.kept:,} kept, {state.dropped:,} dropped, {state.rejected:,} rejected"
    facts = {
        "rows": rows,
        "written": f"{state.written:,} ({state.table})",
        "made from": ", ".join(_origins(number, folders, lineage)) or _DASH,
    }
    facts |= {} if state.finished else {"finished": f"no, {state.parts_done:,} of {state.parts:,} parts"}
    module = _module_of(state.stage) if defaults is not None else None
    sections, doubts = _own(module, state.root, one.name) if module is not None else ([], [])
    general = _general(one, defaults or {}, doubts)
    style = getattr(module, "STYLE", "")
    return Part(title=one.name, about=_kind(one), facts=facts, sections=[*sections, *general], style=style)


def _module_of(stage: str) -> ModuleType | None:
    """The module with which a stage shows its folders; None where it has none."""
    name = f"stages.{stage.replace('-', '_')}.sections"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise


def _own(module: ModuleType, root: Path, name: str) -> tuple[list[Section], list[str]]:
    """The sections that a stage makes of a folder, and what went wrong with that."""
    make: Sections = module.sections
    try:
        return make(root), []
    except RlbffError as error:
        return [], [f"What the stage has to show cannot be read: {error}".replace(str(root), name)]


def _general(one: _Folder, defaults: Mapping[str, object], doubts: Sequence[str]) -> list[Section]:
    """What any folder has: doubts, options that are not the defaults, and counts."""
    options = [
        [f"--{name.replace('_', '-')}", _told(one.made.options[name])]
        for name, default in defaults.items()
        if name in one.made.options and _plain(one.made.options[name]) != _plain(default)
    ]
    grids = (
        [Grid(title="Options that differ from the defaults", head=("option", "value"), rows=options)] if options else []
    )
    counts = [[name.replace("_", " "), f"{count:,}"] for name, count in one.state.counts.items() if count]
    if counts:
        grids.append(Grid(title="Counts", head=("what", "count"), rows=counts, folded=True))
    return [Section(title="Settings and counts", blocks=grids, doubts=doubts)] if grids or doubts else []


def _plain(value: object) -> object:
    """A value as YAML would give it back."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _told(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    """A value as a person would type it."""
    if isinstance(value, list):
        return ", ".join(map(_told, value)) or "none"
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
