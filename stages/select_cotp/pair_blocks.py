"""What a report shows of pairs: two texts side by side, their chains as a ladder, and the cost matrices of their DTW.

Cost matrices are made anew for the few pairs that are shown; distances that decide come from the kernels.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from stages.core import charts
from stages.core.sections import Block, Drawing, Grid, Passage
from stages.core.sections import Pair as Texts
from stages.core.shown import cell, decimal, distinct, excerpt
from stages.select_cotp.alignment import shortened
from stages.select_cotp.arrays import F64, I64
from stages.select_cotp.ngrams import MeasureName, name_distances
from stages.select_cotp.picture import Pair, Side
from stages.select_cotp.picture_svg import MOST_NAMES, ladder

PIECES: Final = 24
"""Rows and columns of an entropy matrix that are drawn: each is the mean of a piece of the chain."""
MOST_CELLS: Final = 20
"""Patterns of a chain up to which their matrix is drawn."""

_EXCERPT: Final = 400
_POINTS: Final = 32


def texts_of(pair: Pair, prompts: tuple[str, str] = ("", "")) -> Texts:
    """The completions of a pair side by side; `prompts` are what the core row and the row of the pool answer."""
    rank = "" if pair.rank is None else f", rank {pair.rank}"
    figures = ", ".join(f"{name} {decimal(value)}" for name, value in pair.parts.items() if value is not None)
    return Texts(
        title=f"{cell(pair.pool.id)} for {cell(pair.core.id)} ({cell(pair.arm)}{rank})",
        above=f"{figures[:1].upper()}{figures[1:]}.",
        left=_passage("Core row", pair.core, prompts[0]),
        right=_passage("Row of the pool", pair.pool, prompts[1]),
    )


def ladder_of(pair: Pair) -> list[Block]:
    """The pattern chains of a pair with their links; nothing where it has none."""
    if pair.alignment is None or pair.weights is None or not pair.weights.max() > 0:
        return []
    places = zip(*(part.tolist() for part in pair.alignment), strict=True)
    rows = [
        [cell(pair.core.patterns[i], 40), cell(pair.pool.patterns[j], 40), f"{cost:.3g}"]
        for i, j, cost in places
        if i < MOST_NAMES and j < MOST_NAMES
    ]
    free = sum(cost == 0 for cost in pair.alignment.costs.tolist())
    said = f"{len(pair.core.patterns)} patterns of the core row beside {len(pair.pool.patterns)} of the pool's: "
    return [
        Drawing(
            title="Patterns that warp onto each other",
            markup=ladder(pair.core.patterns, pair.pool.patterns, pair.weights, pair.alignment),
            said=f"{said}{free} of {len(rows)} links cost nothing.",
            note="The darker and thicker a link, the more it costs; the filled part of a core box is its weight.",
            numbers=Grid(title="Links", head=("core", "pool", "cost"), rows=rows),
        )
    ]


def pattern_matrix(pair: Pair, measure: MeasureName) -> list[Block]:
    """The cost of every link of two short pattern chains, and the path that was taken."""
    if pair.alignment is None or pair.weights is None:
        return []
    core, pool = pair.core.patterns, pair.pool.patterns
    if max(len(core), len(pool)) > MOST_CELLS:
        return []
    cost = pair.weights[:, None] * name_distances(core, pool, measure).astype(np.float64)
    path = list(zip(pair.alignment.core.tolist(), pair.alignment.pool.tolist(), strict=True))
    sums = f"{pair.alignment.costs.sum():.4g} / {pair.weights.sum():.4g} = {decimal(pair.parts.get('d_pattern'))}"
    said = (
        f"Cost of linking {len(core)} patterns of {cell(pair.core.id)} with {len(pool)} of {cell(pair.pool.id)}, from "
        f"0 to {cost.max():.3g}; the path of least cost has {len(path)} links."
    )
    drawn = charts.heat(said, core, pool, cost, low=0.0, high=float(cost.max()) or 1.0, path=path, values_shown=True)
    note = (
        "Weight of the core row's pattern times the distance of the two names. Rows: core; columns: pool. Along the "
        f"line the costs sum, divided by the weights, to d_pattern: {sums}."
    )
    return [Drawing(title="Cost matrix of the patterns", markup=drawn, said=said, note=note)]


def entropy_matrix(pair: Pair, radius: int | None) -> list[Block]:
    """The cost of every link of two entropy chains, as means of pieces, and the path that was taken."""
    if pair.entropy is None:
        return []
    core, pool, path = pair.entropy
    cost = np.abs(core[:, None] - pool[None, :])
    if radius is not None:
        cost[np.abs(np.subtract.outer(np.arange(len(core)), np.arange(len(pool)))) > radius] = np.nan
    shrunk = _pooled(_pooled(cost).T).T
    places = zip(_pieces(path.core, len(core)), _pieces(path.pool, len(pool)), strict=True)
    longest = max(len(core), len(pool))
    high = float(np.nanmax(shrunk)) or 1.0
    said = (
        f"Cost of linking {len(core)} values of {cell(pair.core.id)} with {len(pool)} of {cell(pair.pool.id)}, as "
        f"means of up to {PIECES} x {PIECES} pieces, from 0 to {high:.3g} nats; the path has {len(path.core)} links."
    )
    drawn = charts.heat(said, (), (), shrunk, low=0.0, high=high, path=list(dict.fromkeys(places)))
    note = (
        "Absolute difference of entropies in nats. Down: core, first token on top; across: pool. Along the line the "
        f"costs sum, divided by the longer chain, to d_entropy: {path.costs.sum():.4g} / {longest} = "
        f"{decimal(pair.parts.get('d_entropy'))}."
        + ("" if radius is None else f" Empty: outside the band, {radius} of {len(core)} values wide on each side.")
    )
    return [Drawing(title="Cost matrix of the entropies", markup=drawn, said=said, note=note)]


def entropy_lines(core: Side, chain: F64, selected: Sequence[tuple[Side, F64]]) -> Drawing:
    """A core row's entropies along its completion, and those of rows that were selected for it."""
    names = distinct([core.id, *(side.id for side, _ in selected)])
    named = list(zip(names, [chain, *(own for _, own in selected)], strict=True))
    series = {f"{name} (core)" if name == names[0] else name: _along(shortened(own, _POINTS)) for name, own in named}
    means = ", ".join(f"{name} {own.mean():.3g}" for name, own in named)
    said = f"Entropy along the completion of the core row {names[0]} beside {', '.join(names[1:])}; means: {means}."
    return Drawing(
        title=f"Entropies of {names[0]} and {', '.join(names[1:])}",
        markup=charts.lines(said, series, x="share of the completion, %", y="entropy, nats a token"),
        said=said,
    )


