"""RewardBench 2: how often the right one of several answers is scored highest (Malik et al., arXiv 2506.01937).

Five subsets ask for the best of four; the sixth, Ties, has a formula of its own (`ties.py`). The benchmark's figure is
the mean of the six.

Shapes: N prompts.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer, answer
from stages.eval.fields import Unfit, messages_field, numbers_field, text_field, texts_field
from stages.eval.measured import WHOLE, Measured, Name
from stages.eval.ties import combine, margins

SUBSETS: Final = ("Factuality", "Focus", "Math", "Precise IF", "Safety", "Ties")

_TIES: Final = "Ties"


class Prompt(NamedTuple):
    """One row: its answers, the `num_correct` right ones first. In Ties, `kind` is ref or tied, `number` the pair's."""

    answers: tuple[Answer, ...]
    subset: str
    num_correct: int
    kind: str
    number: str
    scores: tuple[float, ...] | None


def read(row: Row, file: str) -> Prompt:
    """A row of the data set; scores where it has `scores`, in the order chosen, then rejected."""
    prompt, subset = messages_field(row, "prompt"), text_field(row, "subset")
    chosen, rejected = texts_field(row, "chosen"), texts_field(row, "rejected")
    if not chosen or not rejected:
        raise Unfit("bad_length", "chosen", "the row needs at least one right and one wrong answer.")
    kind, _, number = str(row["id"]).partition(":") if subset == _TIES else ("", "", "")
    if subset == _TIES and kind not in ("ref", "tied"):
        raise Unfit("bad_value", "id", f"the id of a Ties row is {row['id']!r}; it must be ref:NUMBER or tied:NUMBER.")
    if kind == "tied" and len(chosen) < 2:
        raise Unfit("bad_length", "chosen", "a tied row needs two right answers or more.")
    answers = tuple(answer(prompt, text) for text in chosen + rejected)
    scores = numbers_field(row, "scores", len(answers)) if row.get("scores") is not None else None
    return Prompt(answers, subset, len(chosen), kind, number, scores)


def credit(scores: Sequence[float], num_correct: int = 1) -> float:
    """1 if a right answer (they come first) has the highest score alone, 1/m if m answers share it, 0 if none does."""
    best = max(scores)
    winners = [place for place, score in enumerate(scores) if score == best]
    return 1 / len(winners) if winners[0] < num_correct else 0.0


def measure(items: Sequence[Prompt]) -> Measured:
    """The score of each subset and their mean; units are drawn within subsets, a tied prompt with its reference."""
    subsets = sorted({item.subset for item in items})
    code = np.array([subsets.index(item.subset) for item in items])
    best = np.array([credit(item.scores or (), item.num_correct) for item in items])
    ties = _Ties(items)

    def compute(rows: Rows) -> NDArray[np.float64]:
        values = [
            ties.score(rows[code[rows] == place]) if name == _TIES else best[rows[code[rows] == place]].mean()
            for place, name in enumerate(subsets)
        ]
        return np.array([np.mean(values), *values])

    counts = [(WHOLE, len(items)), *((name, int((code == place).sum())) for place, name in enumerate(subsets))]
    return Measured(
        names=tuple(Name(group, "score", n) for group, n in counts),
        compute=compute,
        clusters=ties.clusters,
        strata=code.astype(np.int64),
    )


def missing(items: Sequence[Prompt]) -> str | None:
    """Which subsets of the published figure are not there, as a sentence; None where all are."""
    lost = [name for name in SUBSETS if name not in {item.subset for item in items}]
    if not lost:
        return None
    return (
        f"The group `all` is the mean of the subsets that are there; the published figure also has {', '.join(lost)}."
    )


class _Ties:
    """The margins of all rows as arrays (N,), NaN outside Ties, and which rows are drawn together."""

    def __init__(self, items: Sequence[Prompt]) -> None:
        names = [f"tie {item.number}" if item.kind else f"row {place}" for place, item in enumerate(items)]
        _, clusters = np.unique(names, return_inverse=True)
        self.clusters = clusters.astype(np.int64)
        self._ref = np.array([item.kind == "ref" for item in items])
        pairs = [_margins_of(item) for item in items]
        self._spread, self._gap = np.array(pairs, dtype=np.float64).T
        gaps = {item.number: pair[1] for item, pair in zip(items, pairs, strict=True) if item.kind == "ref"}
        self._partner = np.array([gaps.get(item.number, np.nan) if item.kind == "tied" else np.nan for item in items])

    def score(self, rows: Rows) -> float:
        ref, tied = rows[self._ref[rows]], rows[~self._ref[rows]]
        return combine(self._gap[ref], self._gap[tied], self._spread[tied], self._partner[tied])


def _margins_of(item: Prompt) -> tuple[float, float]:
    if not item.kind:
        return np.nan, np.nan
    scores = item.scores or ()
    return margins(scores[: item.num_correct], scores[item.num_correct :])
