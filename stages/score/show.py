"""What a run says to a person: scores that are not comparable, and the figures at the end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stages.core.progress import Progress

_MOST_PRINCIPLES: Final = 10


def combined_raw(model: str, rows: int) -> str:
    """The warning for log-odds that were combined without calibration."""
    return (
        f"{model} is not calibrated, so that {rows:,} scores combine raw log-odds; those of principles with different "
        "shares of Yes are not comparable. train-rm stores a calibration with the models that it trains."
    )


def show(facts: Mapping[str, Any], progress: Progress) -> None:
    """The most frequent principles with their scores."""
    rows = [
        (
            one["principle"] or "-",
            one["n"],
            f"{one['mean_score']:.3f}",
            _percent(one["yes_rate"]),
            "-" if one["mean_p_yes"] is None else f"{one['mean_p_yes']:.3f}",
        )
        for one in facts["principles"][:_MOST_PRINCIPLES]
    ]
    number = facts["principles_in_all"]
    if not rows:
        return
    title = "Scores by principle" if number <= len(rows) else f"Scores by principle, the {len(rows)} of {number:,} most"
    progress.table(title, ("principle", "responses", "mean score", "yes", "mean p_yes"), rows)


def closing_facts(
    sums: Mapping[str, Any], facts: Mapping[str, Any], model_facts: Mapping[str, object], what: str, root: Path
) -> dict[str, object]:
    """The last lines of a run. `sums` are those of manifest.total; `what` names the rows that were written."""
    fates = " + ".join(f"{sums['rows'][fate]:,} {fate}" for fate in ("kept", "dropped", "rejected"))
    closing: dict[str, object] = {"input": f"{sums['rows']['in']:,} rows = {fates}"}
    if sums["dropped_by"]:
        closing["dropped"] = ", ".join(f"{rule} {count:,}" for rule, count in sorted(sums["dropped_by"].items()))
    counts = facts["counts"]
    closing["reward model"] = facts["rm"]
    closing["judged"] = f"{counts.get('responses', 0):,} responses, {counts.get('judgements', 0):,} judgements"
    if counts.get("left_out"):
        closing["left out"] = f"{counts['left_out']:,} judgements that could not be made (--missing skip)"
    if counts.get("truncated"):
        closing["truncated"] = f"{counts['truncated']:,} responses, of whose conversation a part was left out"
    if facts["compared_pairs"]:
        share = facts["tied_pairs"] / facts["compared_pairs"]
        closing["ties"] = (
            f"{_percent(share)} of {facts['compared_pairs']:,} pairs of responses to one prompt have equal scores"
        )
    closing["written"] = f"{sums['written']:,} {what} to {root}"
    told = ("pairs", "responses", "truncated")
    return closing | {f"model {name}": value for name, value in model_facts.items() if name not in told}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
