"""What a run says to a person: which extractor reads, and the tables at the end. Decides and stores nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stages.core.progress import Progress
from stages.extract_principles.config import ExtractPrinciplesConfig
from stages.extract_principles.rules.score import HELD_OUT
from stages.extract_principles.taxonomy import Taxonomy
from stages.extract_principles.tools import uses_rules

_MOST_CLUSTERS: Final = 10

SILENT_WHEN_IDLE: Final = ("contradiction", "consensus", "single_annotator", "taxonomy")
"""Filters that most runs do not have."""


def say_what_reads(config: ExtractPrinciplesConfig, layout: str, progress: Progress) -> None:
    """The notices that belong before a run."""
    if uses_rules(config.llm):
        progress.notice(rules_notice())
    if layout.startswith("helpsteer3"):
        progress.notice(
            "HelpSteer3 publishes the three annotators who agree best, so agreement measured on it is optimistic."
        )


def one_annotator_a_row(repeated: int) -> str:
    """The warning for feedback of several annotators that came one row each."""
    return (
        f"{repeated:,} rows have the conversation and response of an earlier row. If they are other annotators of the "
        "same response, join their texts into one list under 'feedback': consensus needs them in one row."
    )


def nothing_left(folder: Path, facts: Mapping[str, Any]) -> str:
    """The warning for a finished run without a principle: which filter took them, and what to do."""
    waterfall = facts["waterfall"]
    raw = waterfall[0]["left"]
    if not raw:
        return "No principle was found in the feedback. Is it the right column?"
    most = max(waterfall, key=lambda step: step["dropped"])
    remedy = " --consensus off keeps what a single annotator says." if most["name"] == "consensus" else ""
    return (
        f"No principle is left: {most['name']} dropped {most['dropped']:,} of {raw:,} mentions; "
        f"rlbff cat {folder} --dropped shows them.{remedy}"
    )


def rules_notice() -> str:
    """What a user of the built-in rules must know."""
    return (
        "The built-in rules read the feedback. They are not the extractor of the paper, which is a large language "
        f"model. On {HELD_OUT.texts} held-out texts ({HELD_OUT.sources}) {HELD_OUT.precision:.0%} of what they found "
        f"was right and {HELD_OUT.recall:.0%} of what there was to find was found. "
        "Name a model with --llm http://host:8000/v1 or --llm local:MODEL."
    )


def show(facts: Mapping[str, Any], taxonomy: Taxonomy | None, progress: Progress) -> None:
    """The waterfall, agreement between annotators, the threshold curve and the largest clusters."""
    steps = [
        (
            step["name"],
            step["left"],
            step["dropped"],
            _percent(step["share_of_raw"]),
            _percent(step["share_of_previous"]),
        )
        for step in facts["waterfall"]
        if step["dropped"]
        or step["name"] not in SILENT_WHEN_IDLE
        or (step["name"] == "consensus" and facts["consensus"])
    ]
    title = "Mentions left after each filter (a mention: one principle in one annotator's feedback)"
    progress.table(title, ("filter", "left", "dropped", "of raw", "of previous"), steps)
    bins = [(name, count) for name, count in facts["evidence_match"].items() if count]
    if bins and bins[0][0] != "100":
        progress.table("How well evidence matches the feedback", ("match", "principles"), bins)
    if any(value["units"] for value in facts["agreement"].values()):
        progress.table(
            "Agreement on matched principles: Krippendorff's alpha, Fleiss' kappa (95 % intervals)",
            ("domain", "responses", "principles", "alpha", "kappa"),
            [
                (name, value["responses"], value["units"], _interval(value["alpha"]), _interval(value["kappa"]))
                for name, value in facts["agreement"].items()
            ],
        )
    if facts["curve"]:
        _show_curve(facts["curve"], progress)
    if taxonomy is not None:
        largest = taxonomy.clusters[:_MOST_CLUSTERS]
        rows = [(one.name, len(one.members), one.rows, _percent(one.yes_rate)) for one in largest]
        title = f"The {len(largest)} largest of {len(taxonomy.clusters)} clusters"
        progress.table(title, ("cluster", "names", "rows", "yes"), rows)


def _show_curve(points: Sequence[Mapping[str, Any]], progress: Progress) -> None:
    chained = {point["threshold"]: point for point in points if point["rule"] == "component"}
    progress.table(
        "What other consensus thresholds keep, and with chains (A~B~C counts though A and C do not match)",
        ("threshold", "rows", "unique", "label conflict", "rows with chains", "unique"),
        [
            (
                f"{point['threshold']:.2f}",
                point["rows"],
                point["unique_principles"],
                _percent(point["label_conflict_rate"]),
                chained[point["threshold"]]["rows"],
                chained[point["threshold"]]["unique_principles"],
            )
            for point in points
            if point["rule"] == "every"
        ],
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _interval(value: Mapping[str, float | None]) -> str:
    if value["value"] is None:
        return "-"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
