"""The drawings of an extraction: the waterfall of filters, the match of evidence, agreement, consensus thresholds.

From the figures of a manifest, any of which may be missing. Reads no file.
"""

from collections.abc import Mapping
from typing import Any, Final

from stages.core.charts import bars, lines, waterfall
from stages.core.sections import Drawing, Grid
from stages.core.shown import cell, count, decimal, distinct, is_number, percent, ranged
from stages.core.stored import mapping, objects
from stages.extract_principles.show import SILENT_WHEN_IDLE

_MOST_DOMAINS: Final = 12


def waterfall_blocks(facts: Mapping[str, Any], sums: Mapping[str, Any]) -> list[Drawing]:
    """From the mentions that the extractor found to those that are the evidence of rows."""
    steps = [
        one
        for one in objects(facts.get("waterfall"))
        if is_number(one.get("left"))
        and (one.get("dropped") or one.get("name") not in SILENT_WHEN_IDLE or _is_idle_consensus(one, facts))
    ]
    if not steps or not steps[0]["left"]:
        return []
    first, last = steps[0]["left"], steps[-1]["left"]
    said = f"Of {count(first)} mentions that were found, {count(last)} are left after the last filter."
    rows = [
        (
            cell(one.get("name")),
            count(one["left"]),
            count(one.get("dropped")),
            percent(one.get("share_of_raw")),
            percent(one.get("share_of_previous")),
        )
        for one in steps
    ]
    named = [("mentions found" if one.get("name") == "raw" else cell(one.get("name")), one["left"]) for one in steps]
    return [
        Drawing(
            title="Mentions left after each filter",
            markup=waterfall(said, named),
            said=said,
            note="A mention is one principle in one annotator's feedback; those of a principle make one row together, "
            f"so that {count(last)} mentions became {count(sums.get('written'))} rows.",
            numbers=Grid(
                title="Mentions left",
                head=("filter", "left", "dropped", "of raw", "of previous"),
                rows=rows,
                folded=True,
            ),
        )
    ]


def _is_idle_consensus(step: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return step.get("name") == "consensus" and facts.get("consensus") is True


def match_blocks(facts: Mapping[str, Any]) -> list[Drawing]:
    """How well evidence matches the feedback, where not all of it does to the letter."""
    bins = {name: n for name, n in mapping(facts.get("evidence_match")).items() if is_number(n)}
    if not any(n for name, n in bins.items() if name != "100"):
        return []
    exact, everything = bins.get("100", 0), sum(bins.values())
    said = f"{percent(exact / everything)} of {count(everything)} quotes stand in the feedback to the letter."
    ordered = dict(sorted(bins.items(), key=lambda one: int(one[0].split()[0]) if one[0][:1].isdigit() else -1))
    return [Drawing(title="How well evidence matches the feedback", markup=bars(said, ordered), said=said)]


def agreement_blocks(facts: Mapping[str, Any]) -> list[Drawing]:
    """Krippendorff's alpha of all domains and of each, with Fleiss' kappa among the numbers."""
    found = [
        (name, mapping(value), mapping(mapping(value).get("alpha")))
        for name, value in list(mapping(facts.get("agreement")).items())[: _MOST_DOMAINS + 1]
        if mapping(value).get("units")
    ]
    if not any(is_number(alpha.get("value")) for _, _, alpha in found):
        return []
    labels = distinct([name for name, _, _ in found], 24)
    drawn = {name: alpha["value"] for name, (_, _, alpha) in zip(labels, found, strict=True) if _has_value(alpha)}
    whiskers = {
        name: (alpha["low"], alpha["high"])
        for name, (_, _, alpha) in zip(labels, found, strict=True)
        if _has_value(alpha) and is_number(alpha.get("low")) and is_number(alpha.get("high"))
    }
    best, worst = max(drawn, key=drawn.__getitem__), min(drawn, key=drawn.__getitem__)
    lowest, highest = f"{decimal(drawn[worst], 2)} ({worst})", f"{decimal(drawn[best], 2)} ({best})"
    said = f"Krippendorff's alpha lies between {lowest} and {highest}."
    rows = [
        (
            name,
            count(value.get("responses")),
            count(value.get("units")),
            _interval(alpha),
            _interval(value.get("kappa")),
        )
        for name, (_, value, alpha) in zip(labels, found, strict=True)
    ]
    return [
        Drawing(
            title="Agreement between annotators on matched principles",
            markup=bars(said, drawn, intervals=whiskers),
            said=said,
            note="1 is full agreement, 0 that of chance. Intervals: 95 %, responses drawn with replacement.",
            numbers=Grid(
                title="Krippendorff's alpha and Fleiss' kappa",
                head=("domain", "responses", "principles", "alpha", "kappa"),
                rows=rows,
                folded=True,
            ),
        )
    ]


def _has_value(alpha: Mapping[str, Any]) -> bool:
    return is_number(alpha.get("value"))


def _interval(value: object) -> str:
    own = mapping(value)
    return ranged(own.get("value"), own.get("low"), own.get("high"))


def curve_blocks(facts: Mapping[str, Any], threshold: object) -> list[Drawing]:
    """The rows that other consensus thresholds would keep, and with chains; a dot marks the one that was used."""
    points = [
        one for one in objects(facts.get("curve")) if is_number(one.get("threshold")) and is_number(one.get("rows"))
    ]
    every = {one["threshold"]: one for one in points if one.get("rule") == "every"}
    chained = {one["threshold"]: one for one in points if one.get("rule") == "component"}
    if not every:
        return []
    series = {"every annotator matches": [(at, float(one["rows"])) for at, one in every.items()]}
    if chained:
        series["with chains"] = [(at, float(one["rows"])) for at, one in chained.items()]
    if isinstance(threshold, int | float) and threshold in every:
        series["used here"] = [(float(threshold), float(every[threshold]["rows"]))]
    low, high = min(every), max(every)
    said = (
        f"From threshold {low} to {high} the rows go from {count(every[low]['rows'])} to {count(every[high]['rows'])}."
    )
    rows = [
        (
            decimal(at, 2),
            count(one["rows"]),
            count(one.get("unique_principles")),
            percent(one.get("label_conflict_rate")),
            count(chained.get(at, {}).get("rows")),
            count(chained.get(at, {}).get("unique_principles")),
        )
        for at, one in every.items()
    ]
    return [
        Drawing(
            title="What other consensus thresholds would keep",
            markup=lines(
                said,
                series,
                x="consensus threshold (cosine)",
                y="rows",
                y_range=(0.0, 1.05 * max((at for own in series.values() for _, at in own), default=0) or 1.0),
            ),
            said=said,
            note="With chains, A~B~C counts though A and C do not match.",
            numbers=Grid(
                title="Rows by consensus threshold",
                head=("threshold", "rows", "unique", "label conflict", "rows with chains", "unique with chains"),
                rows=rows,
                folded=True,
            ),
        )
    ]
