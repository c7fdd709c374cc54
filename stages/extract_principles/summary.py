"""What users look at after a run, from the sums of all parts: waterfall, agreement, threshold curve, taxonomy.

Values in, values out; `run.py` stores and shows them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from stages.extract_principles.agreement import Agreement, agreement
from stages.extract_principles.curve import CurvePoint
from stages.extract_principles.embedding import Embedder
from stages.extract_principles.stats import Stats
from stages.extract_principles.taxonomy import Taxonomy
from stages.extract_principles.taxonomy_build import build_taxonomy, fold_spellings, frequent_names

RULES: Final = ("evidence", "artefact", "partially", "contradiction", "consensus", "single_annotator", "taxonomy")
"""The filters in the order in which they act."""


class Step(NamedTuple):
    """One line of the waterfall: principles left after it, dropped by it, both shares of what was left."""

    name: str
    left: int
    dropped: int
    share_of_raw: float | None
    share_of_previous: float | None


def waterfall(raw: int, dropped_by: Mapping[str, int]) -> list[Step]:
    """From the raw principles to the kept ones, with the share left of the raw count and of the previous step."""
    steps = [Step("raw", raw, 0, *_shares(raw, raw, raw))]
    for rule in RULES:
        before = steps[-1].left
        left = before - dropped_by.get(rule, 0)
        steps.append(Step(rule, left, before - left, *_shares(left, raw, before)))
    return steps


def _shares(left: int, raw: int, before: int) -> tuple[float | None, float | None]:
    return (left / raw if raw else None), (left / before if before else None)


def histogram(matches: Mapping[str, int]) -> list[tuple[str, int]]:
    """How well evidence matches the feedback: mentions by ten-wide bins of the match, and those of exactly 100."""
    bins = [(f"{low} to {low + 10}", matches.get(str(low), 0)) for low in range(0, 100, 10)]
    return [*bins, ("100", matches.get("100", 0))]


def agreements(stats: Stats, seed: int) -> dict[str, Agreement]:
    """Agreement between annotators over all domains (under the name `all`) and in each."""
    everything = Counter[str]()
    for patterns in stats.votes.values():
        everything.update(patterns)
    result = {"all": agreement(everything, seed=seed)}
    if len(stats.votes) > 1:
        result |= {domain: agreement(stats.votes[domain], seed=seed) for domain in sorted(stats.votes)}
    return result


def taxonomy_of(stats: Stats, embedder: Embedder, threshold: float) -> Taxonomy | None:
    """Clusters of the principles that were written, or None if there are none."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for domain in sorted(stats.names):
        for name, (yes, no) in sorted(stats.names[domain].items()):
            counts.setdefault(name, {})[domain] = (yes, no)
    if not counts:
        return None
    folded = fold_spellings(counts)
    names = frequent_names(folded)
    return build_taxonomy(folded, names, embedder.embed(names), threshold=threshold, embedder=embedder.name)


def facts(
    total: Mapping[str, Any], stats: Stats, agreed: Mapping[str, Agreement], *, consensus: bool
) -> dict[str, object]:
    """Everything of a finished run as JSON: for the manifest, for --json, and for the pages of the report."""
    counts, unique = total["counts"], {name for names in stats.names.values() for name in names}
    matched, conflicts = counts.get("matched", 0), counts.get("label_conflicts", 0)
    return {
        "principles_written": total["written"],
        "unique_principles": len(unique),
        "waterfall": [step._asdict() for step in waterfall(counts.get("raw", 0), total["dropped_by"])],
        "evidence_match": dict(histogram(stats.matches)),
        "yes_share": _yes_share(counts),
        "consensus": consensus,
        "label_conflicts": conflicts,
        "label_conflict_rate": conflicts / matched if matched else None,
        "evidence_in_prompt": counts.get("evidence_in_prompt", 0),
        "chains": counts.get("chains", 0),
        "ties": counts.get("ties", 0),
        "agreement": {name: _plain(value) for name, value in agreed.items()},
        "curve": [point._asdict() for point in _points(stats)] if consensus else [],
    }


def _yes_share(counts: Mapping[str, int]) -> float | None:
    yes, no = counts.get("verdict_yes", 0), counts.get("verdict_no", 0)
    return yes / (yes + no) if yes + no else None


def _plain(value: Agreement) -> dict[str, object]:
    return {"alpha": value.alpha._asdict(), "kappa": value.kappa._asdict(), **_sizes(value)}


def _sizes(value: Agreement) -> dict[str, object]:
    return {"responses": value.responses, "units": value.units}


def _points(stats: Stats) -> Sequence[CurvePoint]:
    return stats.curve.points()
