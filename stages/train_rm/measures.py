"""How good a reward model is on conversations that it was not trained on.

The temperature and the bias are fitted on the calibration split alone; everything is measured on both splits, and what
the model is compared with on the test split. Arrays in, lines of the metrics table out.

Shapes: N rows or pairs.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from stages.core.intervals import Rows
from stages.rewards.calibration import (
    Floats,
    Labels,
    Platt,
    auroc,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    fit_platt,
    nll,
    sigmoid,
    tally,
)
from stages.train_rm.ablations import MAJORITY
from stages.train_rm.figures import Draws, Figure, figures_of, rows_by_name

CALIBRATION: Final = "calibration split"
TEST: Final = "test split"
ALL: Final = "all"
RAW: Final = "raw"
CALIBRATED: Final = "calibrated"

_METRICS: Final = ("loss", "nll", "accuracy", "balanced_accuracy", "auroc", "brier", "ece")
_COMPARED: Final = ("nll", "accuracy", "balanced_accuracy", "auroc", "brier")
_OF_PAIRS: Final = ("accuracy", "ties", "mean_margin", "loss")


class Scored(NamedTuple):
    """Raw log-odds, labels, soft labels, principle families and conversations of one split, all (N,)."""

    scores: Floats
    labels: Labels
    targets: Floats
    families: Sequence[str]
    conversations: Sequence[str]


class Measures(NamedTuple):
    """The figures, the calibration that was fitted (None where none can be), and what may be wrong, in sentences."""

    figures: tuple[Figure, ...]
    platt: Platt | None
    warnings: tuple[str, ...]


def measure(
    calibration: Scored,
    test: Scored,
    *,
    majority: Floats,
    ablations: Mapping[str, Floats],
    groups: Mapping[str, Rows],
    smallest: int,
    draws: Draws,
) -> Measures:
    """Return all figures of an entailment model.

    Metrics end in `.raw` and `.calibrated`, for log-odds as they are and with temperature and bias; Yes is a log-odds
    above 0. `majority` (N,) are log-odds for the rows of the test split that need no calibration, `ablations` raw ones
    of these rows with something taken away; `.minus_<name>` is the model's figure less theirs, on the same draws.
    `groups` are further sets of its rows; those, and principle families, have figures from `smallest` rows on.
    """
    platt = fit_platt(calibration.scores, calibration.labels, smooth=True)
    figures: list[Figure] = []
    for benchmark, split, more in ((CALIBRATION, calibration, {}), (TEST, test, groups)):
        parts = {name: rows for name, rows in more.items() if len(rows) >= smallest}
        parts |= rows_by_name(split.families, smallest)
        for group, rows in chain([(ALL, np.arange(len(split.labels)))], parts.items()):
            figures += _section(benchmark, group, split, rows, platt, draws)
    rivals = {MAJORITY: majority} | {name: _calibrated(scores, platt) for name, scores in ablations.items()}
    figures += _comparisons(test, _calibrated(test.scores, platt), rivals, draws)
    warnings = [*_warnings(CALIBRATION, calibration), *_warnings(TEST, test), *_platt_warnings(calibration, platt)]
    return Measures(tuple(figures), platt, tuple(warnings))


def measure_pairs(
    benchmark: str,
    differences: Floats,
    margins: Floats,
    conversations: Sequence[str],
    families: Sequence[str | None],
    *,
    smallest: int,
    draws: Draws,
) -> list[Figure]:
    """Return how often the better response has the higher score, over all pairs and by principle; a tie is wrong.

    `differences` (N,) are the better response's score less the worse one's, `margins` (N,) those that training asked
    for; `mean_margin` is the mean difference, `loss` the mean of -ln sigma(difference - margin).
    """
    losses = np.logaddexp(0, margins - differences)
    columns = (differences > 0, differences == 0, differences, losses)
    table = np.stack([column.astype(np.float64) for column in columns], axis=1)
    figures = []
    for group, rows in chain([(ALL, np.arange(len(table)))], rows_by_name(families, smallest).items()):
        part = table[rows]

        def compute(own: Rows, part: Floats = part) -> Floats:
            means: Floats = part[own].mean(axis=0)
            return means

        figures += figures_of(benchmark, group, _OF_PAIRS, compute, [conversations[row] for row in rows], draws)
    return figures


def _calibrated(scores: Floats, platt: Platt | None) -> Floats:
    """Raw scores where there is no calibration."""
    return platt.log_odds(scores) if platt else scores


def _section(benchmark: str, group: str, split: Scored, rows: Rows, platt: Platt | None, draws: Draws) -> list[Figure]:
    """All metrics of some rows, for each source of probabilities."""
    sources = {RAW: split.scores[rows]} | ({CALIBRATED: platt.log_odds(split.scores[rows])} if platt else {})
    labels, targets = split.labels[rows], split.targets[rows]

    def compute(own: Rows) -> Floats:
        return np.concatenate([_values(odds[own], labels[own], targets[own]) for odds in sources.values()])

    metrics = [f"{metric}.{source}" for source in sources for metric in _METRICS]
    return figures_of(benchmark, group, metrics, compute, [split.conversations[row] for row in rows], draws)


def _values(log_odds: Floats, labels: Labels, targets: Floats) -> Floats:
    """Figures named by _METRICS; `loss` is the cross-entropy with the soft labels, `nll` that with the labels."""
    counts = tally(sigmoid(log_odds), labels)
    return np.array(
        [
            (np.logaddexp(0, log_odds) - targets * log_odds).mean(),
            nll(log_odds, labels),
            ((log_odds > 0) == labels).mean(),
            balanced_accuracy(log_odds, labels),
            auroc(tally(log_odds, labels)),
            brier(counts).score,
            expected_calibration_error(counts),
        ]
    )


def _comparisons(test: Scored, own: Floats, rivals: Mapping[str, Floats], draws: Draws) -> list[Figure]:
    """What the rivals reach on the test split, and the model's figures less theirs."""
    chosen = [_METRICS.index(metric) for metric in _COMPARED]

    def compute(rows: Rows) -> Floats:
        labels, targets = test.labels[rows], test.targets[rows]
        ours, *theirs = (_values(odds[rows], labels, targets)[chosen] for odds in (own, *rivals.values()))
        return np.concatenate([part for one in theirs for part in (one, ours - one)])

    metrics = [f"{metric}.{how}{name}" for name in rivals for how in ("", "minus_") for metric in _COMPARED]
    return figures_of(TEST, ALL, metrics, compute, test.conversations, draws)


