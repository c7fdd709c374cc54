"""What a report shows of a folder of principles: its filters, evidence, agreement, thresholds, and principles.

From what the run stored; where it is not finished, from the sums of its finished parts. Asks no model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from stages.core.errors import RlbffError
from stages.core.manifest import hidden, planned_options
from stages.core.sections import Section
from stages.core.shown import cell, count, is_number, percent
from stages.core.stored import finished_parts, mapping, parts_note, stored_facts, stored_stats, stored_sums
from stages.extract_principles.agreement import Agreement
from stages.extract_principles.evidence_blocks import evidence_blocks
from stages.extract_principles.figure_blocks import (
    agreement_blocks,
    curve_blocks,
    match_blocks,
    waterfall_blocks,
)
from stages.extract_principles.principle_blocks import principle_blocks, taxonomy_blocks
from stages.extract_principles.stats import Stats, stats_from_json
from stages.extract_principles.summary import agreements, facts
from stages.extract_principles.taxonomy import Taxonomy
from stages.extract_principles.taxonomy_file import parse_taxonomy

_GIVEN: Final = "helpsteer3-principle"
"""The layout whose rows have a principle and its label ready-made."""

_NOTE_ON_FEEDBACK: Final = (
    "The feedback is read from the run's input where that is still there; otherwise it is put together from the quotes "
    "in this folder. · and … stand for what no quote covers or what was cut. Annotators are counted from 1."
)

_DAMAGED: Final = (KeyError, TypeError, ValueError, AttributeError, AssertionError, IndexError)
"""What reading sums raises that are not as this version writes them."""


def sections(root: Path) -> list[Section]:
    """Sections on the folder `root`; what is missing or damaged is left out and told among the doubts."""
    found = _find(root)
    trouble = list(found.trouble)
    options = planned_options(root)
    examples = evidence_blocks(root, options.get("layout"), trouble)
    parts = [
        Section(
            title="From mentions to principles",
            blocks=[*waterfall_blocks(found.facts, found.sums), *match_blocks(found.facts)],
            note="" if found.finished else parts_note(root),
            doubts=[*trouble, *_doubts(found)],
        ),
        Section(
            title="Evidence in its feedback",
            blocks=examples,
            note=_NOTE_ON_FEEDBACK,
        ),
        Section(
            title="Agreement and consensus",
            blocks=[*agreement_blocks(found.facts), *curve_blocks(found.facts, options.get("consensus_threshold"))],
            doubts=[] if found.given else _doubts_of_consensus(found.facts),
        ),
        Section(
            title="Principles",
            blocks=[*principle_blocks(found.stats.names), *taxonomy_blocks(found.taxonomy)],
            note=parts_note(root),
        ),
    ]
    return [part for part in parts if part.blocks or part.doubts]


class _Found(NamedTuple):
    """What there is: whether the run was finished and labels were given, figures, sums of parts, and the taxonomy.

    `trouble` is what cannot be read.
    """

    finished: bool
    given: bool
    facts: Mapping[str, Any]
    stats: Stats
    sums: Mapping[str, Any]
    taxonomy: Taxonomy | None
    trouble: tuple[str, ...]


def _find(root: Path) -> _Found:
    trouble: list[str] = []
    stats, sums, figures = Stats(), stored_sums(root), stored_facts(root)
    finished = bool(figures)
    try:
        for stored in stored_stats(root, finished_parts(root)):
            stats.merge(stats_from_json(stored))
        agreed = {} if finished else _agreed(root, stats)
        figures = figures or facts(sums, stats, agreed, consensus=_uses_consensus(root))
    except _DAMAGED as error:
        trouble.append(
            f"The sums under .rlbff/stats are damaged ({type(error).__name__}); what rests on them is missing."
        )
        stats = Stats()
    return _Found(
        finished,
        planned_options(root).get("layout") == _GIVEN,
        figures,
        stats,
        sums,
        _taxonomy(root, trouble),
        tuple(trouble),
    )


def _agreed(root: Path, stats: Stats) -> dict[str, Agreement]:
    seed = planned_options(root).get("seed")
    return agreements(stats, seed if isinstance(seed, int) and seed >= 0 else 0)


def _uses_consensus(root: Path) -> bool:
    return planned_options(root).get("consensus_active") is True


def _taxonomy(root: Path, trouble: list[str]) -> Taxonomy | None:
    path = hidden(root, "report") / "taxonomy.yaml"
    if not path.is_file():
        return None
    try:
        return parse_taxonomy(path.read_text(encoding="utf-8"), path.name)
    except (RlbffError, OSError, UnicodeDecodeError) as error:
        trouble.append(f"The taxonomy cannot be read: {cell(error, 300)}")
        return None


def _doubts(found: _Found) -> list[str]:
    """What a reader should know of the extraction before believing its rows."""
    counts, sentences = mapping(found.sums.get("counts")), []
    raw, kept = counts.get("raw"), counts.get("kept_mentions", 0)
    dropped = sum(mapping(found.sums.get("dropped_by")).values())
    if is_number(raw) and raw != kept + dropped:
        sentences.append(
            f"The counts do not add up: {count(raw)} mentions were found, {count(kept)} kept, {count(dropped)} dropped."
        )
    held_out = mapping(found.facts.get("extractor_held_out"))
    if found.given:
        sentences.append("Principles and labels came with the input: nothing was extracted, and there is no evidence.")
    elif found.facts.get("fidelity") == "demo":
        sentences.append(
            "The built-in rules read the feedback, not a large language model as in the paper. On "
            f"{count(held_out.get('texts'))} held-out texts {percent(held_out.get('precision'))} of what they found "
            f"was right, and {percent(held_out.get('recall'))} of what there was to find was found."
        )
    if counts.get("evidence_in_prompt"):
        sentences.append(
            f"{count(counts['evidence_in_prompt'])} quotes stand in the conversation too: annotators may repeat it."
        )
    if found.sums.get("written") == 0 and raw:
        sentences.append("No mention passed all filters: the folder has no rows.")
    return sentences


def _doubts_of_consensus(figures: Mapping[str, Any]) -> list[str]:
    sentences = []
    if figures.get("consensus") is False and figures.get("principles_written"):
        sentences.append("There was no consensus filter: each label rests on what single annotators said.")
    rate, conflicts = figures.get("label_conflict_rate"), figures.get("label_conflicts")
    if is_number(rate) and rate:
        sentences.append(
            f"Annotators who mean the same principle give it different labels in {percent(rate)} of the groups that "
            f"match by text ({count(conflicts)})."
        )
    return sentences
