"""principle-pairs: how often a model prefers, of two responses to one prompt, the one that fulfils the principle.

Our own substitute for PrincipleBench, whose construction is not published. A pair is two responses to one prompt with
the same principle (equal but for case and white space) and opposite labels. The rows must be held out from training.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from stages.eval.measured import Measured, grouped_means
from stages.eval.scored_rows import ScoredRow, conversations_of, scores_of

NOTE: Final = (
    "Principles are matched by their text; two wordings of one quality make no pair. Give it rows of one taxonomy that "
    "were held out from training."
)


class Pair(NamedTuple):
    """Places, among the rows, of the response that fulfils the principle and of the one that does not."""

    yes: int
    no: int


def find_pairs(items: Sequence[ScoredRow]) -> list[Pair]:
    """Every pair of rows of one conversation and principle with opposite labels and different responses."""
    groups: dict[tuple[int, str], list[int]] = {}
    for place, item in enumerate(items):
        groups.setdefault((item.conversation, item.principle), []).append(place)
    return [
        Pair(yes, no)
        for places in groups.values()
        for yes in places
        for no in places
        if items[yes].label and not items[no].label and items[yes].answers != items[no].answers
    ]


def measure(items: Sequence[ScoredRow], smallest: int) -> Measured:
    """Accuracy mean[s(Yes) > s(No)], ties wrong and counted apart, over all pairs and by principle.

    Rows without an opposite are dropped as `no_opposite`. Conversations are drawn, not pairs.
    """
    pairs = find_pairs(items)
    yes, no = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    paired = {*yes.tolist(), *no.tolist()}
    dropped = {place: "no_opposite" for place in range(len(items)) if place not in paired}
    scores, conversations = scores_of(items), conversations_of(items)
    right = scores[yes] > scores[no]
    values = {"accuracy": right.astype(np.float64), "ties": (scores[yes] == scores[no]).astype(np.float64)}
    labels = [items[place].principle for place in yes]
    measured = grouped_means(values, labels, clusters=conversations[yes], smallest=smallest)
    return replace(measured, right=right, dropped=dropped)
