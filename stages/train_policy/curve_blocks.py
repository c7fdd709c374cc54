"""What a report shows of a run over its steps: reward, entropy, clipping, lengths, KL, and where gradients come from.

Figures are telemetry's; nothing is measured here.
"""

from collections.abc import Mapping
from typing import Final

from stages.core import charts
from stages.core.sections import Drawing, Grid, Section
from stages.core.shown import distinct
from stages.train_policy.curves import bars, class_legend, thinned
from stages.train_policy.report import LIMITS, means_of_generations
from stages.train_policy.show import PART, Series, parts_of
from stages.train_policy.telemetry import ALL, CLASSES

Found = Mapping[tuple[str, str], Series]

MOST_LINES: Final = 6
_MOST_ROWS: Final = 12
"""Of the table behind a drawing."""
_MOST_POINTS: Final = 120
_MOST_DOTS: Final = 12


def curve_blocks(found: Found) -> list[Section]:
    """Sections of all drawings for which there are figures, as `by_name` gives them; None is drawn of an empty run."""
    parts = {name: name.removeprefix(PART) for name in parts_of(found)}
    found = means_of_generations(found)
    learned = [
        _lines(
            found, "Reward", {"reward": "reward", **parts}, "reward", "Mean of each generation; parts before weights."
        ),
        _lines(found, "Entropy", {"entropy": "entropy"}, "nats a token", "Mean of each generation's updates."),
        _lines(
            found,
            "Length",
            {"length": "mean", "length_p50": "median", "length_p90": "90 %"},
            "tokens of a completion",
            "Of each generation.",
        ),
        _lines(
            found, "Cut at the limit", {"truncated": "cut", "no_answer": "without answer"}, "share of completions", ""
        ),
    ]
    steps = [
        _lines(
            found,
            "Outside the clip range",
            {"clip_low": "left, bad tokens", "clip_high": "right, good tokens", "dual": "past the dual clip"},
            "share of tokens",
            "Tokens whose gradient PPO would cut off, mean of each generation's updates, of which the first has none.",
        ),
        _lines(
            found,
            "KL",
            {"approx_kl": "KL(old || new)", "kl": "KL to the reference"},
            "nats a token",
            "To the policy that sampled, k3 estimate, mean of each generation's updates.",
        ),
        _lines(found, "Norm of the gradient", {"grad_norm": "norm"}, "norm, before it is clipped", "Of each update."),
        _lines(
            found, "Weight of the left side", {"beta1": "beta1"}, "beta1", "As the entropy band or a schedule sets it."
        ),
    ]
    budget = [
        _stack(found, "Where the gradient comes from", "gradient_share", "Shares of the norms of the logit gradients."),
        _stack(found, "What moves entropy", "ledger", f"Up: tokens that raise it; down: that lower it. {LIMITS}"),
    ]
    legend = (
        "PA, NA: tokens of completions better or worse than their group. LP: tokens so unlikely that pushing them up "
        "raises entropy; HP: the others. Out: outside the clip range; pale, with a frame."
    )
    return [
        Section(title="What the policy learned", blocks=list(filter(None, learned))),
        Section(title="How it was updated", blocks=list(filter(None, steps))),
        Section(title="The budget of entropy", blocks=list(filter(None, budget)), note=legend),
    ]


def _lines(found: Found, title: str, names: Mapping[str, str], y: str, note: str) -> Drawing | None:
    """Some figures as lines, under the names they are shown by; those that never leave 0 only if they are first."""
    series = {shown: found[ALL, metric] for metric, shown in names.items() if found.get((ALL, metric))}
    first = next(iter(series), None)
    series = {name: own for name, own in series.items() if name == first or any(value for _, value in own)}
    series = dict(list(series.items())[:MOST_LINES])
    if not series or (title.startswith("Weight") and len({value for _, value in series["beta1"]}) < 2):
        return None
    series = dict(zip(distinct(list(series)), series.values(), strict=True))
    said = f"{title} {_ends(series)}"
    shown = {name: thinned(own, _MOST_POINTS) for name, own in series.items()}
    few = all(len(own) <= _MOST_DOTS for own in series.values())
    return Drawing(
        title=title,
        markup=charts.lines(said, shown, x="step", y=y, y_range=_from_zero(shown), dots=few),
        said=said,
        note=note,
        numbers=_numbers(title, series),
    )


def _stack(found: Found, title: str, metric: str, note: str) -> Drawing | None:
    """The classes of tokens as stacked shares over the steps."""
    series = {name: found[name, metric] for name in CLASSES if found.get((name, metric))}
    if len({tuple(step for step, _ in own) for own in series.values()}) != 1:
        return None
    sums = {name: sum(value for _, value in own) for name, own in series.items()}
    total = sum(map(abs, sums.values())) or 1.0
    told = ", ".join(f"{name} {100 * value / total:.0f} %" for name, value in sums.items() if value)
    return Drawing(
        title=title,
        markup=f"{class_legend([name for name in series if sums[name]])}{bars(title, series)}",
        said=f"{title}, in all: {told or 'none'}.",
        note=note,
        numbers=_numbers(title, series),
    )


def _from_zero(series: Mapping[str, Series]) -> tuple[float, float] | None:
    """The whole height of figures that are not negative, so that a small change does not look like a large one."""
    values = [value for own in series.values() for _, value in own]
    return (0.0, 1.05 * max(values)) if min(values) >= 0 and max(values) > 0 else None


def _ends(series: Mapping[str, Series]) -> str:
    steps = [step for own in series.values() for step, _ in own]
    ends = "; ".join(f"{name} {own[0][1]:.4g} to {own[-1][1]:.4g}" for name, own in series.items())
    return f"from step {min(steps):,} to {max(steps):,}: {ends}."


def _numbers(title: str, series: Mapping[str, Series]) -> Grid:
    """Some of the numbers of a drawing, evenly over its steps."""
    values = [dict(own) for own in series.values()]
    steps = sorted(set().union(*values))
    num = min(len(steps), _MOST_ROWS)
    kept = [steps[k * (len(steps) - 1) // max(num - 1, 1)] for k in range(num)]
    rows = [[f"{step:,}", *(f"{own[step]:.4g}" if step in own else "\N{EN DASH}" for own in values)] for step in kept]
    return Grid(title=title, head=["step", *series], rows=rows)
