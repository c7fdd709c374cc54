"""What a reward model is compared with: guesses from the principle alone, and the same rows with something taken away.

Only queries and guesses are made here; what they score is measured in measures.py.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.rewards.calibration import Floats, Labels, logit
from stages.train_rm.examples import Example

MAJORITY: Final = "majority"
SHUFFLED: Final = "shuffled_principle"
HIDDEN: Final = "principle_only"

_MARKUP: Final = re.compile(
    r"^ {0,3}#{1,6} |^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S|^ {0,3}```|\*\*[^*\n]+\*\*", re.MULTILINE
)
"""Headings, list items, fences and bold words."""


def majority_log_odds(train_families: Sequence[str], train_labels: Labels, families: Sequence[str]) -> Floats:
    """Return log-odds (N,) that know the principle only: how often it is fulfilled among the rows trained on.

    p = (yes + base) / (rows + 1), base being the share of yes among all rows: above 1/2 where most of a principle's
    rows say yes, on the side of all rows where they are even or there are none.
    """
    assert len(train_families) == len(train_labels)
    base = float(np.mean(train_labels)) if len(train_labels) else 0.5
    counts: dict[str, list[int]] = {}
    for family, label in zip(train_families, train_labels, strict=True):
        count = counts.setdefault(family, [0, 0])
        count[0] += bool(label)
        count[1] += 1
    found = np.array([counts.get(family, (0, 0)) for family in families], dtype=np.float64).reshape(-1, 2)
    return logit((found[:, 0] + base) / (found[:, 1] + 1))


def shuffle_principles(examples: Sequence[Example], seed: int) -> list[Example] | None:
    """Return the rows, each with the principle of a row of another family; None where there is only one family.

    Principles are permuted at random; a row that drew its own family swaps with a random row for which that is no
    harm. Of a family that has more than half of the rows, what cannot be swapped draws from the other families.
    """
    names, codes = np.unique([example.family for example in examples], return_inverse=True)
    if len(names) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(examples))
    for row in rng.permutation(len(examples)).tolist():
        own = codes[row]
        if codes[drawn[row]] != own:
            continue
        others = np.flatnonzero((codes != own) & (codes[drawn] != own))
        if len(others):
            other = rng.choice(others)
            drawn[[row, other]] = drawn[[other, row]]
        else:
            drawn[row] = rng.choice(np.flatnonzero(codes != own))
    assert (codes[drawn] != codes).all()
    return [
        example._replace(principle=examples[other].principle, family=examples[other].family)
        for example, other in zip(examples, drawn.tolist(), strict=True)
    ]


def hide_responses(examples: Sequence[Example]) -> list[Example]:
    """Return the rows with an empty response; conversation and principle stay."""
    return [example._replace(response="") for example in examples]


def strata(examples: Sequence[Example]) -> Mapping[str, Rows]:
    """Return row numbers by what a response looks like: its third by length in characters, and whether it has markup.

    A model that judges by looks is right more often in one stratum than in another. Strata without rows are left out.
    """
    lengths = np.array([len(example.response) for example in examples])
    markup: NDArray[np.bool_] = np.array(
        [bool(_MARKUP.search(example.response)) for example in examples], dtype=np.bool_
    )
    edges = np.quantile(lengths, [1 / 3, 2 / 3]) if len(lengths) else [0, 0]
    thirds = np.searchsorted(edges, lengths)
    parts = {f"length: {name} third": thirds == n for n, name in enumerate(("shortest", "middle", "longest"))}
    parts |= {"with markup": markup, "without markup": ~markup}
    return {name: np.flatnonzero(inside) for name, inside in parts.items() if inside.any()}
