"""The curves of training: loss and norm of the gradient over optimiser steps.

A long run has more steps than a drawing has room for: neighbours make one point, their mean, with a band from the 10th
to the 90th percentile.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from stages.core.charts import lines
from stages.core.sections import Drawing, Grid
from stages.core.shown import count, is_number
from stages.train_rm.step_log import read_steps

_MOST_POINTS: Final = 60
_TABLE: Final = 10
"""Lines of the table below a curve."""

_CURVES: Final = (
    ("Loss", "loss", (("loss", "loss of rows"), ("pair_loss", "loss of pairs"))),
    ("Gradient", "norm before clipping", (("grad_norm", "norm of the gradient"),)),
)
"""Title, axis, and the metrics that share it with the names of their lines."""

_OF_LOG: Final = ("loss", "pair_loss", "grad_norm")


class _Point(NamedTuple):
    """Steps `first` to `last`: where they are drawn, their mean, and the 10th and the 90th percentile."""

    first: int
    last: int
    at: float
    mean: float
    low: float
    high: float


def training_blocks(rows: Sequence[dict[str, Any]]) -> list[Drawing]:
    """Curves of lines of the metrics table that have a step."""
    values: dict[str, dict[int, float]] = {}
    for row in rows:
        if isinstance(row.get("step"), int) and is_number(row.get("value")):
            values.setdefault(str(row.get("metric")), {})[row["step"]] = row["value"]
    drawings = []
    for title, axis, metrics in _CURVES:
        found = {name: _points(values[metric]) for metric, name in metrics if metric in values}
        if found:
            drawings.append(_curve(title, axis, found))
    return drawings


def steps_in_log(folder: Path) -> list[dict[str, Any]]:
    """The steps that a run has taken so far, from its log, as lines of the metrics table; damaged logs are left out."""
    rows = []
    for path in sorted(folder.glob("*/steps.jsonl"))[-1:]:
        rows += list(_of_log(path))
    return rows


def _of_log(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for record in read_steps(path):
            for metric in _OF_LOG:
                yield {"step": record.step, "metric": metric, "value": getattr(record, metric)}
    except (OSError, ValueError, TypeError):  # a line that is no step ends the log
        return


def _points(values: dict[int, float]) -> list[_Point]:
    steps = np.array(sorted(values))
    numbers = np.array([values[step] for step in steps.tolist()], dtype=np.float64)
    cuts = np.array_split(np.arange(len(steps)), min(_MOST_POINTS, len(steps)))
    return [
        _Point(
            int(steps[cut[0]]),
            int(steps[cut[-1]]),
            float(steps[cut].mean()),
            float(numbers[cut].mean()),
            *(float(one) for one in np.quantile(numbers[cut], (0.1, 0.9))),
        )
        for cut in cuts
    ]


def _curve(title: str, axis: str, found: dict[str, list[_Point]]) -> Drawing:
    several = any(one.last > one.first for own in found.values() for one in own)
    ends = {name: f"from {_told(own[0].mean)} to {_told(own[-1].mean)}" for name, own in found.items()}
    said = " ".join(f"The {name} goes {ends[name]} over {count(own[-1].last)} steps." for name, own in found.items())
    bands = {name: [(one.at, one.low, one.high) for one in own] for name, own in found.items()} if several else None
    every = {name: own[:: max(1, -(-len(own) // _TABLE))] for name, own in found.items()}
    rows = [
        (name, _span(one), _told(one.mean), _told(one.low), _told(one.high))
        for name, own in every.items()
        for one in own
    ]
    return Drawing(
        title=title,
        markup=lines(
            said,
            {name: [(one.at, one.mean) for one in own] for name, own in found.items()},
            x="optimiser step",
            y=axis,
            bands=bands,
        ),
        said=said,
        note="Means of neighbouring steps; the band holds four fifths of them." if several else "",
        numbers=Grid(
            title=f"{title} by steps", head=("", "steps", "mean", "10th percentile", "90th"), rows=rows, folded=True
        ),
    )


def _span(one: _Point) -> str:
    return str(one.first) if one.first == one.last else f"{one.first} to {one.last}"


def _told(value: float) -> str:
    return f"{value:.4g}"
