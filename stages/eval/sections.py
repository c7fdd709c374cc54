"""What a report shows of a metrics folder: for each benchmark the drawing that its question asks for, and its figures.

Forms of drawings are in figure_blocks.py and figure_curves.py; what is stored is read by shown_figures.py.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stages.core.sections import Section
from stages.core.shown import cell, count
from stages.core.stored import mapping, objects, stored_facts
from stages.eval.benchmarks import BENCHMARKS, Benchmark
from stages.eval.calibration_report import HELD_OUT
from stages.eval.figure_blocks import comparison, everything
from stages.eval.figure_views import view
from stages.eval.measured import WHOLE
from stages.eval.sensitivity import DIFFERENCES, WANTED
from stages.eval.shown_figures import Shown, read_figures, told
from stages.eval.verification import OWN

_BY_NAME: Final[Mapping[str, Benchmark]] = {str(name): one for name, one in BENCHMARKS.items()}

_FIRST: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "calibration": (
        (HELD_OUT, "ece.platt", "calibration error (ECE) after temperature and bias"),
        (HELD_OUT, "ece.raw", "calibration error (ECE)"),
    ),
    "reasoning-potential": ((WHOLE, "potential", "reasoning potential"),),
    "verification": ((OWN, "precision", "precision of the decisions in the rows"),),
}
"""The figures that titles give, the first that is there, in words; else that which the benchmark is known by."""


def sections(root: Path) -> list[Section]:
    """A section for each benchmark in the folder; one that says so where no figure is stored."""
    trouble: list[str] = []
    stored = read_figures(root, trouble)
    if not stored:
        return [Section(title="Figures", blocks=[], doubts=[*trouble, "No figures are stored in this folder."])]
    note = _sources(stored_facts(root))
    return [
        Section(
            title=_title(shown),
            blocks=[*view(shown), *comparison(shown), *everything(shown)],
            note=" ".join(text for text in (note, _note(shown)) if text),
            doubts=[*(trouble if place == 0 else []), *_doubts(shown)],
        )
        for place, shown in enumerate(stored)
    ]


def _title(shown: Shown) -> str:
    """The benchmark and the figure that most people want to know."""
    name = cell(shown.benchmark)
    for group, metric, words in _FIRST.get(shown.benchmark, _known_by(shown)):
        if (figure := shown.get(group, metric)) is not None:
            return f"{name}: {words} {told(figure)}"
    return name


def _known_by(shown: Shown) -> tuple[tuple[str, str, str], ...]:
    """The benchmark's main figure, of all units or of the first group."""
    benchmark = _BY_NAME.get(shown.benchmark)
    if benchmark is None or not shown.groups():
        return ()
    group = WHOLE if WHOLE in shown.groups() else shown.groups()[0]
    begins = "pass@" if shown.benchmark == "pass-at-k" else benchmark.main
    of = "" if group == WHOLE else f" of {cell(group, 40)}"
    return tuple((group, name, f"{cell(name)}{of}") for name in shown.metrics(group) if name.startswith(begins))[:1]


def _sources(facts: Mapping[str, object]) -> str:
    """What gave the scores, and how often it was asked."""
    names = [facts.get("scores"), facts.get("against")]
    shown = [", ".join(map(str, name)) if isinstance(name, list) else str(name) for name in names if name]
    if set(shown) <= {"stored"}:
        return ""
    told_sources = f"Scores: {' against '.join(map(cell, shown))}."
    asked = [
        f"{cell(one.get('name'))} gave {count(one.get('judgements'))} judgements"
        + (f", {count(one['truncated'])} of them of cut texts" if one.get("truncated") else "")
        for one in objects(list(mapping(facts.get("models")).values()))
        if one.get("judgements")
    ]
    return f"{told_sources} {'; '.join(asked)}." if asked else told_sources


def _note(shown: Shown) -> str:
    benchmark = _BY_NAME.get(shown.benchmark)
    return (benchmark.note or "") if benchmark is not None else ""


def _doubts(shown: Shown) -> Sequence[str]:
    """What the benchmark says of its figures, where those that it looks at are all there."""
    benchmark = _BY_NAME.get(shown.benchmark)
    if benchmark is None:
        return []
    needs = {(WHOLE, name) for name in (*WANTED, *DIFFERENCES)} if shown.benchmark == "sensitivity" else set()
    return benchmark.doubts(shown.figures) if needs <= shown.found.keys() else []
