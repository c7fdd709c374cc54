"""Rows of the pool beside core rows: which are worth a look, and how their chains warp onto each other.

What it takes is stored by a run; how it is drawn is in picture.py and pair_blocks.py.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from stages.core.rows import Row
from stages.select_cotp.alignment import Curves, entropy_alignment, pattern_alignment
from stages.select_cotp.arrays import F32
from stages.select_cotp.dtw import radius_of
from stages.select_cotp.ngrams import MeasureName
from stages.select_cotp.picture import Pair, Side
from stages.select_cotp.weights import importance


class Terms(NamedTuple):
    """What the distances of a run are made of: which chains, and the options that decide how these are compared."""

    patterns: bool
    entropy: bool
    name_distance: MeasureName
    band: float | None


def spread(selected: Mapping[str, Row], most: int) -> list[tuple[str, str]]:
    """At most `most` pairs (row of the pool, core row) from the nearest to the farthest, evenly.

    `selected` are rows of the output by id; those that no core row was asked for, or without a distance, are left out.
    """
    rows = [row for row in selected.values() if row["core_id"] is not None and row["distance"] is not None]
    rows.sort(key=lambda row: (row["distance"], row["id"]))
    if not rows or not most:
        return []
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return [(rows[place]["id"], rows[place]["core_id"]) for place in places]


def weighted(rows: Sequence[Row], *, idf: Literal["smooth", "plain"], weights: Literal["tfidf", "none"]) -> list[Row]:
    """The stored core rows, each with the `weights` of its patterns."""
    found = importance(
        [row["patterns"] for row in rows], [row["question_id"] for row in rows], idf=idf, weights=weights
    )
    return [row | {"weights": own} for row, own in zip(rows, found, strict=True)]


def pair_of(core: Row, pool: Row, text: str, written: Row, terms: Terms) -> Pair:
    """A core row (`weighted`, with its `text`) beside the chains of a row of the pool, whose text is `text`.

    `written` is what the output says of that row, if it is in it.
    """
    is_own = written.get("core_id") == core["id"]
    parts: dict[str, float | None] = {"distance": written.get("distance") if is_own else None}
    alignment = weights = curves = None
    if terms.patterns and core["patterns"] and pool["patterns"]:
        weights = np.asarray(core["weights"], dtype=np.float64)
        alignment = pattern_alignment(core["patterns"], weights, pool["patterns"], terms.name_distance)
        parts["d_pattern"] = float(alignment.costs.sum() / weights.sum())
    if terms.entropy and core["bins"] and pool["bins"]:
        curves = curves_of(np.array(core["bins"], np.float32), np.array(pool["bins"], np.float32), terms.band)
        parts["d_entropy"] = float(curves.alignment.costs.sum() / max(len(curves.core), len(curves.pool)))
    return Pair(
        arm=written.get("arm", "not selected"),
        rank=written.get("rank") if is_own else None,
        core=side_of(core, core["text"]),
        pool=side_of(pool, text),
        parts=parts,
        weights=weights,
        alignment=alignment,
        entropy=curves,
    )


def curves_of(core: F32, pool: F32, band: float | None) -> Curves:
    """Two entropy chains as a run aligns them: within the band where they are equally long."""
    return entropy_alignment(core, pool, radius_of(band, len(core)) if len(core) == len(pool) else None)


def side_of(row: Row, text: str) -> Side:
    """A stored row as one side of a pair."""
    return Side(
        id=row["id"],
        question_id=row["question_id"],
        text=text,
        num_tokens=row["num_tokens"],
        correct=row["correct"],
        patterns=row["patterns"] or (),
    )
