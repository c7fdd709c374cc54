"""Drawings of figures over a number: curves over k, the reliability diagram, precision of keep rules over recall."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from stages.core.charts import heat, lines, reliability_diagram
from stages.core.sections import Block, Drawing, Grid
from stages.core.shown import cell
from stages.eval.measured import WHOLE, Figure
from stages.eval.rm_bench import STYLES
from stages.eval.shown_figures import Shown, told, told_value
from stages.eval.verification import OWN

_AT_K: Final = re.compile(r"([\w-]+)@(\d{1,9})(\.against)?")
_LOGARITHMIC: Final = 32
"""Curves that reach a larger k are drawn over its logarithm."""

_BIN: Final = re.compile(r"bin \d+")
_FITTED: Final = "platt"


def over_k(title: str, shown: Shown, flat: Mapping[str, str], *, note: str = "") -> list[Block]:
    """What is `NAME@k` of all units over k, a curve a name; `flat` names metrics to draw as level lines.

    Nothing where there are fewer than two k.
    """
    curves: dict[str, dict[int, Figure]] = {}
    for (group, metric), one in shown.found.items():
        parsed = _AT_K.fullmatch(metric)
        if group == WHOLE and parsed and one.value is not None and metric not in flat.values():
            curves.setdefault(f"{parsed[1]}@k{' (against)' if parsed[3] else ''}", {})[int(parsed[2])] = one
    curves = {name: curves[name] for name in sorted(curves, key=lambda name: (name.endswith(")"), name))}
    ks = sorted({k for own in curves.values() for k in own})
    if len(ks) < 2:
        return []
    place, axis = _places(ks)
    series = {name: [(place[k], own[k].value or 0.0) for k in sorted(own)] for name, own in curves.items()}
    ends = "; ".join(f"{name} from {told_value(of[0][1])} to {told_value(of[-1][1])}" for name, of in series.items())
    for name, metric in flat.items():
        if (level := shown.value(WHOLE, metric)) is not None:
            series[name] = [(place[ks[0]], level), (place[ks[-1]], level)]
    said = f"{title}, k from {ks[0]:,} to {ks[-1]:,}: {ends}."
    bands = {name: found for name, own in curves.items() if (found := _band({place[k]: own[k] for k in sorted(own)}))}
    rows = [(f"{k:,}", *(told(own.get(k)) for own in curves.values())) for k in ks]
    markup = lines(said, series, x=axis, y="share", y_range=(0.0, 1.0), dots=True, bands=bands)
    grid = Grid(title="Numbers", head=("k", *curves), rows=rows, folded=True)
    return [Drawing(title=title, markup=markup, said=said, note=note, numbers=grid)]


def reliability(shown: Shown) -> list[Block]:
    """Mean probability against share of Yes in bins of equal mass, for each source of probabilities."""
    bins = [name for name in shown.groups() if _BIN.fullmatch(name)]
    sources = list(dict.fromkeys(metric.partition(".")[2] for name in bins for metric in shown.metrics(name)))
    series: dict[str, list[tuple[float, float]]] = {}
    bands: dict[str, list[tuple[float, float, float]]] = {}
    rows = []
    for source in sources:
        for name in bins:
            p, yes = shown.get(name, f"mean_p.{source}"), shown.get(name, f"yes_rate.{source}")
            if p is None or yes is None or p.value is None or yes.value is None:
                continue
            series.setdefault(source_name(source), []).append((p.value, yes.value))
            if source == sources[-1] and yes.low is not None and yes.high is not None:
                bands.setdefault(source_name(source), []).append((p.value, yes.low, yes.high))
            rows.append((source, name, f"{yes.n:,}", told(p), told(yes)))
    if not series:
        return []
    counts = sorted({one.n for name in bins if (one := shown.get(name, f"yes_rate.{sources[0]}"))})
    said = f"Reliability on the held-out half: {_gaps(series)}"
    note = (
        f"{len(bins)} bins of equal mass, {_between(counts)} rows each. On the diagonal a probability means what it "
        f"says; the band is the 95 % interval of the share of Yes, {source_name(sources[-1])}."
    )
    grid = Grid(
        title="Bins", head=("probabilities", "bin", "rows", "mean probability", "share of Yes"), rows=rows, folded=True
    )
    markup = reliability_diagram(said, series, bands)
    return [Drawing(title="Reliability diagram", markup=markup, said=said, note=note, numbers=grid)]


def precision_recall(shown: Shown) -> list[Block]:
    """Each keep rule's precision over its recall; a family of rules is one line, the rows' own decision a mark."""
    points: dict[str, list[tuple[float, float]]] = {}
    for rule in shown.groups("precision"):
        precision, recall = shown.value(rule, "precision"), shown.value(rule, "recall")
        if precision is not None and recall is not None:
            points.setdefault(_family(rule), []).append((recall, precision))
    if not points:
        return []
    series = {name: sorted(own) for name, own in sorted(points.items(), key=lambda item: item[0] == _family(OWN))}
    own = points.get(_family(OWN))
    said = "Precision of every keep rule over its recall" + (
        f"; the decisions in the rows: precision {told_value(own[0][1])} at recall {told_value(own[0][0])}."
        if own
        else "."
    )
    note = "Up and to the right is better. A family's rules from strict to lenient are joined."
    markup = lines(said, series, x="recall", y="precision", x_range=(0.0, 1.0), y_range=(0.0, 1.0), dots=True)
    return [Drawing(title="Keep rules against the truth", markup=markup, said=said, note=note)]


def levels_by_domain(shown: Shown) -> list[Block]:
    """rm-bench: accuracy by domain and difficulty."""
    names = ("easy", "normal", "hard")
    return _matrix("Accuracy by domain and difficulty", shown, shown.groups(*names), names)


def styles_matrix(shown: Shown) -> list[Block]:
    """rm-bench: accuracy by style of the chosen (rows) and of the rejected response (columns)."""
    values = [[_known(shown.value(WHOLE, f"{a} > {b}")) for b in STYLES] for a in STYLES]
    note = "Rows: style of the chosen response; columns: of the rejected one. Hard is above the diagonal, easy below."
    return _heat("Accuracy by style", list(STYLES), list(STYLES), values, note)


def source_name(name: str) -> str:
    """What gave probabilities, in words."""
    return {"raw": "raw scores", _FITTED: "after temperature and bias", "p_yes": "stored p_yes"}.get(
        name, cell(name, 40)
    )


def _matrix(title: str, shown: Shown, groups: Sequence[str], metrics: Sequence[str]) -> list[Block]:
    values = [[_known(shown.value(group, metric)) for metric in metrics] for group in groups]
    return _heat(title, [cell(name, 24) for name in groups], list(metrics), values, "")


def _heat(title: str, rows: list[str], columns: list[str], values: list[list[float]], note: str) -> list[Block]:
    table = np.array(values, dtype=np.float64).reshape(len(rows), len(columns))
    if not np.isfinite(table).any():
        return []
    worst = np.unravel_index(np.nanargmin(table), table.shape)
    said = f"{title}: lowest {told_value(float(table[worst]))}, {rows[worst[0]]}, {columns[worst[1]]}."
    numbers = [
        (name, *(told_value(v if v == v else None) for v in own)) for name, own in zip(rows, values, strict=True)
    ]
    grid = Grid(title="Numbers", head=("", *columns), rows=numbers, folded=True)
    markup = heat(said, rows, columns, table, low=0.0, high=1.0, values_shown=True)
    return [Drawing(title=title, markup=markup, said=said, note=note, numbers=grid)]


def _places(ks: Sequence[int]) -> tuple[dict[int, float], str]:
    """Where each k stands, and what the axis is called."""
    if ks[-1] <= _LOGARITHMIC or ks[0] < 1:
        return {k: float(k) for k in ks}, "k"
    return {k: math.log2(k) for k in ks}, "k, as its logarithm to base 2"


def _band(own: Mapping[float, Figure]) -> list[tuple[float, float, float]]:
    return [(x, one.low, one.high) for x, one in own.items() if one.low is not None and one.high is not None]


def _gaps(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The largest distance from the diagonal of each series, in words."""
    worst = {name: max(own, key=lambda point: abs(point[0] - point[1])) for name, own in series.items()}
    told_worst = (
        f"{name} is furthest off at {told_value(p)}, with {told_value(yes)} Yes" for name, (p, yes) in worst.items()
    )
    return "; ".join(told_worst) + "."


def _between(counts: Sequence[int]) -> str:
    return f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}" if counts else "0"


def _family(rule: str) -> str:
    """The kind of a rule, under which its thresholds are joined; all of `all` belongs to the fractions."""
    if rule == OWN:
        return "the rows' own decisions"
    name = cell(rule.partition(":")[0], 40)
    return "frac and all" if name in ("frac", "all") else name


def _known(value: float | None) -> float:
    return math.nan if value is None else value
