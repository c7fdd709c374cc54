"""Calibration before and after temperature and bias, on the half that they were fitted on and on the other.

Conversations are halved by a hash of the prompt, so that no conversation lies in both and the order of rows does not
matter.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DataError
from stages.core.intervals import Rows
from stages.eval.measured import WHOLE, Measured, Name, join
from stages.eval.scored_rows import ScoredRow, by_conversation, conversations_of, families, labels_of, scores_of
from stages.rewards.calibration import (
    Floats,
    Labels,
    Platt,
    auroc,
    balanced_accuracy,
    brier,
    equal_mass_bins,
    expected_calibration_error,
    fit_platt,
    logit,
    nll,
    sigmoid,
    sweep_error,
    tally,
)

FIT: Final = "fit half"
HELD_OUT: Final = "held-out half"

_METRICS: Final = (
    *("nll", "brier", "reliability", "resolution", "uncertainty", "within_bins", "ece", "adaptive_ece"),
    *("auroc", "balanced_accuracy", "yes_rate", "mean_p"),
)

_NOISY: Final = ("reliability", "resolution", "ece", "adaptive_ece")


def measure(items: Sequence[ScoredRow], smallest: int) -> Measured:
    """All rows with raw and stored probabilities; both halves raw and fitted; then each principle of the second half.

    Metrics are named after what gave the probabilities: `.raw` sigmoid(score), `.platt` with temperature and bias
    fitted on the first half, `.p_yes` those stored in the rows.

    Raises:
        DataError: there is one conversation only, so that nothing can be held out.
    """
    scores, labels = scores_of(items), labels_of(items)
    in_fit = conversations_of(items) % 2 == 0
    if in_fit.all() or not in_fit.any():
        raise DataError(
            f"The {len(items):,} rows cannot be halved by conversation: there are too few prompts. "
            "Calibration is fitted on one half and measured on the other; give it more conversations."
        )
    platt = fit_platt(scores[in_fit], labels[in_fit])
    raw = {"raw": scores}
    fitted = raw if platt is None else raw | {"platt": platt.log_odds(scores)}
    everything = np.arange(len(items))
    stored = [item.p_yes for item in items]
    given = {} if None in stored else {"p_yes": logit(np.array(stored, dtype=np.float64))}
    held_out = everything[~in_fit]
    parts = [
        _section(WHOLE, everything, raw | given, labels),
        _section(HELD_OUT, held_out, fitted, labels),
        _section(FIT, everything[in_fit], fitted, labels),
        _parameters(everything[in_fit], scores, labels),
        *_reliability(held_out, fitted, labels),
    ]
    for name, rows in families([items[place] for place in held_out], smallest).items():
        parts.append(_section(name, held_out[rows], fitted, labels))
    return by_conversation(join(*parts), items)


def _section(group: str, members: Rows, log_odds: dict[str, Floats], labels: Labels) -> Measured:
    """All metrics of some of the rows, for each source of probabilities."""
    names = tuple(
        Name(group, f"{metric}.{source}", len(members), metric in _NOISY) for source in log_odds for metric in _METRICS
    )

    def figures(rows: Rows) -> list[float]:
        return [value for odds in log_odds.values() for value in _figures(odds[rows], labels[rows])]

    return _on(members, len(labels), names, figures)


def _figures(log_odds: Floats, labels: Labels) -> list[float]:
    p = sigmoid(log_odds)
    counts = tally(p, labels)
    return [
        nll(log_odds, labels),
        *brier(counts),
        expected_calibration_error(counts),
        sweep_error(counts),
        auroc(tally(log_odds, labels)),
        balanced_accuracy(log_odds, labels),
        float(labels.mean()),
        float(p.mean()),
    ]


def _parameters(members: Rows, scores: Floats, labels: Labels) -> Measured:
    """Temperature and bias themselves, fitted anew on every draw."""
    names = tuple(Name(FIT, metric, len(members)) for metric in Platt._fields)

    def figures(rows: Rows) -> list[float]:
        return list(fit_platt(scores[rows], labels[rows]) or (np.nan, np.nan))

    return _on(members, len(labels), names, figures)


def _reliability(members: Rows, log_odds: dict[str, Floats], labels: Labels) -> list[Measured]:
    """Mean probability and share of yes in each of the equal-mass bins."""
    parts = []
    for source, odds in log_odds.items():
        p = sigmoid(odds)
        whole = equal_mass_bins(tally(p[members], labels[members]))
        names = tuple(
            Name(f"bin {number:02d}", f"{what}.{source}", int(rows))
            for what in ("mean_p", "yes_rate")
            for number, rows in enumerate(whole.rows, start=1)
        )
        parts.append(_on(members, len(labels), names, _bin_figures(p, labels, len(whole.rows))))
    return parts


def _bin_figures(p: Floats, labels: Labels, count: int) -> Callable[[Rows], list[float]]:
    def figures(rows: Rows) -> list[float]:
        cut = equal_mass_bins(tally(p[rows], labels[rows]))
        short = [np.nan] * (count - len(cut.rows))
        return [*cut.p[:count], *short, *cut.label[:count], *short]

    return figures


def _on(members: Rows, total: int, names: tuple[Name, ...], figures: Callable[[Rows], list[float]]) -> Measured:
    """Figures of those drawn rows that are among `members`."""
    inside = np.zeros(total, dtype=np.bool_)
    inside[members] = True
    units = np.arange(total)

    def compute(rows: Rows) -> NDArray[np.float64]:
        mine = rows[inside[rows]]
        return np.array(figures(mine) if len(mine) else [np.nan] * len(names))

    return Measured(names=names, compute=compute, clusters=units, strata=np.zeros_like(units))
