"""What a report shows of a selection as a whole: arms side by side, lengths, distances, drops, and core rows.

Figures are those that the run left and those of the rows that it wrote; nothing is selected or measured anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from stages.core import charts
from stages.core.rows import Row
from stages.core.sections import Block, Drawing, Grid
from stages.core.shown import cell, count, decimal, distinct, is_number, percent
from stages.core.stored import objects
from stages.select_cotp.arrays import F64
from stages.select_cotp.picture import POOL

MOST_ARMS: Final = 16
MOST_CORE: Final = 20

_BINS: Final = 20
_DROPS: Final = ("duplicate", "near_duplicate", "in_core", "contaminated")


def arms_of(told: Mapping[str, Any]) -> list[Block]:
    """The arms with their figures, and drawings of the three that tell them apart."""
    arms = objects(told.get("arms"))[:MOST_ARMS]
    names = distinct([str(arm.get("arm")) for arm in arms])
    head = ("arm", "rows", "questions", "tokens", "mean tokens", "right", "mean distance", "overlap")
    rows = [
        [
            name,
            *(count(arm.get(key)) for key in ("rows", "questions", "tokens", "mean_tokens")),
            percent(arm.get("share_correct")),
            decimal(arm.get("mean_distance"), 4),
            percent(arm.get("overlap")),
        ]
        for name, arm in zip(names, arms, strict=True)
    ]
    note = (
        "Overlap: rows shared with the first arm below the pool, as Jaccard index. Mean distances compare only between "
        "arms of the same lambda, which is in the name where it is not the run's."
    )
    drawn = [
        _bars(names, arms, "Right answers", "share_correct", 100, "%"),
        _bars(names, arms, "Mean length", "mean_tokens", 1, "tokens"),
        _bars(names, [arm for arm in arms if ":" not in str(arm.get("arm"))], "Mean distance", "mean_distance", 1, ""),
    ]
    return [Grid(title="Arms", head=head, rows=rows, note=note), *filter(None, drawn)] if rows else []


def histograms_of(tokens: Mapping[str, F64], distances: Mapping[str, F64], main: str) -> list[Block]:
    """Lengths of what an arm selected before those of the pool, and distances of the arms that have any."""
    ours, pool = tokens.get(main, np.zeros(0)), tokens.get(POOL, np.zeros(0))
    blocks: list[Block] = []
    if len(ours) and len(pool):
        said = (
            f"Lengths of the {len(ours):,} completions of {cell(main)}, median {np.median(ours):,.0f} tokens, before "
            f"those of the pool's {len(pool):,}, median {np.median(pool):,.0f}."
        )
        series = {cell(main): ours, POOL: pool}
        blocks.append(_histogram("Lengths against the pool", said, series, "tokens of the completion"))
    known = {name: own for name, own in distances.items() if len(own) and ":" not in name}
    if main in known:
        ordered = {main: known[main], **known}
        medians = ", ".join(f"{cell(name)} {np.median(own):.3g}" for name, own in ordered.items())
        said = f"Distances of selected rows to the core rows they were selected for; medians: {medians}."
        blocks.append(_histogram("Distances", said, {cell(k): own for k, own in ordered.items()}, "distance"))
    return blocks


def drops_of(dropped: Mapping[str, int], rejected: int, kept: int) -> list[Block]:
    """How the pool shrinks to what was selected, and why."""
    before = sum(dropped.values()) + kept + rejected
    if not before:
        return []
    reasons = [*[name for name in _DROPS if name in dropped], *sorted(set(dropped) - {*_DROPS, "not_selected"})]
    reasons += [name for name in ("not_selected",) if name in dropped]
    losses = [("rejected", rejected), *((name, dropped[name]) for name in reasons)]
    steps, left = [("rows of the pool", float(before))], before
    for name, lost in losses:
        if lost:
            left -= lost
            steps.append((f"less {cell(name, 30).replace('_', ' ')}", float(left)))
    told = ", ".join(f"{cell(name, 30).replace('_', ' ')} {lost:,}" for name, lost in losses if lost) or "nothing"
    said = f"Of {before:,} rows of the pool {kept:,} were selected; taken out: {told}."
    numbers = Grid(title="Drops", head=("reason", "rows"), rows=[[cell(name), f"{lost:,}"] for name, lost in losses])
    return [
        Drawing(
            title="From the pool to the selection", markup=charts.waterfall(said, steps), said=said, numbers=numbers
        )
    ]


def core_rows_of(core: Sequence[Row], selected: Sequence[Row], wanted: int | None) -> tuple[list[Block], list[str]]:
    """Core rows with what was selected for each, the worst served first; and what is doubtful about them."""
    own: dict[str, list[float]] = {row["id"]: [] for row in core}
    for row in selected:
        if row.get("core_id") in own and is_number(row.get("distance")):
            own[row["core_id"]].append(row["distance"])
    if not any(own.values()):
        return [], []
    by_need = sorted(core, key=lambda row: (len(own[row["id"]]), -_mean(own[row["id"]]), row["id"]))
    lines = [
        [
            cell(row["id"]),
            cell(row.get("question_id")),
            count(len(row["patterns"]) if row.get("patterns") else None),
            count(row.get("num_tokens")),
            f"{len(found):,}",
            *(decimal(value) for value in ((min(found), _mean(found), max(found)) if found else (None,) * 3)),
        ]
        for row in by_need[:MOST_CORE]
        for found in (own[row["id"]],)
    ]
    more = len(core) - len(lines)
    note = "Fewest rows first, then the farthest." + (f" {more:,} more are not shown." if more else "")
    head = ("core row", "question", "patterns", "tokens", "selected", "nearest", "mean distance", "farthest")
    few = [name for name, found in own.items() if wanted is not None and len(found) < wanted]
    doubts = [f"{len(few):,} of {len(core):,} core rows have fewer than the {wanted:,} rows asked for."] if few else []
    return [Grid(title="Core rows", head=head, rows=lines, note=note)], doubts


def _bars(
    names: Sequence[str], arms: Sequence[Mapping[str, Any]], title: str, key: str, factor: float, unit: str
) -> Drawing | None:
    shown = dict(zip([str(name) for name in names], arms, strict=False))
    values = {name: factor * float(arm[key]) for name, arm in shown.items() if is_number(arm.get(key))}
    if not values:
        return None
    told = ", ".join(f"{name} {value:,.3g}{f' {unit}' if unit else ''}" for name, value in values.items())
    said = f"{title} of each arm: {told}."
    return Drawing(title=title, markup=charts.bars(said, values, unit=unit), said=said)


def _histogram(title: str, said: str, series: Mapping[str, F64], x: str) -> Drawing:
    """Shares in pieces of one width; the lowest and the highest value are in the first and the last."""
    every = np.concatenate(list(series.values()))
    low, high = float(every.min()), float(every.max())
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    shares = {name: (100 * np.histogram(own, edges)[0] / len(own)).tolist() for name, own in series.items()}
    return Drawing(
        title=title,
        markup=charts.histogram(said, shares, edges.tolist(), x=x),
        said=said,
        note="Heights are percent of each arm's rows.",
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
