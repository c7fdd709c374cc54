"""The figures that a metrics folder holds, read back for people, and how one of them is told.

Reads what is there, finished or not; which drawing stands for a benchmark is the business of sections.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stages.core.shards import list_parts
from stages.core.shown import MISSING, count, decimal, is_number
from stages.core.stored import stored_rows
from stages.eval.measured import AGAINST, Figure

DIFFERENCE: Final = ".difference"
"""Ending of a metric's name for the first source minus the second."""

MOST_FIGURES: Final = 20_000
"""No more figures are read of a folder; those of all units stand first in it."""

_TINY: Final = 1e-4
_HUGE: Final = 1e9
_COLUMNS: Final = ("benchmark", *Figure._fields)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The figures of one benchmark in their order; `found` has them by (group, metric), those of a comparison, too."""

    benchmark: str
    figures: Sequence[Figure]
    found: Mapping[tuple[str, str], Figure]

    def get(self, group: str, metric: str) -> Figure | None:
        """The figure, where it is there and defined."""
        figure = self.found.get((group, metric))
        return figure if figure is not None and figure.value is not None else None

    def value(self, group: str, metric: str) -> float | None:
        """Its value alone."""
        figure = self.get(group, metric)
        return None if figure is None else figure.value

    def groups(self, *metrics: str) -> list[str]:
        """The groups that have one of `metrics`, in their order; without metrics all groups."""
        return list(dict.fromkeys(one.group for one in self.own() if not metrics or one.metric in metrics))

    def metrics(self, group: str) -> list[str]:
        """The metrics of a group, in their order."""
        return list(dict.fromkeys(one.metric for one in self.own() if one.group == group))

    def own(self) -> list[Figure]:
        """The figures of the first source of scores: those of no comparison."""
        return [one for one in self.figures if not one.metric.endswith((AGAINST, DIFFERENCE))]


def read_figures(root: Path, trouble: list[str]) -> list[Shown]:
    """The figures of a folder by benchmark; `trouble` gets a sentence about what could not be read."""
    by_benchmark: dict[str, list[Figure]] = {}
    total = 0
    for batch in stored_rows(list_parts(root), _COLUMNS, trouble):
        for row in batch[: max(0, MOST_FIGURES - total)]:
            by_benchmark.setdefault(str(row.get("benchmark")), []).append(_figure(row))
        total += len(batch)
    if total > MOST_FIGURES:
        trouble.append(f"Of {total:,} figures the first {MOST_FIGURES:,} are shown.")
    return [shown_of(name, figures) for name, figures in by_benchmark.items()]


def shown_of(benchmark: str, figures: Sequence[Figure]) -> Shown:
    """Figures by their names; of two with one name the first counts."""
    found = {(one.group, one.metric): one for one in reversed(figures)}
    return Shown(benchmark=benchmark, figures=figures, found=found)


def told_value(value: float | None) -> str:
    """Three decimals of a small value, fewer of a large or a whole one; a dash where it is undefined."""
    if value is None:
        return MISSING
    if 0 < abs(value) < _TINY or abs(value) >= _HUGE:
        return f"{value:.2g}"
    if abs(value) > 1 and value == round(value):
        return count(value)
    return decimal(value, 3 if abs(value) < 10 else 1)


def told_interval(figure: Figure) -> str:
    """Its interval in brackets, a dash where there is none."""
    if figure.low is None or figure.high is None:
        return MISSING
    return f"[{told_value(figure.low)},\N{NO-BREAK SPACE}{told_value(figure.high)}]"


def told(figure: Figure | None) -> str:
    """Value and interval in one cell."""
    if figure is None or figure.value is None:
        return MISSING
    bounds = told_interval(figure)
    counted = abs(figure.value) > 1 and figure.low == figure.high  # a number that no draw changes
    return told_value(figure.value) if bounds == MISSING or counted else f"{told_value(figure.value)} {bounds}"


def _figure(row: Mapping[str, Any]) -> Figure:
    value, low, high = (_finite(row.get(name)) for name in ("value", "low", "high"))
    n = row.get("n")
    return Figure(str(row.get("group")), str(row.get("metric")), value, low, high, int(_finite(n) or 0))


def _finite(value: Any) -> float | None:  # noqa: ANN401 - whatever a foreign shard holds
    return float(value) if is_number(value) else None
