"""What a person sees after training: how good the model is, and whether it reads the response and the principle."""

from collections.abc import Iterable, Mapping
from typing import Final

from stages.rewards.calibration import Platt
from stages.train_rm.ablations import HIDDEN, MAJORITY, SHUFFLED
from stages.train_rm.figures import Figure
from stages.train_rm.measures import ALL, CALIBRATED, RAW, TEST

_MISSING: Final = "-"


def summarise(figures: Iterable[Figure], platt: Platt | None) -> dict[str, str]:
    """Return a line for each thing to know about an entailment model, all of the test split."""
    found = _by_metric(figures)
    source = RAW if platt is None else CALIBRATED
    accuracy = found[f"accuracy.{source}"]
    facts = {
        "held out": f"accuracy {_with_interval(accuracy)}, AUROC {_number(found[f'auroc.{source}'])} "
        f"on {accuracy.n:,} rows of the test split",
        "calibration": _calibration(found, platt),
        "majority per principle": f"{_number(found[f'accuracy.{MAJORITY}'])}, the model's accuracy less this: "
        f"{_with_interval(found[f'accuracy.minus_{MAJORITY}'])}",
    }
    for title, name in (("shuffled principles", SHUFFLED), ("hidden response", HIDDEN)):
        if f"accuracy.{name}" in found:
            facts[title] = (
                f"accuracy {_number(accuracy)} -> {_number(found[f'accuracy.{name}'])}, "
                f"majority {_number(found[f'accuracy.{MAJORITY}'])}"
            )
    return facts


def doubts(figures: Iterable[Figure]) -> list[str]:
    """Return a sentence for each thing that the model shows no sign of, by the 95 % intervals of the test split."""
    found = _by_metric(figures)
    claims = (
        (SHUFFLED, ("accuracy", "auroc"), "with other principles in their place the model judges as well", "principle"),
        (HIDDEN, ("accuracy", "auroc"), "without the response the model judges as well", "response"),
    )
    sentences = []
    if not _is_above(found, "accuracy", MAJORITY):
        sentences.append(
            "The model is not better than the majority of each principle by more than its interval: accuracy "
            f"{_with_interval(found[f'accuracy.minus_{MAJORITY}'])} above it."
        )
    for name, metrics, finding, what in claims:
        if f"accuracy.{name}" in found and not any(_is_above(found, metric, name) for metric in metrics):
            sentences.append(
                f"Nothing shows that the model reads the {what}: {finding}, accuracy falls by "
                f"{_with_interval(found[f'accuracy.minus_{name}'])}."
            )
    return sentences


def summarise_pairs(figures: Iterable[Figure]) -> dict[str, str]:
    """Return the lines of a Bradley-Terry model, of the test split."""
    found = _by_metric(figures)
    return {
        "held out": f"accuracy {_with_interval(found['accuracy'])} on {found['accuracy'].n:,} pairs of the test split, "
        f"mean margin {_with_interval(found['mean_margin'])}"
    }


def _by_metric(figures: Iterable[Figure]) -> Mapping[str, Figure]:
    return {one.metric: one for one in figures if one.benchmark == TEST and one.group == ALL}


def _calibration(found: Mapping[str, Figure], platt: Platt | None) -> str:
    if platt is None:
        return "none could be fitted"
    steps = (
        f"{title} {_number(found[f'{metric}.{RAW}'])} -> {_number(found[f'{metric}.{CALIBRATED}'])}"
        for title, metric in (("NLL", "nll"), ("ECE", "ece"))
    )
    return f"{', '.join(steps)} by temperature {platt.temperature:.3g} and bias {platt.bias:.3g}"


def _is_above(found: Mapping[str, Figure], metric: str, rival: str) -> bool:
    low = found[f"{metric}.minus_{rival}"].low
    return low is not None and low > 0


def _with_interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return _number(figure)
    return f"{_number(figure)} [{figure.low:.2f}, {figure.high:.2f}]"


def _number(figure: Figure) -> str:
    return _MISSING if figure.value is None else f"{figure.value:.2f}"
