"""How scores are distributed, by label and by principle, and how often what has a probability is so.

Scores are read once, into arrays; labels count only where they are about the principle that was scored.
"""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages.core.charts import heat, histogram, reliability_diagram
from stages.core.sections import Drawing, Grid
from stages.core.shown import cell, count, decimal, distinct, is_number, percent, wilson
from stages.core.stored import column_names, stored_rows
from stages.rewards.calibration import sigmoid

MOST_ROWS: Final = 1_000_000
"""Scores that are read; a folder may have more."""

_BINS: Final = 30
_SHADES: Final = 12
"""Columns of the table of principles and scores."""

_MOST_PRINCIPLES: Final = 10
_RELIABILITY_BINS: Final = 10
_LARGEST: Final = 3.5e38
"""More than a score of 32 bits can be."""


@dataclass
class Scores:
    """Scores as they lie in shards: p is NaN where there is none, label 1, 0, or -1, principle a number of `names`.

    `odd` counts scores that are no finite numbers.
    """

    score: "array[float]" = field(default_factory=lambda: array("d"))
    p: "array[float]" = field(default_factory=lambda: array("d"))
    label: "array[int]" = field(default_factory=lambda: array("b"))
    principle: "array[int]" = field(default_factory=lambda: array("l"))
    names: dict[str, int] = field(default_factory=dict)
    odd: int = 0

    @property
    def has_p(self) -> bool:
        """Whether any score has a calibrated probability."""
        return bool(np.isfinite(np.array(self.p)).any())

    def add(self, row: Mapping[str, Any], *, renamed: bool) -> None:
        """Take in one row; `renamed`: the input's own principle stands beside the one that was scored."""
        score, p, label = row.get("score"), row.get("p_yes"), row.get("label")
        if not isinstance(score, int | float) or not is_number(score) or abs(score) > _LARGEST:
            self.odd += 1
            return
        about = isinstance(label, bool) and (not renamed or row.get("input_principle") == row.get("principle"))
        self.score.append(score)
        self.p.append(p if isinstance(p, int | float) and is_number(p) and 0 <= p <= 1 else np.nan)
        self.label.append(int(label is True) if about else -1)
        self.principle.append(self.names.setdefault(str(row.get("principle") or ""), len(self.names)))


def read_scores(paths: Sequence[Path], trouble: list[str]) -> Scores:
    """The scores of some shards."""
    found, renamed = Scores(), "input_principle" in column_names(paths)
    columns = ("score", "p_yes", "label", "principle", "input_principle")
    for batch in stored_rows(paths, columns, trouble, most=MOST_ROWS):
        for row in batch:
            found.add(row, renamed=renamed)
    return found


def distribution_blocks(scores: Scores, best: Scores | None, by: Sequence[Mapping[str, Any]]) -> list[Drawing | Grid]:
    """The histogram of all scores, and where those of the most frequent principles lie; `by` are figures of these."""
    if not len(scores.score):
        return []
    blocks: list[Drawing | Grid] = [_histogram(scores, best)]
    figures = _figures(by)
    if any(scores.names):
        return [*blocks, _by_principle(scores, figures)]
    return blocks if figures is None else [*blocks, figures]


def _histogram(scores: Scores, best: Scores | None) -> Drawing:
    values, labels = np.array(scores.score), np.array(scores.label)
    series = {"all responses": values}
    if best is not None and len(best.score):
        series = {"all responses": values, "best responses": np.array(best.score)}
    elif (labels >= 0).any():
        series = {"label yes": values[labels == 1], "label no": values[labels == 0]}
        if (labels < 0).any():
            series["no label"] = values[labels < 0]
    every = np.concatenate([*series.values()])
    edges = edges_of(float(every.min()), float(every.max()), _BINS)
    whole = {name: 100.0 / len(own) if best is not None else 1.0 for name, own in series.items() if len(own)}
    drawn = {name: (np.histogram(series[name], edges)[0] * part).tolist() for name, part in whole.items()}
    told = [f"{name} {decimal(float(own.mean()), 2)}" for name, own in series.items() if len(own)]
    ends = f"from {decimal(values.min(), 2)} to {decimal(values.max(), 2)}"
    said = f"{count(len(values))} scores {ends}; mean of {', '.join(told)}."
    rows = [_quantiles(name, own) for name, own in series.items() if len(own)]
    head = ("", "scores", "mean", "5th percentile", "25th", "median", "75th", "95th")
    return Drawing(
        title="Distribution of scores",
        markup=histogram(said, drawn, edges.tolist(), x="score"),
        said=said,
        note="" if best is None else "Heights: percent of all responses, and of the best ones.",
        numbers=Grid(title="Distribution of scores", head=head, rows=rows, folded=True),
    )


def _quantiles(name: str, values: NDArray[np.float64]) -> tuple[str, ...]:
    ends = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    return name, count(len(values)), decimal(float(values.mean())), *(decimal(end) for end in ends)


