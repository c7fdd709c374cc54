"""AlpacaEval: the win rate against a reference, and its preferences recomputed from the judge's log-probabilities.

The judge writes one letter, m or M, for the better output; the order of the two outputs was shuffled (Dubois et al.,
arXiv 2404.04475). The length-controlled win rate is not computed.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.intervals import Rows
from stages.core.rows import Row
from stages.eval.answers import Answer
from stages.eval.fields import Unfit, number_field
from stages.eval.measured import WHOLE, Measured, Name

_TOLERANCE: Final = 1e-6


class Judgement(NamedTuple):
    """One row: the stored preference (1 the reference is better, 2 the model is) and the log-probability of M and m.

    `log_probs` is None where the judge's were not stored; a letter that is not among the top ones has minus infinity.
    """

    answers: tuple[Answer, ...]
    preference: float
    log_probs: tuple[float, float] | None
    scores: tuple[float, ...]


def read(row: Row, file: str) -> Judgement:
    """A row of annotations.json."""
    preference = number_field(row, "preference")
    if not 1 <= preference <= 2:
        raise Unfit("bad_value", "preference", f"field 'preference' is {preference:g}; it must lie between 1 and 2.")
    return Judgement((), preference, log_probs_of(row.get("raw_completion")), ())


def log_probs_of(completion: Any) -> tuple[float, float] | None:  # noqa: ANN401 - any JSON value
    """(log p(M), log p(m)) among the first token's top log-probabilities of a stored answer; None without them."""
    try:
        top = completion["logprobs"]["content"][0]["top_logprobs"]
        found = {entry["token"]: float(entry["logprob"]) for entry in top}
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    pair = found.get("M", -math.inf), found.get("m", -math.inf)
    return None if pair == (-math.inf, -math.inf) else pair


def probability(log_m1: float, log_m2: float) -> float:
    """One letter against the other, e^a / (e^a + e^b); at most one log-probability may be minus infinity."""
    difference = log_m2 - log_m1
    return 1 / (1 + math.exp(difference)) if difference < 700 else 0.0


def reproduced(preference: float, p: float) -> bool:
    """Whether the stored preference is 1 + p or 2 - p: the order that the judge saw was shuffled and is not stored."""
    return min(abs(preference - 1 - p), abs(preference - 2 + p)) <= _TOLERANCE


def measure(items: Sequence[Judgement]) -> Measured:
    """The win rate, mean(preference) - 1, and the share of preferences that the log-probabilities reproduce."""
    wins = np.array([item.preference - 1 for item in items])
    stored = np.array([item.log_probs is not None for item in items])
    same = np.array([bool(item.log_probs and _same(item.preference, item.log_probs)) for item in items])

    def compute(rows: Rows) -> NDArray[np.float64]:
        known = rows[stored[rows]]
        return np.array([wins[rows].mean(), same[known].mean() if len(known) else np.nan])

    names = (Name(WHOLE, "win_rate", len(items)), Name(WHOLE, "reproduced", int(stored.sum())))
    units = np.arange(len(items))
    return Measured(names=names, compute=compute, clusters=units, strata=np.zeros_like(units))


def _same(preference: float, log_probs: tuple[float, float]) -> bool:
    return reproduced(preference, probability(*log_probs))
