"""How good a reward model is on held-out rows: accuracy by group, against its rivals, and before and after calibration.

From lines of the metrics table that have no step; any may be missing. Measures nothing itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from stages.core.charts import bars
from stages.core.sections import Drawing, Grid
from stages.core.shown import count, decimal, distinct, is_number, ranged
from stages.core.stored import mapping
from stages.train_rm.ablations import HIDDEN, MAJORITY, SHUFFLED
from stages.train_rm.measures import ALL, CALIBRATED, CALIBRATION, RAW, TEST

_MOST_GROUPS: Final = 20
_CHANCE: Final = 0.5

_RIVALS: Final = (
    (MAJORITY, "majority per principle"),
    (SHUFFLED, "shuffled principles"),
    (HIDDEN, "hidden response"),
)
_OF_ROWS: Final = (
    ("accuracy", "accuracy"),
    ("balanced_accuracy", "balanced accuracy"),
    ("auroc", "AUROC"),
    ("nll", "negative log-likelihood (lower is better)"),
    ("brier", "Brier score (lower is better)"),
    ("ece", "calibration error, ECE (lower is better)"),
)
_OF_PAIRS: Final = (("accuracy", "accuracy"), ("ties", "ties"), ("mean_margin", "mean margin"), ("loss", "loss"))

Row = Mapping[str, Any]


def accuracy_blocks(figures: Sequence[Row]) -> list[Drawing]:
    """Accuracy on the test split, of all rows and by group, with intervals."""
    found = _accuracies(figures)
    if not found:
        return []
    whole = [one for one in found if one["group"] == ALL]
    groups = sorted((one for one in found if one["group"] != ALL), key=lambda one: (-one["value"], str(one["group"])))
    ends = groups if len(groups) <= _MOST_GROUPS else [*groups[: _MOST_GROUPS // 2], *groups[-_MOST_GROUPS // 2 :]]
    shown = [*whole, *ends]
    unit = "pairs" if found[0].get("metric") == "accuracy" else "rows"
    told = f"Accuracy is {_told(whole[0])} on {count(whole[0].get('n'))} {unit} of the test split." if whole else ""
    if groups:
        told += f" The best group is {groups[0]['group']} ({_told(groups[0])}), the worst {groups[-1]['group']} "
        told += f"({_told(groups[-1])})."
    more = f" The {len(ends)} best and worst of {count(len(groups))} groups." if len(ends) < len(groups) else ""
    note = f"Bars begin at {_CHANCE}, which a coin reaches. Whiskers: 95 % intervals over conversations.{more}"
    return [
        _bars("Accuracy on the test split, by group", told.strip(), [str(one["group"]) for one in shown], shown, note)
    ]


def rival_blocks(figures: Sequence[Row]) -> list[Drawing]:
    """The model beside what knows the principle only, and beside itself with something taken away."""
    every = {one.get("metric"): one for one in figures if one.get("benchmark") == TEST and one.get("group") == ALL}
    own = every.get(f"accuracy.{CALIBRATED}") or every.get(f"accuracy.{RAW}")
    rivals = [(title, every[f"accuracy.{name}"]) for name, title in _RIVALS if f"accuracy.{name}" in every]
    rivals = [(title, one) for title, one in rivals if is_number(one.get("value"))]
    if own is None or not is_number(own.get("value")) or not rivals:
        return []
    told = f"The model reaches {_told(own)}, " + ", ".join(f"{title} {_told(one)}" for title, one in rivals) + "."
    note = (
        "A model that does no better with the principle, or with the response, than without it does not read it. "
        f"Bars begin at {_CHANCE}."
    )
    names = ["the model", *(title for title, _ in rivals)]
    return [
        _bars("Does it read the response and the principle?", told, names, [own, *(one for _, one in rivals)], note)
    ]


def figure_blocks(figures: Sequence[Row], card: Row) -> list[Grid]:
    """All figures of both splits: of single rows before and after calibration, of pairs as they are."""
    fitted = mapping(card.get("calibration"))
    by = f"Calibrated by temperature {decimal(fitted.get('temperature'))} and bias {decimal(fitted.get('bias'))}. "
    note = (
        f"{by if fitted else ''}Scores of single rows are not stored with a model: score held_out/test with it, and "
        "the report of that folder draws the reliability diagram."
    )
    grids = [
        _of_split(figures, TEST, note),
        _of_split(figures, CALIBRATION, "Temperature and bias were fitted on these rows, so that they flatter them."),
    ]
    return [grid for grid in grids if grid.rows]


def _of_split(figures: Sequence[Row], split: str, note: str) -> Grid:
    found = {
        str(one.get("metric")): one for one in figures if one.get("group") == ALL and one.get("benchmark") == split
    }
    folded = split != TEST
    if f"accuracy.{RAW}" in found:
        rows = [
            (title, _with_ends(found[f"{name}.{RAW}"]), _with_ends(found.get(f"{name}.{CALIBRATED}")))
            for name, title in _OF_ROWS
            if f"{name}.{RAW}" in found
        ]
        head = ("figure", "before calibration", "after calibration")
        return Grid(title=f"Figures of the {split}", head=head, rows=rows, note=note, folded=folded)
    rows = [(title, _with_ends(found[name]), count(found[name].get("n"))) for name, title in _OF_PAIRS if name in found]
    return Grid(title=f"Figures of the {split}", head=("figure", "value", "pairs"), rows=rows, folded=folded)


def _accuracies(figures: Sequence[Row]) -> list[Row]:
    """Accuracy on the test split by group: after calibration where there is one, else before, else that of pairs."""
    for metric in (f"accuracy.{CALIBRATED}", f"accuracy.{RAW}", "accuracy"):
        found = [
            one
            for one in figures
            if one.get("benchmark") == TEST and one.get("metric") == metric and is_number(one.get("value"))
        ]
        if found:
            return found
    return []


def _bars(title: str, said: str, names: Sequence[str], found: Sequence[Row], note: str) -> Drawing:
    labels = distinct(names)
    rows = [(name, count(one.get("n")), _with_ends(one)) for name, one in zip(labels, found, strict=True)]
    whiskers = {
        name: (one["low"], one["high"])
        for name, one in zip(labels, found, strict=True)
        if is_number(one.get("low")) and is_number(one.get("high"))
    }
    return Drawing(
        title=title,
        markup=bars(
            said,
            {name: one["value"] for name, one in zip(labels, found, strict=True)},
            intervals=whiskers,
            zero=_CHANCE,
        ),
        said=said,
        note=note,
        numbers=Grid(title=title, head=("", "rows", "accuracy [95 % interval]"), rows=rows, folded=True),
    )


def _told(one: Row) -> str:
    return decimal(one.get("value"), 2)


def _with_ends(one: Row | None) -> str:
    return "-" if one is None else ranged(one.get("value"), one.get("low"), one.get("high"))