def _warnings(benchmark: str, split: Scored) -> list[str]:
    """What of a split makes figures undefined."""
    total = len(split.labels)
    if not total:
        return [f"The {benchmark} has no usable row; hold out more, or give more rows."]
    found = []
    if split.labels.all() or not split.labels.any():
        found.append(
            f"All {total:,} labels of the {benchmark} are {'yes' if split.labels[0] else 'no'}: AUROC is undefined "
            "and accuracy says nothing; train on rows with both."
        )
    if len(set(split.families)) == 1:
        found.append(
            f"All {total:,} rows of the {benchmark} judge one principle, {split.families[0]!r}: whether the model "
            "reads principles cannot be told."
        )
    if len(set(split.conversations)) == 1:
        found.append(f"The {benchmark} is a single conversation, so that its figures have no interval; hold out more.")
    return found


def _platt_warnings(split: Scored, platt: Platt | None) -> list[str]:
    if platt is None:
        return [
            "No temperature and bias could be fitted: on the calibration split, labels are all equal or scores do not "
            "rise with them. Probabilities stay as the model gives them."
        ]
    if auroc(tally(split.scores, split.labels)) == 1:
        return [
            f"The {len(split.labels):,} rows of the calibration split are told apart without a mistake: no temperature "
            f"is best, and {platt.temperature:.2g} makes probabilities too sure. Hold out more rows."
        ]
    return []
