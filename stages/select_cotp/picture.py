"""The report of a selection as one page: its arms in numbers, and how some selected rows warp onto their core rows.

The page needs nothing beside itself: no script, no font, no picture from elsewhere. It holds what it is given; nothing
is measured here.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from stages.core.page import page as framed
from stages.core.page import table
from stages.core.svg import escaped
from stages.select_cotp.alignment import Alignment, Curves
from stages.select_cotp.arrays import F64, I64
from stages.select_cotp.picture_style import STYLE
from stages.select_cotp.picture_svg import LEVELS, MOST_NAMES, curves, histogram, ladder

POOL: Final = "pool"

EXCERPT: Final = 300
"""Characters of a completion that are shown."""

_BINS: Final = 24


class Arm(NamedTuple):
    """One arm, or the `pool`: lengths of its completions in tokens (rows,), and what is known of its rows.

    `correct` is the share of right answers, `distance` the mean distance to the core rows, `overlap` the Jaccard index
    with the main arm; None where there is none.
    """

    name: str
    tokens: I64
    questions: int
    correct: float | None = None
    distance: float | None = None
    overlap: float | None = None


class Side(NamedTuple):
    """One of the two rows of a pair: its completion's whole text, and its chain of pattern names.

    A side without a text is no row but a mean of rows, of which only the `id` is shown.
    """

    id: str
    question_id: str
    text: str
    num_tokens: int
    correct: bool | None = None
    patterns: Sequence[str] = ()


class Pair(NamedTuple):
    """A row of the pool beside the core row that it was selected for, or that someone asked to see it beside.

    `parts` are the distance and what it is made of, by name. `weights` (n,) and `alignment` of the pattern chains, and
    `entropy`, are None where the selection knows no such chain.
    """

    arm: str
    rank: int | None
    core: Side
    pool: Side
    parts: Mapping[str, float | None]
    weights: F64 | None = None
    alignment: Alignment | None = None
    entropy: Curves | None = None


def page(title: str, facts: Mapping[str, str], arms: Sequence[Arm], pairs: Sequence[Pair]) -> str:
    """The whole page as HTML; equal arguments give equal text."""
    return framed(title, STYLE, facts, [*(_arms(arms) if arms else ()), *(_pairs(pairs) if pairs else ())])


def _arms(arms: Sequence[Arm]) -> list[str]:
    pool = next((arm.tokens for arm in arms if arm.name == POOL), None)
    lengths = np.concatenate([arm.tokens for arm in arms])
    edges = np.linspace(lengths.min(initial=0), max(lengths.max(initial=0), lengths.min(initial=0) + 1), _BINS + 1)
    head = ("arm", "rows", "questions", "tokens", "mean tokens", "correct", "mean distance", "overlap")
    rows = [
        (
            escaped(arm.name),
            f"{len(arm.tokens):,}",
            f"{arm.questions:,}",
            f"{arm.tokens.sum():,}",
            f"{arm.tokens.mean():,.0f}" if len(arm.tokens) else _NONE,
            _share(arm.correct),
            _number(arm.distance),
            _share(arm.overlap),
        )
        for arm in arms
    ]
    figures = [
        f"<figure><figcaption>{escaped(arm.name)}</figcaption>"
        f"{histogram(arm.name, arm.tokens, edges, None if arm.name == POOL else pool)}</figure>"
        for arm in arms
    ]
    return [
        "<h2>Arms</h2>",
        table(head, rows),
        '<p class="note">Overlap: rows shared with the main arm, as Jaccard index. '
        "Mean distances compare only between arms of the same lambda.</p>",
        "<h2>Lengths of completions</h2>",
        '<p class="note">Bars: share of the arm\'s rows.'
        + ("" if pool is None else " Dashed line: the pool.")
        + " Each drawing has its own height.</p>",
        f'<div class="grid">{"".join(figures)}</div>',
    ]


def _pairs(pairs: Sequence[Pair]) -> list[str]:
    links = [
        f'<li><a href="#pair-{number}">{escaped(one.pool.id)}</a> for {escaped(one.core.id)} '
        f'<span class="soft">({escaped(one.arm)}, {_number(next(iter(one.parts.values()), None))})</span></li>'
        for number, one in enumerate(pairs, 1)
    ]
    keys = ["no cost", *(f"up to {100 * step // (LEVELS - 1)} %" for step in range(1, LEVELS))]
    legend = [
        f'<span><svg viewBox="0 0 32 12" aria-hidden="true"><line class="c{place}" x1="0" y1="6" x2="32" y2="6"/></svg>'
        f"{key}</span>"
        for place, key in enumerate(keys)
    ]
    return [
        f"<h2>Alignments</h2>\n<nav><ol>{''.join(links)}</ol></nav>",
        '<p class="note">Each link joins patterns that warp onto each other. Its cost is the weight of the core '
        "row's pattern times the distance of the two names; shades are shares of the row's largest weight. "
        "The filled part of a core box is its weight.</p>",
        f'<div class="legend">{"".join(legend)}</div>',
        *(_pair(number, one) for number, one in enumerate(pairs, 1)),
    ]


def _pair(number: int, pair: Pair) -> str:
    rank = "" if pair.rank is None else f", rank {pair.rank}"
    parts = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{_number(value)}</dd></div>" for name, value in pair.parts.items()
    )
    figures = []
    if pair.alignment is not None and pair.weights is not None:
        cut = max(len(pair.core.patterns), len(pair.pool.patterns)) > MOST_NAMES
        caption = "Patterns" + (f" (the first {MOST_NAMES} of each chain)" if cut else "")
        drawn = ladder(pair.core.patterns, pair.pool.patterns, pair.weights, pair.alignment)
        figures.append(f"<figure><figcaption>{caption}</figcaption>{drawn}{_links(pair, pair.alignment)}</figure>")
    if pair.entropy is not None:
        caption = "Entropy along the completions, with some of the links"
        figures.append(f"<figure><figcaption>{caption}</figcaption>{curves(pair.entropy)}</figure>")
    return (
        f'<article id="pair-{number}">\n<h3>{escaped(pair.pool.id)} for {escaped(pair.core.id)} '
        f'<span class="soft">({escaped(pair.arm)}{rank})</span></h3>\n'
        f"{f'<dl>{parts}</dl>' if parts else ''}\n"
        f'<div class="two">{_side(pair.core, "core")}{_side(pair.pool, "pool")}</div>\n'
        f'<div class="two">{"".join(figures)}</div>\n</article>'
    )


def _side(side: Side, kind: str) -> str:
    if not side.text:
        return ""
    right = {None: "", True: ", right", False: ", wrong"}[side.correct]
    about = f"question {escaped(side.question_id)}, {side.num_tokens:,} tokens{right}"
    more = "\N{HORIZONTAL ELLIPSIS}" if len(side.text) > EXCERPT else ""
    return (
        f'<div><p class="note"><span class="{kind}-ink">{kind}</span> {escaped(side.id)}: {about}</p>'
        f"<blockquote>{escaped(side.text[:EXCERPT])}{more}</blockquote></div>"
    )


def _links(pair: Pair, alignment: Alignment) -> str:
    """The drawing in words, for those who do not see it."""
    places = zip(alignment.core.tolist(), alignment.pool.tolist(), alignment.costs.tolist(), strict=True)
    rows = [
        (escaped(pair.core.patterns[i]), escaped(pair.pool.patterns[j]), f"{cost:.3g}")
        for i, j, cost in places
        if i < MOST_NAMES and j < MOST_NAMES
    ]
    return f'<details class="links"><summary>As a table</summary>{table(("core", "pool", "cost"), rows)}</details>'


_NONE: Final = "\N{EN DASH}"


def _number(value: float | None) -> str:
    return _NONE if value is None or np.isnan(value) else f"{value:.4g}"


def _share(value: float | None) -> str:
    return _NONE if value is None or np.isnan(value) else f"{100 * value:.1f} %"