def _along(chain: F64) -> list[tuple[float, float]]:
    """The values of a chain at the middle of their pieces, in percent of its length."""
    return [(100 * (k + 0.5) / len(chain), value) for k, value in enumerate(chain.tolist())]


def _passage(title: str, side: Side, prompt: str) -> Passage:
    right = {None: "", True: ", right", False: ", wrong"}[side.correct]
    about = f"{cell(side.id)}: question {cell(side.question_id)}, {side.num_tokens:,} tokens{right}"
    asked = f"Asked: {excerpt(prompt, _EXCERPT // 2)}\n\n" if prompt else ""
    return Passage(title=title, pieces=[(f"{asked}{excerpt(side.text, _EXCERPT)}", "")], about=about)


def _pooled(cost: F64) -> F64:
    """Rows of a matrix as means of PIECES pieces; what is nan does not count."""
    if len(cost) <= PIECES:
        return cost
    starts = _starts(len(cost))
    known = np.isfinite(cost)
    sums = np.add.reduceat(np.where(known, cost, 0.0), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def _pieces(places: I64, length: int) -> list[int]:
    """The piece that each place of a chain lies in."""
    found: list[int] = (np.searchsorted(_starts(length), places, side="right") - 1).tolist()
    return found


def _starts(length: int) -> I64:
    """Where the pieces of a chain begin."""
    num = min(PIECES, length)
    return np.arange(num, dtype=np.int64) * length // num
