"""The best response to a prompt beside the worst, for a few prompts, and the margins between chosen and rejected.

Which prompts are shown depends on scores alone: those with the largest, the middle and the smallest margin.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from stages.core.charts import histogram
from stages.core.sections import Drawing, Grid, Pair, Passage
from stages.core.shown import cell, chat_text, count, decimal, excerpt, is_number
from stages.core.stored import objects, stored_rows
from stages.score.distribution_blocks import MOST_ROWS, edges_of
from stages.score.standing import Standings
from stages.score.tally import digest

SCANNED: Final = 5_000
"""Rows among which prompts are looked for."""

_BINS: Final = 24
_PARTS: Final = 4
"""Principles whose scores stand beside the one that they were combined to."""

_RANKS: Final = ("Largest", "Middle", "Smallest")

_SCORED: Final = ("prompt", "completion", "principle", "score", "p_yes", "label", "input_principle", "parts")
_PAIRED: Final = ("prompt", "chosen", "rejected", "principle", "score_chosen", "score_rejected", "margin")


class _Duel(NamedTuple):
    """The rows of the better and the worse response, and by how much the better wins."""

    margin: float
    better: int
    worse: int


def ranked_blocks(paths: Sequence[Path], trouble: list[str]) -> list[Pair]:
    """From shards of scores: the best and the worst response to a few prompts, under one principle if any."""
    standings = Standings()
    for place, row in _numbered(paths, ("prompt", "completion", "principle", "score"), trouble):
        score = row.get("score")
        if isinstance(score, int | float) and is_number(score) and row.get("prompt") is not None:
            group = digest([row["prompt"], row.get("principle")])
            standings.add(group, digest(row.get("completion")), float(score), place)
    duels = [_Duel(one.best - one.worst, one.best_at, one.worst_at) for one in standings.groups if one.n > 1]
    return [
        Pair(
            title=_title(rank, duel.margin, better),
            above=excerpt(chat_text(better.get("prompt"))),
            left=_scored("Best", better),
            right=_scored("Worst", worse),
        )
        for rank, duel, better, worse in _chosen(duels, paths, _SCORED)
    ]


def pair_blocks(paths: Sequence[Path], trouble: list[str]) -> list[Pair]:
    """From shards of preferences: a few pairs."""
    duels = [
        _Duel(float(row["margin"]), place, place)
        for place, row in _numbered(paths, ("margin",), trouble)
        if is_number(row.get("margin"))
    ]
    return [
        Pair(
            title=_title(rank, duel.margin, row),
            above=excerpt(chat_text(row.get("prompt"))),
            left=_passage("Chosen", row.get("chosen"), f"score {decimal(row.get('score_chosen'))}"),
            right=_passage("Rejected", row.get("rejected"), f"score {decimal(row.get('score_rejected'))}"),
        )
        for rank, duel, row, _ in _chosen(duels, paths, _PAIRED)
    ]


def margin_blocks(paths: Sequence[Path], trouble: list[str]) -> list[Drawing]:
    """The histogram of the margins of pairs."""
    found = [
        float(row["margin"])
        for batch in stored_rows(paths, ("margin",), trouble, most=MOST_ROWS)
        for row in batch
        if is_number(row.get("margin"))
    ]
    if not found:
        return []
    margins = np.array(found)
    edges = edges_of(min(0.0, float(margins.min())), float(margins.max()), _BINS)
    said = f"The margins of {count(len(found))} pairs: median {decimal(float(np.median(margins)))}, "
    said += f"from {decimal(margins.min())} to {decimal(margins.max())}."
    ends = np.quantile(margins, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    head = ("pairs", "mean", "5th percentile", "25th", "median", "75th", "95th")
    row = (count(len(found)), decimal(float(margins.mean())), *(decimal(end) for end in ends))
    return [
        Drawing(
            title="By how much the chosen response wins",
            markup=histogram(
                said, {"pairs": np.histogram(margins, edges)[0].tolist()}, edges.tolist(), x="margin of the scores"
            ),
            said=said,
            numbers=Grid(title="Margins", head=head, rows=[row], folded=True),
        )
    ]


def _numbered(
    paths: Sequence[Path], columns: Sequence[str], trouble: list[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    place = 0
    for batch in stored_rows(paths, columns, trouble, most=SCANNED):
        for row in batch:
            yield place, row
            place += 1


def _chosen(
    duels: Sequence[_Duel], paths: Sequence[Path], columns: Sequence[str]
) -> Iterator[tuple[str, _Duel, dict[str, Any], dict[str, Any]]]:
    """The duels that are shown, each with its rank and its two rows."""
    ordered = sorted(duels, key=lambda duel: (-duel.margin, duel.better, duel.worse))
    places = [0, len(ordered) // 2, len(ordered) - 1]
    shown = {places[k]: _RANKS[k] for k in (1, 2, 0)} if ordered else {}
    wanted = {row for place in shown for row in (ordered[place].better, ordered[place].worse)}
    rows = {place: row for place, row in _numbered(paths, columns, []) if place in wanted} if wanted else {}
    for place, rank in sorted(shown.items()):
        duel = ordered[place]
        if duel.better in rows and duel.worse in rows:
            yield rank, duel, rows[duel.better], rows[duel.worse]


def _title(rank: str, margin: float, row: dict[str, Any]) -> str:
    principle = f", {cell(row['principle'])}" if row.get("principle") else ""
    return f"{rank} margin: {decimal(margin)}{principle}"


def _scored(title: str, row: dict[str, Any]) -> Passage:
    told = [f"score {decimal(row.get('score'))}"]
    if is_number(row.get("p_yes")):
        told.append(f"p_yes {decimal(row['p_yes'], 2)}")
    if isinstance(row.get("label"), bool) and row.get("input_principle", row.get("principle")) == row.get("principle"):
        told.append(f"label {'yes' if row['label'] else 'no'}")
    told += [
        f"{cell(part.get('principle'), 40)} {decimal(part.get('score'))}" for part in objects(row.get("parts"))[:_PARTS]
    ]
    return _passage(title, row.get("completion"), ", ".join(told))


def _passage(title: str, completion: object, about: str) -> Passage:
    return Passage(title=title, pieces=[(excerpt(chat_text(completion)), "")], about=about)