def edges_of(low: float, high: float, bins: int) -> NDArray[np.float64]:
    """Edges of so many bins of equal width, which have some width even where all numbers are the same."""
    if not high > low + 1e-9 * max(abs(low), abs(high)):
        pad = 0.5 * max(1.0, abs(low))
        low, high = low - pad, high + pad
    return np.linspace(low, high, bins + 1)


def _by_principle(scores: Scores, figures: Grid | None) -> Drawing:
    """Where the scores of each principle lie: its share of responses in each range of scores."""
    values, owners = np.array(scores.score), np.array(scores.principle)
    names = {number: name for name, number in scores.names.items()}
    sizes = Counter(dict(enumerate(np.bincount(owners, minlength=len(names)).tolist())))
    largest = [number for number, _ in sizes.most_common(_MOST_PRINCIPLES)]
    edges = edges_of(float(values.min()), float(values.max()), _SHADES)
    shares = np.stack([np.histogram(values[owners == one], edges)[0] / sizes[one] for one in largest])
    means = {one: float(values[owners == one].mean()) for one in largest}
    labels = distinct([names[one] or "(none)" for one in largest], 30)
    top, bottom = max(largest, key=means.__getitem__), min(largest, key=means.__getitem__)
    said = (
        f"Mean scores lie between {decimal(means[bottom], 2)} ({labels[largest.index(bottom)]}) and "
        f"{decimal(means[top], 2)} ({labels[largest.index(top)]})."
    )
    return Drawing(
        title="Where the scores of each principle lie",
        markup=heat(
            said,
            labels,
            [decimal(edge, 1) for edge in edges[:-1]],
            shares,
            low=0.0,
            high=max(float(shares.max()), 0.01),
        ),
        said=said,
        note=f"Shade: share of the principle's responses. Columns begin at the scores named above. {_part(len(names))}",
        numbers=figures and replace(figures, folded=True),
    )


def _part(names: int) -> str:
    return f"The {_MOST_PRINCIPLES} most frequent of {count(names)} principles." if names > _MOST_PRINCIPLES else ""


def _figures(by: Sequence[Mapping[str, Any]]) -> Grid | None:
    rows = [
        (
            cell(one.get("principle") or "(none)"),
            count(one.get("n")),
            decimal(one.get("mean_score")),
            percent(one.get("yes_rate")),
            decimal(one.get("mean_p_yes")),
        )
        for one in by
    ]
    head = ("principle", "responses", "mean score", "yes", "mean p_yes")
    return Grid(title="Scores by principle", head=head, rows=rows) if rows else None


def reliability_blocks(scores: Scores, *, raw: bool) -> list[Drawing]:
    """How often the label is yes among responses of like probability; `raw`: scores are log-odds, and drawn too."""
    p, labels = np.array(scores.p), np.array(scores.label)
    known = np.isfinite(p) & (labels >= 0)
    if not known.any():
        return []
    yes = labels[known] == 1
    series = {"calibrated": _bins(p[known], yes)}
    if raw:
        series["before calibration"] = _bins(sigmoid(np.array(scores.score)[known]), yes)
    own = series["calibrated"]
    worst = max(own, key=lambda one: abs(one[0] - one[1]))
    said = (
        f"Of {count(len(yes))} labelled responses {percent(float(yes.mean()))} are yes; the mean of p_yes is "
        f"{percent(float(p[known].mean()))}. The bin that is farthest from its probability has a mean p_yes of "
        f"{percent(worst[0])}, and {percent(worst[1])} of it are yes."
    )
    rows = [
        (name, decimal(at, 3), percent(share), f"{percent(low)} to {percent(high)}", count(n))
        for name, bins in series.items()
        for at, share, n, (low, high) in bins
    ]
    return [
        Drawing(
            title="Reliability",
            markup=reliability_diagram(
                said,
                {name: [(at, share) for at, share, _, _ in bins] for name, bins in series.items()},
                {"calibrated": [(at, low, high) for at, _, _, (low, high) in own]},
            ),
            said=said,
            note="On the diagonal, probabilities are what they say. Band: Wilson's 95 % interval of each of "
            f"{_RELIABILITY_BINS} bins of equal width, rows taken as independent.",
            numbers=Grid(
                title="Reliability", head=("", "mean p", "yes", "95 % interval", "responses"), rows=rows, folded=True
            ),
        )
    ]


def _bins(p: NDArray[np.float64], yes: NDArray[np.bool_]) -> list[tuple[float, float, int, tuple[float, float]]]:
    """Of each bin that has any: mean probability, share of yes, responses, and the interval of the share."""
    place = np.minimum((p * _RELIABILITY_BINS).astype(np.int64), _RELIABILITY_BINS - 1)
    result = []
    for one in np.unique(place).tolist():
        inside = place == one
        n, hits = int(inside.sum()), int(yes[inside].sum())
        result.append((float(p[inside].mean()), hits / n, n, wilson(hits, n)))
    return result
