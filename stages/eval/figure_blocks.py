"""Forms in which figures of any benchmark are shown: bars with intervals, tables, and two sources beside each other.

What each benchmark is shown by is the business of sections.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from stages.core.charts import bars
from stages.core.sections import Block, Drawing, Grid
from stages.core.shown import cell, distinct
from stages.eval.measured import AGAINST, WHOLE, Figure
from stages.eval.shown_figures import DIFFERENCE, Shown, told, told_interval, told_value

MOST_BARS: Final = 14
MOST_GROUPS: Final = 40
MOST_ROWS: Final = 120

_HEAD: Final = ("value", "95 % interval", "n")


def bar_chart(title: str, entries: Mapping[str, Figure | None], *, note: str = "", zero: float = 0.0) -> list[Block]:
    """Bars with intervals and their numbers; nothing where no figure is defined."""
    drawn = {name: one for name, one in entries.items() if one is not None and one.value is not None}
    if not drawn:
        return []
    named = dict(zip(distinct(list(drawn)), drawn.values(), strict=True))
    first = dict(list(named.items())[:MOST_BARS])
    values = {name: one.value for name, one in first.items() if one.value is not None}
    bounds = {name: (one.low, one.high) for name, one in first.items() if one.low is not None and one.high is not None}
    if len(named) > MOST_BARS:
        note = f"{note} The first {MOST_BARS} of {len(named):,} are drawn.".strip()
    said = f"{title}: {_span(values)}"
    rows = [(name, told_value(one.value), told_interval(one), f"{one.n:,}") for name, one in named.items()]
    grid = Grid(title="Numbers", head=("", *_HEAD), rows=rows[:MOST_GROUPS], folded=True)
    markup = bars(said, values, intervals=bounds, zero=zero)
    return [Drawing(title=title, markup=markup, said=said, note=note, numbers=grid)]


def by_group(title: str, shown: Shown, metric: str, *, note: str = "") -> list[Block]:
    """One metric's bars: of all units first, then of the groups with the most units, highest first."""
    found = {name: one for name in shown.groups(metric) if (one := shown.get(name, metric)) is not None}
    every = found.pop(WHOLE, None)
    largest = sorted(found, key=lambda name: -found[name].n)[: MOST_BARS - 1]
    ranked = sorted(largest, key=lambda name: -(found[name].value or 0))
    if len(found) > len(largest):
        note = f"{note} The {len(largest)} largest of {len(found):,} groups.".strip()
    return bar_chart(title, {WHOLE: every, **{name: found[name] for name in ranked}}, note=note)


def group_table(
    title: str, shown: Shown, metrics: Sequence[str], *, bare: bool = False, folded: bool = False
) -> list[Block]:
    """Groups by metrics, each cell a value with its interval; the largest groups where there are too many.

    `bare`: values alone, without intervals and the groups' numbers of units.
    """
    present = [name for name in metrics if shown.groups(name)]
    if not present:
        return []
    groups = shown.groups(*present)
    size = {name: max((one.n for m in present if (one := shown.get(name, m))), default=0) for name in groups}
    kept = set(sorted(groups, key=lambda name: (name != WHOLE, -size[name]))[:MOST_GROUPS])
    note = f"The {MOST_GROUPS} largest of {len(groups):,} groups." if len(groups) > MOST_GROUPS else ""
    rows = [
        (cell(name), *(told_value(shown.value(name, metric)) for metric in present))
        if bare
        else (cell(name), *(told(shown.get(name, metric)) for metric in present), f"{size[name]:,}")
        for name in groups
        if name in kept
    ]
    head = ("group", *map(cell, present), *(() if bare else ("n",)))
    return [Grid(title=title, head=head, rows=rows, note=note, folded=folded)]


def figure_table(title: str, entries: Mapping[str, Figure | None], *, note: str = "") -> list[Block]:
    """Some figures, a line each, with their intervals; nothing where none is defined."""
    rows = [
        (cell(name), told_value(one.value), told_interval(one), f"{one.n:,}")
        for name, one in entries.items()
        if one is not None and one.value is not None
    ]
    return [Grid(title=title, head=("", *_HEAD), rows=rows, note=note)] if rows else []


def comparison(shown: Shown) -> list[Block]:
    """The first source of scores against the second: both values and the difference, figure by figure."""
    rows, shares, main = [], dict[str, Figure](), None
    for one in shown.figures:
        if not one.metric.endswith(DIFFERENCE):
            continue
        name = one.metric.removesuffix(DIFFERENCE)
        pair = shown.get(one.group, name), shown.get(one.group, f"{name}{AGAINST}")
        rows.append((cell(one.group), cell(name), *map(told, pair), told(one)))
        main = main or name
        if (name == main or one.group == WHOLE) and all(
            side is not None and 0 <= (side.value or 0) <= 1 for side in pair
        ):
            shares[f"{one.group}: {name}"] = one
    if not rows:
        return []
    head = ("group", "metric", "first source", "second source (against)", "difference")
    note = f"The first {MOST_ROWS // 2} of {len(rows):,}." if len(rows) > MOST_ROWS // 2 else ""
    told_by = "Paired: the same drawn units for both. An interval that leaves out 0 tells them apart."
    chart = bar_chart("First source of scores minus the second", shares, note=told_by)
    return [*chart, Grid(title="Both sources", head=head, rows=rows[: MOST_ROWS // 2], note=note, folded=True)]


def everything(shown: Shown) -> list[Block]:
    """All figures as they are stored, behind a click."""
    rows = [
        (cell(one.group), cell(one.metric), told_value(one.value), told_interval(one), f"{one.n:,}")
        for one in shown.figures[:MOST_ROWS]
    ]
    if not rows:
        return []
    more = len(shown.figures) > MOST_ROWS
    note = f"The first {MOST_ROWS} of {len(shown.figures):,}; `rlbff cat` prints all." if more else ""
    return [Grid(title="All figures", head=("group", "metric", *_HEAD), rows=rows, note=note, folded=True)]


def _span(values: Mapping[str, float]) -> str:
    """The highest and the lowest of several values, in words."""
    top, bottom = max(values, key=lambda name: values[name]), min(values, key=lambda name: values[name])
    if values[top] == values[bottom]:
        return f"{top} {told_value(values[top])}{f', as all {len(values)}' if len(values) > 1 else ''}."
    return f"highest {top} {told_value(values[top])}, lowest {bottom} {told_value(values[bottom])}, of {len(values)}."
