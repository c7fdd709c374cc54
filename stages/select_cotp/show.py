"""What a run says to a person: the arms side by side, the certificate, the scales, the figures at the end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.progress import Progress


def show(facts: Mapping[str, Any], progress: Progress) -> None:
    """The table of arms."""
    columns = ("arm", "rows", "questions", "correct", "tokens", "mean tokens", "distance", "overlap")
    rows = [
        (
            arm["arm"],
            f"{arm['rows']:,}",
            f"{arm['questions']:,}",
            _percent(arm["share_correct"]),
            f"{arm['tokens']:,}",
            "-" if arm["mean_tokens"] is None else f"{arm['mean_tokens']:,.0f}",
            "-" if arm["mean_distance"] is None else f"{arm['mean_distance']:.4f}",
            _percent(arm["overlap"]),
        )
        for arm in facts["arms"]
    ]
    progress.table("What each arm selects", columns, rows)


def closing_facts(manifest: Mapping[str, Any], facts: Mapping[str, Any], root: Path, page: Path) -> dict[str, object]:
    """The last lines of a run."""
    rows = manifest["rows"]
    drops = ", ".join(f"{reason} {count:,}" for reason, count in manifest["dropped_by"].items()) or "none"
    closing: dict[str, object] = {
        "input": f"{rows['in']:,} rows = {rows['kept']:,} selected + {rows['dropped']:,} dropped + "
        f"{rows['rejected']:,} rejected",
        "dropped": drops,
        "core": f"{facts['core_rows']:,} rows" + _each(facts),
        "chains": f"patterns: {facts['annotator']}, {facts['names']:,} names; entropies: {facts['entropy_model']}",
        "scales": f"pattern {facts['scales'][0]:.6g}, entropy {facts['scales'][1]:.6g}",
    }
    if facts["certificate"] is not None:
        closing["assignment"] = certificate(facts["certificate"])
    if (distinct := facts["distinct_nearest"].get("knn")) is not None:
        places = facts["core_rows"] * facts["per_core"]
        closing["nearest neighbours"] = f"{distinct:,} distinct rows in {places:,} places, before knn is filled up"
    closing["report"] = str(page)
    return closing | {"written": f"{manifest['written']:,} rows of the arm {facts['main']} to {root}"}


def _each(facts: Mapping[str, Any]) -> str:
    """How much is selected for each core row, where that is settled."""
    return "" if facts["main"].startswith("within") else f", {facts['per_core']:,} pool rows each"


def certificate(found: Mapping[str, Any]) -> str:
    """What is certified about the assignment, in a sentence."""
    empty = f", {found['empty']:,} places empty" if found["empty"] else ""
    longer = found["rounds"] - 1
    lists = f", lists made longer {longer} times ({found['infeasible_rounds']} without an assignment)" if longer else ""
    total = f"total distance {found['distance']:.6g}{empty}{lists}"
    if found["certified"]:
        return f"certified optimal over all pairs, {total}"
    return f"at most {100 * found['gap']:.3g} % above the optimum over all pairs, {total}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
